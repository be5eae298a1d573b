"""How long the reader takes for a 640x480 frame with ten digits, and for pages, against the usual recipe.

    python benchmarks/reader_speed.py path/to/reference.py [path/to/data/pages/photos]

The file given must have `frame(seed) -> (grey, truth)` and `Reference(model).run(grey)`. Both take turns in
one run, because no machine is quiet: the minimum of each burst, the median over the rounds, and their ratio.
Of a folder of pictures, each is shrunk into 640x480, and the median and the worst of their ratios are told:
of the pictures as they are then, of the same looked at as thoroughly as `digitcam read` does, and of frames
of 640x480 in which they lie on paper as bright as theirs, as a camera would show them.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge import DigitReader
from edge.decode import decode_image
from edge.model_file import load_model
from edge.planes import shrunk, to_grey
from edge.types import ByteArray

ROUNDS, PAGE_ROUNDS = 40, 3
BURST, PAGE_BURST = 10, 3
SIZE = 640, 480

Run = Callable[[ByteArray], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reference", type=Path)
    parser.add_argument("pictures", type=Path, nargs="?")
    args = parser.parse_args()
    spec = importlib.util.spec_from_file_location("reference", args.reference)
    if spec is None or spec.loader is None:
        parser.error(f"{args.reference} is no Python file")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    cv2.setNumThreads(1)
    grey, _ = reference.frame()
    usual, reader = reference.Reference(load_model().path), DigitReader()
    runs: dict[str, Callable[[ByteArray], object]] = {
        "usual recipe": usual.run,
        "digitcam": reader.read_image,
    }
    medians = _medians(runs, grey, ROUNDS, BURST)
    for name, seconds in medians.items():
        print(f"{name:14} {seconds * 1e6:7.0f} us a frame")
    print(f"ratio          {medians['digitcam'] / medians['usual recipe']:7.2f}")
    print("stages, ms:", reader.read_image(grey).speed.as_dict())
    if args.pictures is None:
        return
    pages = {
        path.name: _page(path) for path in sorted(path for path in args.pictures.iterdir() if path.is_file())
    }
    runs |= {"thorough": DigitReader(thorough=True).read_image}
    for what, change, mine in (
        ("pages", np.asarray, "digitcam"),
        ("pages, looked at as `read` does", np.asarray, "thorough"),
        ("frames with them", _on_a_frame, "digitcam"),
    ):
        ratios = {}
        for name, page in pages.items():
            both = {kind: runs[kind] for kind in ("usual recipe", mine)}
            medians = _medians(both, np.asarray(change(page), np.uint8), PAGE_ROUNDS, PAGE_BURST)
            ratios[name] = medians[mine] / medians["usual recipe"]
        worst = max(ratios, key=lambda name: ratios[name])
        median = statistics.median(ratios.values())
        print(f"{len(ratios)} {what}: median {median:.2f}, {worst} {ratios[worst]:.2f}")


def _page(path: Path) -> ByteArray:
    """A picture in grey that fits into `SIZE`."""
    grey = to_grey(decode_image(path.read_bytes(), str(path)))
    return shrunk(grey, max(1.0, grey.shape[1] / SIZE[0], grey.shape[0] / SIZE[1]))


def _on_a_frame(page: ByteArray) -> ByteArray:
    width, height = SIZE
    frame = np.full((height, width), int(np.median(page)), np.uint8)
    frame[: page.shape[0], : page.shape[1]] = page
    return frame


def _medians(runs: dict[str, Run], grey: ByteArray, rounds: int, burst: int) -> dict[str, float]:
    bursts: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            bursts[name].append(min(_seconds(run, grey) for _ in range(burst)))
    return {name: statistics.median(times) for name, times in bursts.items()}


def _seconds(run: Run, grey: ByteArray) -> float:
    start = time.perf_counter()
    run(grey)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
