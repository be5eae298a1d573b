"""How much memory a command takes with all its processes, from its start to its end.

    python benchmarks/memory.py digitcam run demo --no-realtime --frames 200000
    python benchmarks/memory.py --seconds 3600 --at-most 250 digitcam serve demo

The proportional set size (PSS) counts what several processes share once in all. A file that another program
has mapped too, such as a library, counts in part only: measure an installation that nothing else is using.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--every", type=float, default=10.0, metavar="S", help="seconds between two lines (10)"
    )
    parser.add_argument(
        "--seconds", type=float, default=math.inf, metavar="S", help="end the command after so many"
    )
    parser.add_argument(
        "--at-most", type=float, default=math.inf, metavar="MB", help="exit with 1 where it takes more"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("expected a command to run")
    highest, started = 0.0, time.monotonic()
    with subprocess.Popen(args.command) as process:
        while process.poll() is None:
            each = [megabytes for pid in family(process.pid) if (megabytes := pss(pid))]
            highest = max(highest, sum(each))
            print(f"{time.monotonic() - started:8.0f} s {sum(each):8.1f} MB = {each}", flush=True)
            if time.monotonic() - started >= args.seconds:
                process.terminate()
            try:
                process.wait(args.every)
            except subprocess.TimeoutExpired:
                continue
    print(f"highest  {highest:10.1f} MB")
    return process.returncode or int(highest > args.at_most)


def family(pid: int) -> Iterator[int]:
    """A process and all that it started, and so on."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def pss(pid: int) -> float:
    """Megabytes of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    raise SystemExit(main())
