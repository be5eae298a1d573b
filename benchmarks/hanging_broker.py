"""What a broker that hangs for long does to reading: nothing, and nothing is lost.

    python -m benchmarks.hanging_broker --minutes 60      # with mosquitto

`digitcam run demo` keeps a history and sends to mosquitto, which is frozen (SIGSTOP) after a while: its
machine still takes connections, and nobody answers on them. Meanwhile frames are counted, with the longest
time between two of them, the memory of all processes, and the attempts to connect, with the most in any
minute. Then the broker goes on. In the end, whoever listens must have heard of each number that is in the
history, and of each message that waited, once by id.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.memory import family, pss
from benchmarks.mosquitto import Mosquitto

ROOT = Path(__file__).parent.parent

DEVICE = "benchmark"

BEFORE_S, AFTER_S = 60.0, 60.0
"""Seconds with a broker that is well, before and after."""

LOOK_S = 0.5
"""From one look at the connections to the next; an attempt holds for ten seconds and more."""

MEMORY_S = 10.0

SETTINGS = """
[mqtt]
host = "127.0.0.1"
port = {port}
device = "benchmark"
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What was seen while the broker was in one state.

    Attributes:
        seconds: how long.
        frames: that were read.
        longest_s: the longest time between two frames.
        highest_mb: memory of all processes of the reading.
        attempts: when a connection was begun, seconds, monotonic.
    """

    seconds: float
    frames: int
    longest_s: float
    highest_mb: float
    attempts: Sequence[float]

    @property
    def most_in_a_minute(self) -> int:
        """Attempts within any 60 seconds, at most."""
        return max(
            (sum(start <= other < start + 60 for other in self.attempts) for start in self.attempts),
            default=0,
        )

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.0f} s  {self.frames:6} frames, longest gap {self.longest_s:.2f} s, "
            f"{self.highest_mb:.0f} MB, {len(self.attempts)} connections begun, at most "
            f"{self.most_in_a_minute} in a minute"
        )


class Reading:
    """`digitcam run`, and what can be seen of it from outside."""

    def __init__(self, folder: Path, port: int, fps: float) -> None:
        settings = folder / "digitcam.toml"
        settings.write_text(SETTINGS.format(port=port))
        command = [sys.executable, "-m", "edge", "run", "demo", "--json", "--every-frame"]
        command += ["--fps", f"{fps:g}", "--history", str(folder / "history.db")]
        # The settings of a user whose folder this is.
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder)}
        self.said = (folder / "said").open("w+b")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.said, cwd=ROOT, env=environment
        )
        self.port = port
        self.frames: list[float] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def watch(self, seconds: float) -> Span:
        """Look on for so long."""
        began, first = time.monotonic(), len(self.frames)
        known, attempts, highest, next_memory = self._connections(), [], 0.0, 0.0
        while (now := time.monotonic()) < began + seconds:
            if self.process.poll() is not None:
                raise SystemExit("digitcam has ended")
            there = self._connections()
            attempts += [now] * len(there - known)
            known = there
            if now >= next_memory:
                next_memory = now + MEMORY_S
                highest = max(highest, sum(pss(pid) for pid in family(self.process.pid)))
            time.sleep(LOOK_S)
        frames = self.frames[max(0, first - 1) :]
        longest = max((after - before for before, after in itertools.pairwise(frames)), default=0)
        return Span(now - began, len(self.frames) - first, longest, highest, attempts)

    def end(self) -> float:
        """End it as systemd does; seconds until it has."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(60)
        self._reader.join()
        return time.monotonic() - began

    def _read(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self.frames.append(time.monotonic())

    def _connections(self) -> set[int]:
        """Ports from which it is connected to the broker, or tries to be."""
        own = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, here, there, state, *_ = line.split()
            # 01 is ESTABLISHED, 02 SYN_SENT; the broker's own ends have its port as theirs.
            if int(there.rpartition(":")[2], 16) == self.port and state in ("01", "02"):
                own.add(int(here.rpartition(":")[2], 16))
        return own


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that arrived."""

    id: str
    topic: str
    body: bytes


class Listener:
    """Hears all that is sent. The broker keeps what comes while it is away."""

    def __init__(self, port: int) -> None:
        self.heard: list[Heard] = []
        self._port = port
        self._client: Client | None = None

    def come(self) -> None:
        """Connect, with the session from before."""
        client = Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=MQTTv5)
        client.on_message = self._hear
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_connect = lambda *_: client.subscribe(f"digitcam/{DEVICE}/#", qos=1)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 0xFFFFFFFF
        client.connect("127.0.0.1", self._port, clean_start=False, properties=session)
        client.loop_start()
        subscribed.wait(30)
        self._client = client

    def go(self) -> None:
        """Leave for a while."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _hear(self, client: Client, data: object, message: MQTTMessage) -> None:
        told = dict(getattr(message.properties, "UserProperty", None) or [])
        if "id" in told:  # what is true now is told without one
            self.heard.append(Heard(told["id"], message.topic, message.payload))


def waiting(path: Path) -> set[str]:
    """Ids of the messages that wait."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM messages")}


def problems(path: Path, waited: set[str], heard: Sequence[Heard]) -> list[str]:
    """What is wrong in the end."""
    found = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = Counter(kind for (kind,) in connection.execute("SELECT kind FROM entries"))
    if left := waiting(path):
        found.append(f"{len(left)} messages were not sent in the end")
    ids = {one.id for one in heard}
    if lost := waited - ids:
        found.append(f"{len(lost)} of {len(waited)} messages that waited were not heard")
    for kind, ending in (("number", "/event"), ("field", "/attributes")):
        told = {one.id: one.body for one in heard if one.topic.endswith(ending)}
        if len(told) != rows[kind]:
            found.append(f"{rows[kind]} rows of kind {kind} are kept, {len(told)} messages were heard")
        if len({json.dumps({**json.loads(body), "id": ""}) for body in told.values()}) != len(told):
            found.append(f"messages on {ending} are doubled under two ids")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, metavar="M", help="it hangs (60)")
    parser.add_argument("--fps", type=float, default=5.0, metavar="N", help="frames a second (5)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for the files, which stay there")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "history.db"
    broker = Mosquitto(folder)
    broker.start()
    listener = Listener(broker.port)
    listener.come()
    reading = Reading(folder, broker.port, args.fps)
    try:
        print(f"broker well    {reading.watch(BEFORE_S)}", flush=True)
        listener.go()
        broker.freeze()
        print(f"broker hangs   {reading.watch(60 * args.minutes)}", flush=True)
        waited = waiting(path)
        broker.thaw()
        thawed = time.monotonic()
        span = reading.watch(AFTER_S)
        while waiting(path) & waited and time.monotonic() < thawed + 900:
            time.sleep(1)
        print(f"broker well    {span}", flush=True)
        print(f"{len(waited)} messages had waited; sent {time.monotonic() - thawed:.0f} s after, at most")
        listener.come()
        print(f"ended in {reading.end():.1f} s")
        time.sleep(5)
    finally:
        reading.process.kill()
        listener.go()
        broker.stop()
    ids = Counter(one.id for one in listener.heard)
    print(f"{len(listener.heard)} messages heard, {len(ids)} ids, {len(listener.heard) - len(ids)} repeats")
    wrong = problems(path, waited, listener.heard)
    for line in wrong:
        print(f"PROBLEM: {line}")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
