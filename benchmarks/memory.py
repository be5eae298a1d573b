"""How much memory a live reading takes, and whether it grows: `digitcam run` in one process over the demo.

    python benchmarks/memory.py --frames 5000

Prints the proportional set size (what is shared is counted by share; Linux only) every so often, and what its
slope would add over 200,000 frames. The target: at most 150 MB, and flat.
"""

from __future__ import annotations

import argparse
import re
from itertools import islice
from pathlib import Path

import numpy as np

from edge import DigitReader
from edge.events import Changes
from edge.sources.demo import DemoCamera
from edge.speedometer import Speedometer

LONG = 200_000
"""Frames that memory is to stay flat over: nearly two hours."""

WARM_UP = 0.2
"""Share of the frames in which caches still fill."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=int, default=50)
    args = parser.parse_args()
    reader, changes, speedometer = DigitReader(), Changes(), Speedometer()
    frames, megabytes = [], []
    for result in islice(reader.results(DemoCamera(args.seed, realtime=False)), args.frames):
        speedometer.tick(result)
        changes.update(result)
        if speedometer.frames % max(1, args.frames // args.samples) == 0:
            frames.append(speedometer.frames)
            megabytes.append(proportional_set_size() / 1e6)
            print(f"{frames[-1]:7} frames {megabytes[-1]:8.1f} MB", flush=True)
    warm = [frame > WARM_UP * args.frames for frame in frames]
    slope = float(np.polyfit(np.array(frames)[warm], np.array(megabytes)[warm], 1)[0])
    print(f"most {max(megabytes):.1f} MB; the slope adds {slope * LONG:+.1f} MB in {LONG} frames")


def proportional_set_size() -> int:
    """Bytes of memory of this process, what is shared with others counted by its share."""
    smaps = Path("/proc/self/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB$", smaps, re.MULTILINE)
    if found is None:
        raise SystemExit("this kernel does not tell the proportional set size")
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
