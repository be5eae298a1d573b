"""How long the reader takes for a 640x480 frame with ten digits, against the usual recipe.

    python benchmarks/reader_speed.py path/to/reference.py

The file given must have `frame(seed) -> (grey, truth)` and `Reference(model).run(grey)`. Both take turns in
one run, because no machine is quiet: the minimum of each burst, the median over the rounds, and their ratio.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from edge import DigitReader
from edge.model_file import load_model

ROUNDS = 40
BURST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    args = parser.parse_args()
    spec = importlib.util.spec_from_file_location("reference", args.reference)
    if spec is None or spec.loader is None:
        parser.error(f"{args.reference} is no Python file")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    cv2.setNumThreads(1)
    grey, _ = reference.frame()
    usual, reader = reference.Reference(load_model().path), DigitReader()
    runs: dict[str, Callable[[], object]] = {
        "usual recipe": lambda: usual.run(grey),
        "digitcam": lambda: reader.read_image(grey),
    }
    bursts: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            bursts[name].append(min(_seconds(run) for _ in range(BURST)))
    medians = {name: statistics.median(times) for name, times in bursts.items()}
    for name, seconds in medians.items():
        print(f"{name:14} {seconds * 1e6:7.0f} us a frame")
    print(f"ratio          {medians['digitcam'] / medians['usual recipe']:7.2f}")
    print("stages, ms:", reader.read_image(grey).speed.as_dict())


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
