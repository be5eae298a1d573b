"""Scenes and answers of a page network, made by hand: no data set, and nothing that takes long."""

from dataclasses import fields

import cv2
import numpy as np
from samples import handwriting

from edge.page import BLOCK, BOX_UNIT, CHANNELS, DEPTH, Look, paper_brightness
from edge.types import SIGNS, Box, Prediction
from training.scenes import Scene, SceneDigit
from training.scenes.scene import SceneMark

UNIT = 0.15
"""Logits for a step of int8: boxes of several hundred pixels still fit."""


STROKES = {
    ".": [(0.0, -0.02, 0.0, 0.0)],
    ",": [(0.02, -0.05, -0.08, 0.2)],
    ":": [(0.0, -0.1, 0.0, -0.08), (0.0, -0.5, 0.0, -0.48)],
    "/": [(0.18, -1.0, -0.18, 0.05)],
    "-": [(-0.15, -0.45, 0.15, -0.45)],
}
"""From where to where the strokes of a mark go, in heights of a digit from its place on the line."""


def scene_of(numbers, words=(), size=(384, 512), height=40, marks=()):
    """A page of numbers and words, dark on light.

    Args:
        numbers: text, x of the first digit and y of the line of each.
        words: text, x and y of each.
        size: rows and columns.
        height: of the digits, pixels.
        marks: kind, number, x and y of the line of each.
    """
    covered, instances = np.zeros(size, np.uint8), np.zeros(size, np.uint16)
    digits = []
    for line, (text, left, base) in enumerate(numbers):
        for position, character in enumerate(text):
            ink = handwriting(character, height, size, left + round(0.9 * height * position), base, 0)
            covered = np.maximum(covered, ink)
            instance = len(digits) + 1
            instances[ink > 0] = instance
            x, y, wide, high = cv2.boundingRect(ink)
            digits.append(SceneDigit(int(character), Box(x, y, x + wide, y + high), line, position, instance))
    clutter = np.zeros(size, np.uint8)
    for text, left, base in words:
        cv2.putText(clutter, text, (left, base), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 1.2, 255, 2, cv2.LINE_AA)
    known = []
    for kind, line, x, base in marks:
        ink = np.zeros(size, np.uint8)
        for x0, y0, x1, y1 in STROKES[kind]:
            start, end = ((round(x + height * a), round(base + height * b)) for a, b in ((x0, y0), (x1, y1)))
            cv2.line(ink, start, end, 255, max(2, height // 12), cv2.LINE_AA)
        left, top, wide, high = cv2.boundingRect(ink)
        known.append(SceneMark(kind, Box(left, top, left + wide, top + high), line))
        clutter = np.maximum(clutter, ink)
    grey = np.round(220 - 170 * (np.maximum(covered, clutter) / 255)).astype(np.uint8)
    return Scene(
        image=cv2.merge([grey] * 3),
        ink=covered,
        clutter_ink=clutter,
        ignore=np.zeros(size, np.uint8),
        instances=instances,
        digits=tuple(digits),
        conditions={},
        marks=tuple(known),
    )


def pages_of(scenes):
    """Scenes as pages that are kept."""
    from training.page.lessons import Pages, page_of  # needs what a workstation has

    parts = [page_of(scene) for scene in scenes]
    for index, part in enumerate(parts):
        part.digits[:, 0], part.marks[:, 0] = index, index
    return Pages(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Pages)))


def numbers_of_scenes(scenes):
    """Scenes as drawn numbers that are kept."""
    from training.page.numbers import Numbers, numbers_of

    parts = [numbers_of(scene) for scene in scenes]
    for index, part in enumerate(parts):
        part.digits[:, 0], part.marks[:, 0] = index, index
    return Numbers(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Numbers))
    )


class Told:
    """Takes the place of a page network: it is told where the digits are, and which.

    Args:
        digits: box and label of each.
        sure: logit of each of them being a digit.
    """

    def __init__(self, digits, sure=3.0):
        self._digits, self._sure = digits, sure

    def looks(self, grey):
        """One look, at full size."""
        rows, columns = (-(-side // BLOCK) for side in grey.shape)
        padded = np.pad(
            grey, [(0, rows * BLOCK - grey.shape[0]), (0, columns * BLOCK - grey.shape[1])], "edge"
        )
        said = np.full((rows, columns, DEPTH), -4.0)
        dark = padded.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 2, 1, 3) < 140
        said[..., CHANNELS["ink"]] = np.where(dark.reshape(rows, columns, BLOCK**2), 4.0, -4.0)
        for box, label in self._digits:
            x, y = box.centre
            row, column = int(y // BLOCK), int(x // BLOCK)
            cell = said[row, column]
            cell[CHANNELS["digit"]] = self._sure
            cell[CHANNELS["label"].start + label] = 4.0
            x, y = (column + 0.5) * BLOCK, (row + 0.5) * BLOCK
            sides = np.array([x - box.left, y - box.top, box.right - x, box.bottom - y])
            cell[CHANNELS["box"]] = BOX_UNIT * np.log(np.maximum(sides, 1))
        steps = np.clip(np.round(said / UNIT), -128, 127).astype(np.int8)
        return [Look(grey, paper_brightness(padded), 1.0, steps, UNIT, 0)]


class Signs:
    """Takes the place of the mark network: it says the same of every place.

    Args:
        sign: what stands there.
        chance: how sure that is.
    """

    def __init__(self, sign="", chance=0.999):
        self._said = np.full(len(SIGNS), (1 - chance) / (len(SIGNS) - 1), np.float32)
        self._said[SIGNS.index(sign)] = chance

    def classify(self, patches):
        """A prediction for each."""
        return [Prediction(self._said) for _ in patches]
