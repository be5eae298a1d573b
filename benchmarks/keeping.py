"""What a history and a broker cost the live loop.

    python -m benchmarks.keeping --frames 2000 --rounds 8

Reads the simulated camera as fast as it goes, by turns with neither and with both: a real broker, mosquitto,
on this machine, to which every event is sent. Frames per second are those of digitcam itself, without its
start. Tells the medians of both, the ratio of each pair, and the memory of all processes with both on.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.memory import family, pss
from benchmarks.mosquitto import Mosquitto

SUMMARY = re.compile(r"(\d+) frames in ([0-9.]+) s")
LOOK_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=2000, metavar="N", help="of each run (2000)")
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="pairs of runs (8)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Mosquitto(Path(name)) as broker:
        folder = Path(name)
        (folder / "digitcam.toml").write_text(f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
        compare(folder, args.frames, args.rounds)


def compare(folder: Path, frames: int, rounds: int) -> None:
    """Run both by turns, and print what came out."""
    alone: list[float] = []
    both: list[float] = []
    highest = 0.0
    for number in range(rounds):
        history = folder / f"history-{number}.db"
        options = ("--history", str(history)), ("--history", "none")
        settings = True, False
        # Which of them goes first changes, so that a machine that grows slower favours neither.
        for which in (0, 1) if number % 2 else (1, 0):
            speed, memory = run(folder, frames, options[which], settings[which])
            (both, alone)[which].append(speed)
            if which == 0:
                highest = max(highest, memory)
        print(f"{alone[-1]:7.1f} alone {both[-1]:7.1f} with both {both[-1] / alone[-1]:7.3f}", flush=True)
    ratios = sorted(one / other for one, other in zip(both, alone, strict=True))
    print(f"medians: {statistics.median(alone):.1f} and {statistics.median(both):.1f} frames a second")
    print(f"ratio: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    print(f"memory with both, at most: {highest:.0f} MB")


def run(folder: Path, frames: int, options: Sequence[str], settings: bool) -> tuple[float, float]:
    """Frames per second that digitcam tells at its end, and the megabytes it took at most."""
    command = [sys.executable, "-m", "edge"]
    environment = os.environ | ({"XDG_CONFIG_HOME": str(folder)} if settings else {})
    command += ["run", "demo", "--no-realtime", "--frames", str(frames), *options]
    highest = 0.0
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        while process.poll() is None:
            highest = max(highest, sum(pss(pid) for pid in family(process.pid)))
            time.sleep(LOOK_S)
        said.seek(0)
        text = said.read()
    found = SUMMARY.search(text)
    if process.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return int(found[1]) / float(found[2]), highest


if __name__ == "__main__":
    main()
