"""See the scenes: `python -m training.scenes --data DIR --out sheet.png --count 24 --size 480x640`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from edge.errors import EdgeError, UsageError
from edge.files import write_whole
from edge.types import ByteArray
from training.scenes import Scene, draw_scene, load_bank

DIGITS, CLUTTER, IGNORED, MARKS = (0, 200, 0), (0, 0, 255), (255, 128, 0), (0, 255, 255)
NUMBERS = ((255, 0, 255), (160, 0, 0), (0, 120, 255), (120, 120, 0))
"""Colours of the boxes of a number's digits, in turn."""


def main(arguments: list[str] | None = None) -> int:
    """Draw scenes from a seed and write them, each above its truth, into one picture."""
    parser = argparse.ArgumentParser(prog="python -m training.scenes", description=main.__doc__)
    parser.add_argument(
        "--data", type=Path, help="folder of data sets (default: $DIGITCAM_DATA, else downloaded)"
    )
    parser.add_argument("--out", type=Path, default=Path("scenes.png"), help="picture to write (%(default)s)")
    parser.add_argument(
        "--split", choices=("train", "test"), default="train", help="writers to take (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first scene (%(default)s)")
    parser.add_argument("--count", type=int, default=24, help="scenes to draw (%(default)s)")
    parser.add_argument(
        "--size", type=_size, default=(480, 640), metavar="HxW", help="pixels, height first (480x640)"
    )
    parser.add_argument("--columns", type=int, default=6, help="scenes in a row (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.count < 1 or options.columns < 1:
            raise UsageError(
                f"expected at least one scene and one column, found {options.count}, {options.columns}"
            )
        bank = load_bank(options.data, options.split)
        tiles = []
        for index in range(options.count):
            scene = draw_scene(np.random.default_rng([options.seed, index]), bank, size=options.size)
            tiles.append(np.vstack([scene.image, overlay(scene)]))
            drawn = ", ".join(f"{name} {strength:.2f}" for name, strength in scene.conditions.items())
            print(f"{index}: {' '.join(scene.numbers) or '-'} ({drawn})")
        tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % options.columns)
        rows = [np.hstack(tiles[i : i + options.columns]) for i in range(0, len(tiles), options.columns)]
        write_whole(options.out, cv2.imencode(".png", np.vstack(rows))[1].tobytes())
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def overlay(scene: Scene) -> ByteArray:
    """The truth over a pale copy: digits green, clutter red, ignored blue; boxes in a colour by number."""
    picture: ByteArray = scene.image // 2 + 64
    for mask, colour in ((scene.ink, DIGITS), (scene.clutter_ink, CLUTTER), (scene.ignore, IGNORED)):
        picture[mask > 100] = colour
    for digit in scene.digits:
        left, top, right, bottom = digit.box.as_list()
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), NUMBERS[digit.line % len(NUMBERS)])
        cv2.putText(picture, str(digit.label), (left, top), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 120))
    for mark in scene.marks:
        left, top, right, bottom = mark.box.as_list()
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), MARKS)
    return picture


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected HxW such as 480x640, found {text!r}") from error
    if min(height, width) < 64:
        raise argparse.ArgumentTypeError(f"expected at least 64 pixels a side, found {text}")
    return height, width


if __name__ == "__main__":
    sys.exit(main())
