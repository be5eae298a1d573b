"""The picture of docs/finding-ink.md: drawn scenes, what stands out classically, the strokes that are marked.

    python -m training.ink.picture --data DIR --out docs/finding-ink.jpg

The scenes are written by hands that training does not see.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.by_ink.ink import InkMarker
from edge.by_ink.segment import (
    FAINT_CONTRAST,
    NOISE_FACTOR,
    local_contrast,
    noise,
    paper_brightness,
    segment,
)
from edge.files import write_whole
from edge.overlay import encode
from edge.planes import to_grey
from edge.types import ByteArray
from training.commands import exit_code
from training.scenes import draw_scene, load_bank

SIZE = (480, 640)
SEEDS = (3, 5, 8, 11, 17, 24)
WIDTH = 420
"""Pixels of each picture."""
QUALITY = 80
"""Of JPEG."""


def classical(grey: ByteArray) -> ByteArray:
    """Black on white: all that is darker than the paper around it by more than its noise."""
    contrast = local_contrast(grey, paper_brightness(grey))
    return np.where(contrast > max(FAINT_CONTRAST * 255, NOISE_FACTOR * noise(grey)), 0, 255).astype(np.uint8)


def marked(grey: ByteArray, mark: InkMarker) -> ByteArray:
    """Black on white: the strokes where the network marks ink."""
    page = np.full_like(grey, 255)
    for ink in segment(grey, mark).marked:
        place = ink.box.of(page)
        np.minimum(place, 255 - ink.pixels, out=place)
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="as for training (default: $DIGITCAM_DATA)")
    parser.add_argument("--out", type=Path, default=Path("docs/finding-ink.jpg"), metavar="FILE")
    options = parser.parse_args(arguments)

    def draw() -> None:
        write_whole(options.out, sheet(options.data, options.out.suffix))

    return exit_code(draw)


def sheet(data: Path | None, suffix: str) -> bytes:
    """The picture, encoded as its suffix says."""
    bank, mark = load_bank(data, "test"), InkMarker()
    rows = []
    for seed in SEEDS:
        image = draw_scene(np.random.default_rng(seed), bank, size=SIZE).image
        grey = to_grey(image)
        masks = [cv2.cvtColor(mask, cv2.COLOR_GRAY2BGR) for mask in (classical(grey), marked(grey, mark))]
        rows.append(np.hstack([image, *masks]))
    page = np.vstack(rows)
    scale = 3 * WIDTH / page.shape[1]
    small = np.asarray(cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return encode(small, suffix, quality=QUALITY)


if __name__ == "__main__":
    sys.exit(main())
