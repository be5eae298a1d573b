"""How archives scale: with workers, with pictures, and through kills.

    python -m benchmarks.archive efficiency --pictures 3000    two workers against one, processes and Dask
    python -m benchmarks.archive linear --sizes 1000 5000 50000
    python -m benchmarks.archive kills --pictures 5000 --workers-killed 20 --clients-killed 5
    python -m benchmarks.archive client --pictures 200000    what the one process takes that is not shared

Pages with numbers in the demo's hand are drawn, some hundred of them, and linked under as many names as there
are to be pictures. All but `client` run the command line. The machine should have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edge.sources.handwriting import Hand, draw_strokes, write_number

DRAWN = 200
"""Different pages."""

INSIDE = 1000
"""Pictures in a folder."""

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}

LOOK_S = 0.25
"""Between two looks at the memory of the processes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("efficiency", "linear", "kills", "client"):
        verb = verbs.add_parser(name)
        verb.add_argument("--pictures", type=int, default=3000)
        verb.add_argument("--size", default="640x480", help="of a page, pixels")
        if name == "efficiency":
            verb.add_argument("--clusters", nargs="*", default=["", "local"])
        if name == "linear":
            verb.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000, 50_000])
            verb.add_argument("--workers", type=int, default=2)
        if name == "kills":
            verb.add_argument("--workers-killed", type=int, default=20)
            verb.add_argument("--clients-killed", type=int, default=5)
            verb.add_argument("--seed", type=int, default=1)
            verb.add_argument(
                "--cluster", default="", help="local: kills the processes of Dask, the scheduler's too"
            )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"efficiency": efficiency, "linear": linear, "kills": kills, "client": client}[args.verb](
            args, Path(folder)
        )


def efficiency(args: argparse.Namespace, folder: Path) -> None:
    draw_archive(folder / "in", args.pictures, args.size)
    for cluster in args.clusters:
        runs = [read(folder, f"{workers}{cluster}", workers, cluster) for workers in (1, 2)]
        one, two = (run.seconds for run in runs)
        print(
            f"--{'cluster ' + cluster if cluster else 'workers'}: {args.pictures} pictures of {args.size}, "
            f"1 worker {one:.1f} s, 2 workers {two:.1f} s ({args.pictures / two:.1f} / s), "
            f"efficiency {one / (2 * two):.3f}; of the processors {runs[0].cpu_s:.1f} and "
            f"{runs[1].cpu_s:.1f} s, efficiency {runs[0].cpu_s / runs[1].cpu_s:.3f}",
            flush=True,
        )


def linear(args: argparse.Namespace, folder: Path) -> None:
    for pictures in args.sizes:
        draw_archive(folder / "in", pictures, args.size)
        run = read(folder, str(pictures), args.workers, "")
        print(
            f"{pictures} pictures of {args.size}, {args.workers} workers: {run.seconds:.1f} s "
            f"({pictures / run.seconds:.1f} / s); most MB: command {run.most_mb['command']:.0f}, "
            f"worker {run.most_mb['worker']:.0f}, its child {run.most_mb['child']:.0f}; "
            f"{run.size_mb:.1f} MB of output, {run.journal_mb:.1f} MB of journal",
            flush=True,
        )


