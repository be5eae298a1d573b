"""The picture of docs/seeing-the-page.md: drawn scenes, and what the page network says of them.

    python -m training.page.picture --data DIR --out docs/seeing-the-page.jpg

The scenes are written by hands that training does not see. On the right, digits have boxes with what the
network takes them for, neighbours of one number are joined by a line, and other writing is tinted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from edge.files import write_whole
from edge.lines import Linking, rows_of
from edge.overlay import encode
from edge.page import BLOCK, PageNetwork, candidates
from edge.page_file import load_page, open_page
from edge.planes import to_grey
from edge.recognizer import BUDGET
from edge.types import Box, ByteArray, Digit, Prediction
from training.commands import exit_code
from training.scenes import draw_scene, load_bank

SIZE = (480, 640)
SEEDS = (2, 3, 4, 7, 14, 15)
WIDTH = 600
"""Pixels of each picture."""
QUALITY = 80
"""Of JPEG."""

EVEN = 0.0
"""Logit: what is shown is more likely than not."""

DIGIT, LINK, WRITING = (30, 130, 30), (200, 90, 20), (90, 90, 255)
"""Colours of boxes and labels, of the lines between neighbours, and of the tint; BGR."""

TINT = 0.45
"""Share of the colour where other writing is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="as for training (default: $DIGITCAM_DATA)")
    parser.add_argument("--out", type=Path, default=Path("docs/seeing-the-page.jpg"), metavar="FILE")
    options = parser.parse_args(arguments)

    def draw() -> None:
        write_whole(options.out, sheet(options.data, options.out.suffix))

    return exit_code(draw)


def sheet(data: Path | None, suffix: str) -> bytes:
    """The picture, encoded as its suffix says."""
    bank, page = load_bank(data, "test"), load_page()
    network = open_page(page)
    rows = []
    for seed in SEEDS:
        image = draw_scene(np.random.default_rng(seed), bank, size=SIZE).image
        rows.append(np.hstack([image, told(image, network, page.card.linking)]))
    whole = np.vstack(rows)
    scale = 2 * WIDTH / whole.shape[1]
    small = np.asarray(cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return encode(small, suffix, quality=QUALITY)


def told(image: ByteArray, network: PageNetwork, linking: Linking) -> ByteArray:
    """A BGR picture with what the page network says of it drawn in."""
    looks = network.looks(to_grey(image))
    writing = (looks[0].head("writing")[..., 0] > EVEN).astype(np.uint8)
    rows, columns = image.shape[:2]
    scale = looks[0].scale
    cells = np.array([[scale / BLOCK, 0, -0.5], [0, scale / BLOCK, -0.5]])
    tinted = cv2.warpAffine(writing, cells, (columns, rows), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    shown = image.copy()
    where = tinted > 0
    shown[where] = (1 - TINT) * shown[where] + TINT * np.array(WRITING)
    found = [
        Digit(each.box, Prediction(np.exp(each.labels)), links=each.links)
        for each in candidates(looks, EVEN, BUDGET)
    ]
    for row in rows_of(found):
        for left, right in pairwise(row):
            if linking.joins(left, right):
                _line(shown, left.box, right.box)
    for digit in found:
        _label(shown, digit.box, str(digit.prediction.label))
    return shown


def _line(picture: ByteArray, left: Box, right: Box) -> None:
    start, end = ((round(box.centre[0]), box.bottom) for box in (left, right))
    cv2.line(picture, start, end, LINK, 2, cv2.LINE_AA)


def _label(picture: ByteArray, box: Box, text: str) -> None:
    cv2.rectangle(picture, (box.left, box.top), (box.right, box.bottom), DIGIT, 1, cv2.LINE_AA)
    place = box.left, max(12, box.top - 3)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, DIGIT, 1, cv2.LINE_AA)


if __name__ == "__main__":
    sys.exit(main())
