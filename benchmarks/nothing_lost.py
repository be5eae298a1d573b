"""Whether anything that was acknowledged is lost: real processes, real files, and a count.

    python -m benchmarks.nothing_lost                     # all parts
    python -m benchmarks.nothing_lost history --kills 500
    python -m benchmarks.nothing_lost power --cuts 50     # as root
    python -m benchmarks.nothing_lost mqtt                # with mosquitto

A process keeps readings with messages about them as fast as it can, and says after each transaction what it
has been told is kept. It is stopped at random moments, by far the most of them in the middle of a write, and
started again. At the end, all that was said must be in the file, once, in its order, each with its message,
and SQLite must find the file whole.

Part `history`: the process is killed (SIGKILL); the system lives on.
Part `power`: the file lies on a disk of its own, an image with ext4. The process is stopped (SIGSTOP), and
the next one begins with what the disk holds at that moment: what the system had not written to it yet is
gone, as after a power cut.
Part `mqtt`: readings are kept and sent to a broker, mosquitto, which is stopped or frozen again and again,
while the process that reads is killed. Somebody who listens must have heard of each reading that is in the
file, and may have heard of it twice, but then under one id.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.mosquitto import Mosquitto
from edge.control import Control
from edge.events import Event
from edge.senders.broker import Broker
from edge.senders.mqtt import MqttSender
from edge.senders.topics import MqttMessages, Topics
from edge.sinks.current import Current
from edge.sinks.history import History
from edge.store import Limits, NewEntry, NewMessage, Store
from edge.types import Box, Frame, ModelName, Reading, Result, Speed

ROOT = Path(__file__).parent.parent

SOON_S = 0.3
"""Seconds after its first transaction at which a process is stopped, at most."""

AT_ONCE = 4
"""Readings in a transaction, at most."""

CROP = bytes(3000)
"""As large as a crop is."""

DISK_MB = 64

DEVICE = "benchmark"

PER_SECOND = 50
"""Readings of part `mqtt`: more than a board can make."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done.

    Attributes:
        folder: for the files.
        kills: of part `history`.
        cuts: of part `power`.
        seed: of the moments.
        readings: of part `mqtt`.
        outages: of the broker there.
        deaths: of the process there.
    """

    folder: Path
    kills: int = 500
    cuts: int = 50
    seed: int = 0
    readings: int = 5000
    outages: int = 20
    deaths: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a file.

    Attributes:
        entries: their texts, in their order.
        messages: likewise.
        problems: what is wrong with the file.
    """

    entries: Sequence[str]
    messages: Sequence[str]
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a part.

    Attributes:
        what: was done, in words.
        acknowledged: how many things were said to be kept or sent.
        lost: of those, how many are not there.
        doubled: how many are there more than once.
        problems: what else is wrong.
    """

    what: str
    acknowledged: int
    lost: int
    doubled: int
    problems: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.problems)


class Said:
    """What the processes have said.

    Attributes:
        kept: what was acknowledged, in its order.
        in_mid_write: how many processes had begun something that was not acknowledged.
    """

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.in_mid_write = 0

    def add(self, words: bytes) -> None:
        """Take all that one process has said."""
        lines = words.decode().split("\n")
        begun, kept = ([line[1:] for line in lines if line.startswith(mark)] for mark in "<>")
        self.in_mid_write += len(begun) > len(kept)
        self.kept += [text for line in kept for text in line.split()]


def judge(what: str, said: Said, found: Found) -> Outcome:
    """Compare what was said with what is there."""
    problems = list(found.problems)
    there = set(found.entries)
    if found.messages != found.entries:
        problems.append("messages and entries do not agree")
    acknowledged = set(said.kept)
    in_order = [text for text in dict.fromkeys(found.entries) if text in acknowledged]
    if in_order != [text for text in said.kept if text in there]:
        problems.append("entries are not in their order")
    return Outcome(
        f"{what}, {said.in_mid_write} of them in mid-write",
        len(said.kept),
        len(acknowledged - there),
        len(found.entries) - len(there),
        problems,
    )


def history(plan: Plan) -> Outcome:
    """Kill a process that keeps readings, again and again."""
    draw, path, said = random.Random(plan.seed), plan.folder / "history.db", Said()
    for life in range(plan.kills):
        with _writing(path, life) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(draw.uniform(0, SOON_S))
            process.kill()
            said.add(first + process.stdout.read())
    return judge(f"{plan.kills} kills", said, look(path))


def power(plan: Plan) -> Outcome:
    """Go on with what a disk holds, again and again."""
    draw, said = random.Random(plan.seed), Said()
    disk, after, mount = plan.folder / "disk", plan.folder / "after", plan.folder / "mount"
    mount.mkdir()
    with disk.open("wb") as file:
        file.truncate(DISK_MB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)
    for life in range(plan.cuts):
        with _mounted(disk, mount), _writing(mount / "history.db", life) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(draw.uniform(0, SOON_S))
            process.send_signal(signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            shutil.copyfile(disk, after)
            said.add(first + _rest(process))
            process.kill()
        after.replace(disk)
    with _mounted(disk, mount):
        found = look(mount / "history.db")
    return judge(f"{plan.cuts} power cuts", said, found)


def mqtt(plan: Plan) -> Outcome:
    """Stop and freeze the broker, and kill who sends to it, while readings are made."""
    from paho.mqtt.client import Client, MQTTMessage, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    draw, path = random.Random(plan.seed), plan.folder / "history.db"
    broker = Mosquitto(plan.folder)
    heard: list[tuple[str, str]] = []

    def hear(client: Client, data: object, message: MQTTMessage) -> None:
        told = json.loads(message.payload)
        heard.append((told["id"], told["text"]))

    # The broker keeps what comes while the listener is away: both are after an outage.
    listener = Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=MQTTv5)
    listener.reconnect_delay_set(1, 1)
    listener.on_message = hear
    listener.on_connect = lambda *_: listener.subscribe(f"digitcam/{DEVICE}/event", qos=1)
    incidents = ["outage"] * plan.outages + ["death"] * plan.deaths
    draw.shuffle(incidents)
    moments = sorted(draw.sample(range(plan.readings), len(incidents)), reverse=True)
    kept: set[str] = set()
    process: subprocess.Popen[bytes] | None = None
    try:
        broker.start()
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        listener.connect("127.0.0.1", broker.port, clean_start=False, properties=session)
        listener.loop_start()
        process = _reading(path, broker.port, plan.readings)
        assert process.stdout is not None
        while line := process.stdout.readline().decode().strip():
            if line == "done":
                break
            kept.add(line)
            if moments and int(line) >= moments[-1]:
                moments.pop()
                if incidents.pop() == "outage":
                    _outage(broker, draw.uniform(0.5, 3), frozen=draw.random() < 0.5)
                else:
                    process.kill()
                    kept |= set(process.stdout.read().decode().split()) - {"done"}
                    process.stdout.close()
                    process.wait()
                    process = _reading(path, broker.port, plan.readings)
                    assert process.stdout is not None
        _settle(heard)
    finally:
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        listener.disconnect()
        listener.loop_stop()
        broker.stop()
    with closing(Store(path)) as store:
        entries = [entry.text or "" for entry in store.history.each()]
        left = store.outbox.waiting("mqtt")
    return judge_heard(plan, kept, entries, left, heard)


def judge_heard(
    plan: Plan, kept: set[str], entries: Sequence[str], left: int, heard: Sequence[tuple[str, str]]
) -> Outcome:
    """Compare what was heard, ids and texts, with what is in the file."""
    problems = []
    if sorted(entries, key=int) != [str(number) for number in range(plan.readings)]:
        problems.append(f"expected {plan.readings} readings in the file, each once, found {len(entries)}")
    if kept - set(entries):
        problems.append(f"{len(kept - set(entries))} readings were said to be kept and are not")
    if left:
        problems.append(f"{left} messages were not sent in the end")
    by_id = dict(heard)
    told = list(by_id.values())
    return Outcome(
        f"{plan.outages} outages of the broker and {plan.deaths} kills; {len(heard) - len(by_id)} repeats, "
        "told by their ids",
        len(entries),
        len(set(entries) - set(told)),
        len(told) - len(set(told)),
        problems,
    )


def read_and_send(path: Path, port: int, readings: int) -> None:
    """Go on with the readings where the file ends, keep and send them, and say each that is kept."""
    store = Store(path)
    store.open()
    number = 1 + max((int(entry.text or "") for entry in store.history.each()), default=-1)
    model = ModelName("digits", "")
    sink = History(
        store, Limits(1 << 30), live=False, writers=[MqttMessages(Topics(DEVICE), model)], on_notice=_complain
    )
    broker = Broker("127.0.0.1", port, device=DEVICE, discovery="")
    sender = MqttSender(broker, store.outbox, Control(), model, Current(), version="", on_notice=_complain)
    sender.start()
    image = np.zeros((8, 8), np.uint8)
    for k in range(number, readings):
        frame = Frame(image, k, time.monotonic(), datetime.now(UTC), "benchmark")
        reading = Reading(str(k), "accepted", 0.99, Box(0, 0, 4, 4), (), track_id=k)
        sink.write(
            Result(frame, (reading,), Speed(), model, model), [Event("accepted", reading, frame.moment)]
        )
        _say(str(k))
        time.sleep(1 / PER_SECOND)
    while sender.state.waiting:
        time.sleep(0.1)
    _say("done")
    sender.close(5)
    store.close()


def _outage(broker: Mosquitto, seconds: float, *, frozen: bool) -> None:
    """Have it be away for a while: hanging, or stopped in good order."""
    if frozen:
        broker.freeze()
        time.sleep(seconds)
        broker.thaw()
    else:
        broker.stop()
        time.sleep(seconds)
        broker.start()


def _reading(path: Path, port: int, readings: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.nothing_lost", "--send", path.absolute()]
    command += ["--port", str(port), "--readings", str(readings)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)


def _settle(heard: Sequence[object]) -> None:
    """Wait until nothing more comes."""
    before = -1
    while len(heard) != before:
        before = len(heard)
        time.sleep(2)


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def look(path: Path) -> Found:
    """What is in a file."""
    told: list[str] = []
    with closing(Store(path, on_notice=told.append)) as store:
        store.open()
        entries = [entry.text or "" for entry in store.history.each()]
        messages = [message.body.decode() for message in store.outbox.pending("mqtt", limit=1 << 40)]
    with closing(sqlite3.connect(path)) as connection:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        told.append(f"integrity_check: {sound}")
    return Found(entries, messages, [*told, *(f"set aside: {torn}" for torn in store.torn)])


def write(path: Path, life: int) -> None:
    """Keep readings until somebody ends it, and say each time before and after what is kept."""
    draw, number = random.Random(life), 0
    store = Store(path)
    while True:
        texts = [f"{life}.{number + k}" for k in range(draw.randint(1, AT_ONCE))]
        number += len(texts)
        _say(f"<{' '.join(texts)}")
        messages = [NewMessage("mqtt", "t", text.encode()) for text in texts]
        store.record([_entry(text) for text in texts], messages)
        _say(f">{' '.join(texts)}")


def _entry(text: str) -> NewEntry:
    return NewEntry(kind="field", field="water", text=text, captured_at=datetime.now(UTC), crop=CROP)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def _writing(path: Path, life: int) -> Iterator[subprocess.Popen[bytes]]:
    # As a module: of the same checkout.
    command = [
        sys.executable,
        "-m",
        "benchmarks.nothing_lost",
        "--write",
        path.absolute(),
        "--life",
        str(life),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _rest(process: subprocess.Popen[bytes]) -> bytes:
    """What a process that is stopped has said meanwhile."""
    assert process.stdout is not None
    words = b""
    while select.select([process.stdout], [], [], 0)[0]:
        words += process.stdout.read(1 << 16)
    return words


@contextmanager
def _mounted(disk: Path, mount: Path) -> Iterator[None]:
    # What the system would write of its own accord after some seconds is not what is being tried.
    subprocess.run(["mount", "-o", "loop,commit=600", disk, mount], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", mount], check=True)


PARTS: dict[str, Callable[[Plan], Outcome]] = {"history": history, "power": power, "mqtt": mqtt}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all of them)")
    parser.add_argument("--kills", type=int, default=500, metavar="N", help="of part history (500)")
    parser.add_argument("--cuts", type=int, default=50, metavar="N", help="of part power (50)")
    parser.add_argument("--readings", type=int, default=5000, metavar="N", help="of part mqtt (5000)")
    parser.add_argument("--outages", type=int, default=20, metavar="N", help="of the broker there (20)")
    parser.add_argument("--deaths", type=int, default=20, metavar="N", help="of the process there (20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the moments (0)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for the files: on the disk to be tried")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--life", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--send", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.send:
        read_and_send(args.send, args.port, args.readings)
        return 0
    if args.write:
        write(args.write, args.life)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(unknown)}: expected {', '.join(PARTS)}")
    bad = False
    print(f"{'part':8} {'acknowledged':>12} {'lost':>5} {'doubled':>7} {'seconds':>7}")
    for name in args.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            began = time.monotonic()
            plan = Plan(
                Path(folder), args.kills, args.cuts, args.seed, args.readings, args.outages, args.deaths
            )
            outcome = PARTS[name](plan)
            took = time.monotonic() - began
        print(
            f"{name:8} {outcome.acknowledged:12,} {outcome.lost:5} {outcome.doubled:7} {took:7.0f}"
            f"   {outcome.what}",
            flush=True,
        )
        for problem in outcome.problems:
            print(f"         {problem}")
        bad |= not outcome.is_good
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