def kills(args: argparse.Namespace, folder: Path) -> None:
    """Kill workers, and now and then the command itself; count what is there in the end."""
    draw_archive(folder / "in", args.pictures, args.size)
    rng = np.random.default_rng(args.seed)
    workers_left, clients_left = args.workers_killed, args.clients_killed
    total, killed = workers_left + clients_left, 0
    out = folder / "out.jsonl"
    started = time.monotonic()
    while True:
        process = subprocess.Popen(
            command("in/**/*.jpg", "--out", out.name, "--resume", *where(2, args.cluster)),
            cwd=folder,
            env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            time.sleep(0.2)
            # Evenly over the archive; the last kill comes before its end.
            if killed < total and done(out) >= args.pictures * killed / (total + 1):
                victims = [pid for pid in descendants(process.pid) if pid != process.pid]
                client = rng.random() < clients_left / (workers_left + clients_left)
                if client:
                    process.kill()
                    clients_left -= 1
                elif victims:
                    os.kill(int(rng.choice(victims)), signal.SIGKILL)
                    workers_left -= 1
                else:
                    continue
                killed += 1
        if process.returncode in (0, 2) and json.loads((out / "_manifest.json").read_text())["finished_at"]:
            break
    rows = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.open()]
    keys = Counter((row["source"], row["page"], row["number"]) for row in rows)
    sources = {row["source"] for row in rows}
    print(
        f"{killed} kills ({args.workers_killed - workers_left} of workers and their children, "
        f"{args.clients_killed - clients_left} of the command) in {time.monotonic() - started:.0f} s: "
        f"{args.pictures - len(sources)} of {args.pictures} pictures are missing, "
        f"{sum(number > 1 for number in keys.values())} of {len(keys)} rows are there twice, "
        f"{sum(row['kind'] == 'failed' for row in rows)} pictures could not be read",
        flush=True,
    )


def client(args: argparse.Namespace, folder: Path) -> None:
    """List, note and write what workers that need no time have read."""
    from edge.archive import run
    from edge.archive.batches import Read
    from edge.archive.journal import Journal
    from edge.archive.listing import list_pictures
    from edge.archive.manifest import Manifest
    from edge.archive.rows import Row
    from edge.archive.settings import Settings
    from edge.types import ModelName
    from edge.workers import Ended, Workers

    class Instant(Workers):
        """Has read everything at once: three numbers on each page."""

        count = 200

        def __init__(self) -> None:
            self._read: list[Ended] = []

        def submit(self, number: int, items: Sequence[object]) -> None:
            rows = [
                tuple(
                    Row(source=item.listed.source, kind="number", number=k, text="407", status="accepted",
                        value=407.0, confidence=0.9876, left=100, top=100, right=200, bottom=150, width=640,
                        height=480, turned=0, complete=True, modified_at="2026-01-01T00:00:00.000Z",
                        read_ms=45.678)
                    for k in (1, 2, 3)
                )
                for item in items
            ]  # fmt: skip
            self._read.append(Ended(number, [Read(of_one) for of_one in rows]))

        def ended(self, timeout_s: float) -> list[Ended]:
            read, self._read = self._read, []
            return read

        def close(self) -> None:
            pass

    draw_archive(folder / "in", args.pictures, args.size)
    started = time.process_time()
    listed = sum(1 for _ in list_pictures([str(folder / "in" / "**" / "*.jpg")]))
    listing_s = time.process_time() - started
    out = folder / "out.parquet"
    out.mkdir()
    manifest = Manifest.now(Settings(), (ModelName("digits", "0"), ModelName("page", "0")), ())
    started, began = time.process_time(), time.monotonic()
    with Journal(out) as journal:
        pictures = list_pictures([str(folder / "in" / "**" / "*.jpg")])
        run._work(Instant(), journal, pictures, manifest, out, lambda counts, all_listed: None)
        run._flush(journal, manifest, out)
    seconds, wall = time.process_time() - started, time.monotonic() - began
    print(
        f"{listed} pictures: listed in {listing_s:.1f} s of a processor ({listed / listing_s:.0f} / s); "
        f"listed, noted and written with {3 * listed} rows in {seconds:.1f} s ({listed / seconds:.0f} / s), "
        f"{wall:.1f} s by the clock; "
        f"{own_mb():.0f} MB; {size_mb(out, 'part-*'):.1f} MB of Parquet, {size_mb(out, '_*'):.1f} MB of "
        "journal",
        flush=True,
    )


@dataclass
class Run:
    """What a run of the command line took; `cpu_s` is of all its processes, however busy the machine is."""

    seconds: float
    cpu_s: float = 0.0
    most_mb: dict[str, float] = field(default_factory=dict)
    size_mb: float = 0.0
    journal_mb: float = 0.0


