"""Whether anything that was acknowledged is lost: real processes, real files, and a count.

    python benchmarks/nothing_lost.py                     # all parts
    python benchmarks/nothing_lost.py history --kills 500
    python benchmarks/nothing_lost.py power --cuts 50     # as root

A process keeps readings with messages about them as fast as it can, and says after each transaction what it
has been told is kept. It is stopped at random moments, by far the most of them in the middle of a write, and
started again. At the end, all that was said must be in the file, once, in its order, each with its message,
and SQLite must find the file whole.

Part `history`: the process is killed (SIGKILL); the system lives on.
Part `power`: the file lies on a disk of its own, an image with ext4. The process is stopped (SIGSTOP), and
the next one begins with what the disk holds at that moment: what the system had not written to it yet is
gone, as after a power cut.
"""

from __future__ import annotations

import argparse
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

from edge.store import NewEntry, NewMessage, Store

ROOT = Path(__file__).parent.parent

SOON_S = 0.3
"""Seconds after its first transaction at which a process is stopped, at most."""

AT_ONCE = 4
"""Readings in a transaction, at most."""

CROP = bytes(3000)
"""As large as a crop is."""

DISK_MB = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done.

    Attributes:
        folder: for the files.
        kills: of part `history`.
        cuts: of part `power`.
        seed: of the moments.
    """

    folder: Path
    kills: int = 500
    cuts: int = 50
    seed: int = 0


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


PARTS: dict[str, Callable[[Plan], Outcome]] = {"history": history, "power": power}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all of them)")
    parser.add_argument("--kills", type=int, default=500, metavar="N", help="of part history (500)")
    parser.add_argument("--cuts", type=int, default=50, metavar="N", help="of part power (50)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the moments (0)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for the files: on the disk to be tried")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--life", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        write(args.write, args.life)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(unknown)}: expected {', '.join(PARTS)}")
    bad = False
    print(f"{'part':8} {'acknowledged':>12} {'lost':>5} {'doubled':>7} {'seconds':>7}")
    for name in args.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            began = time.monotonic()
            outcome = PARTS[name](Plan(Path(folder), args.kills, args.cuts, args.seed))
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