def read(folder: Path, name: str, workers: int, cluster: str) -> Run:
    """Read the archive, and look at the memory of all processes meanwhile."""
    out = folder / f"{name}.parquet"
    started = time.monotonic()
    process = subprocess.Popen(
        command("in/**/*.jpg", "--out", out.name, *where(workers, cluster)),
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
    )
    most = {"command": 0.0, "worker": 0.0, "child": 0.0}
    cpu: dict[int, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            levels = {process.pid: "command"}
            levels |= dict.fromkeys(children(process.pid), "worker")
            levels |= {pid: "child" for worker in children(process.pid) for pid in children(worker)}
            cpu.update(
                {pid: used for pid in (process.pid, *descendants(process.pid)) if (used := cpu_s(pid))}
            )
            for pid, level in levels.items():
                most[level] = max(most[level], memory_mb(pid))

    looker = threading.Thread(target=look)
    looker.start()
    _, said = process.communicate()
    seconds = time.monotonic() - started
    over.set()
    looker.join()
    if process.returncode:
        raise SystemExit(f"it ended with {process.returncode}: {said.decode()}")
    run = Run(seconds, sum(cpu.values()), most, size_mb(out, "part-*"), size_mb(out, "_*"))
    shutil.rmtree(out)
    return run


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "edge", "read", *map(str, args)]


def where(workers: int, cluster: str) -> list[object]:
    return ["--workers", workers, *(["--cluster", cluster] if cluster else [])]


def draw_archive(folder: Path, pictures: int, size: str) -> None:
    """Have so many pictures in a folder; what is there already stays."""
    drawn = folder.parent / "drawn"
    if not drawn.exists():
        drawn.mkdir()
        width, height = map(int, size.split("x"))
        for number in range(min(DRAWN, pictures)):
            cv2.imwrite(str(drawn / f"{number}.jpg"), draw_page(np.random.default_rng(number), width, height))
    for number in range(pictures):
        inside = folder / f"{number // INSIDE:05}"
        if number % INSIDE == 0:
            inside.mkdir(parents=True, exist_ok=True)
        path = inside / f"{number:08}.jpg"
        if not path.exists():
            path.symlink_to(drawn / f"{number % min(DRAWN, pictures)}.jpg")


def draw_page(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Three numbers below each other."""
    ink = np.zeros((height, width), np.uint8)
    tall = height / 7
    hand = Hand(tall, slant=rng.normal(0, 0.06), width=1.0, gap=0.3, pen=0.09, shake=0.01, habits=(0,) * 10)
    for line in range(3):
        text = "".join(map(str, rng.integers(0, 10, rng.integers(2, 6))))
        place = np.array((width * rng.uniform(0.08, 0.2), height * (0.28 + 0.28 * line)))
        draw_strokes(ink, [stroke + place for stroke in write_number(text, hand, rng)], hand.pen * tall, rng)
    page = 210 - 160 * (ink / 255) + rng.normal(0, 2.5, ink.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def done(out: Path) -> int:
    """Pictures that are read so far, as the journal says to whoever asks from outside."""
    import sqlite3

    try:
        # The command has it locked: a copy is read. What is being written meanwhile is left out.
        with tempfile.TemporaryDirectory() as copy:
            for path in out.glob("_journal.sqlite*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, copy)
            with closing(sqlite3.connect(Path(copy, "_journal.sqlite"))) as journal:
                (count,) = journal.execute("SELECT count(*) FROM pictures WHERE done").fetchone()
            return int(count)
    except (OSError, sqlite3.Error):
        return 0


def children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


def memory_mb(pid: int) -> float:
    """Proportional set size where it is told, which counts shared pages once."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def cpu_s(pid: int) -> float:
    """Seconds of the processors that a process has used so far."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def own_mb() -> float:
    return memory_mb(os.getpid())


def size_mb(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6


if __name__ == "__main__":
    main()
