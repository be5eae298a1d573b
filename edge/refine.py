"""Candidates -> the same, refined: each is looked at once more, with what stands around it.

The page network sees a digit as large as it happens to be, and the digit network sees nothing but its ink.
Here a candidate is cut out together with its surroundings, so that it is always as high, and a small network
says what stands in its middle: a digit, and which one, or none. (Cascades of a network that proposes and one
that refines: Ren et al., "Faster R-CNN", 2015; Zhang et al., "Joint Face Detection and Alignment Using
Multi-task Cascaded Convolutional Networks", 2016.) `training.refine` trains it on what the page network
finds, and the page network's file holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from edge.classifier import Classifier, calibrate
from edge.errors import ModelError
from edge.fusion import log_softmax
from edge.model_file import REFINE_LABELS, ModelFile
from edge.patches import Window, contrast_of
from edge.types import ByteArray, Candidate, FloatArray

ROWS, COLUMNS = 40, 72
"""Pixels of a patch."""

HEIGHT = 18
"""Pixels of the candidate in its middle: it sees half a height above and below, and more beside it."""

OTHERS, OWN, CONTRAST = range(3)
"""Planes of a patch: the network gets them in the order of RGB, as it gets every picture."""


def open_refine(model: ModelFile) -> Classifier:
    """Open a refinement network, and ask it what it must know.

    Raises:
        ModelError: it cannot be used, or names other things.
    """
    card = model.card
    if card.labels != REFINE_LABELS or card.input != (ROWS, COLUMNS, 3):
        raise ModelError(
            f"{model.path}: {card.name} is no refinement network: expected the labels "
            f"{', '.join(REFINE_LABELS)} and an input of ({ROWS}, {COLUMNS}, 3), found "
            f"{', '.join(card.labels)} and {card.input}"
        )
    return Classifier(model)


def refined(
    candidates: Sequence[Candidate],
    grey: ByteArray,
    refine: Classifier,
    asked: Sequence[int] | None = None,
) -> list[Candidate]:
    """Candidates, all or some with what the refinement network says of them.

    Args:
        candidates: as the page network sees them.
        grey: the picture, shape (rows, columns), uint8.
        refine: the refinement network.
        asked: which of them it is asked about, as indices; None is all.
    """
    told = list(candidates)
    asked = range(len(candidates)) if asked is None else asked
    if not asked:
        return told
    said = np.log(calibrate(refine.raw(surroundings(candidates, grey, asked)), refine.card.temperature))
    none, labels = said[:, 0], said[:, 1:]
    logits = np.logaddexp.reduce(labels, axis=1) - none
    for k, logit, row in zip(asked, logits, log_softmax(labels).astype(np.float32), strict=True):
        told[k] = replace(candidates[k], refined=float(logit), refined_labels=row)
    return told


def surroundings(
    candidates: Sequence[Candidate], grey: ByteArray, asked: Sequence[int] | None = None
) -> list[ByteArray]:
    """Candidates as the refinement network sees them.

    Args:
        candidates: of one picture.
        grey: the picture, shape (rows, columns), uint8.
        asked: which of them, as indices; None is all.

    Returns:
        Patches of shape (ROWS, COLUMNS, 3), uint8, as pictures in BGR: the boxes of the others, as bright as
        the page network is sure of them; 255 in its own box; and the contrast of ink with the paper around
        it.
    """
    boxes = np.array([candidate.box.as_list() for candidate in candidates], np.float32).reshape(-1, 4)
    sure = 255 / (1 + np.exp(-np.array([candidate.digit for candidate in candidates])))
    some = range(len(candidates)) if asked is None else asked
    return [_patch(candidates, boxes, sure.astype(np.uint8), k, grey) for k in some]


def _patch(
    candidates: Sequence[Candidate], boxes: FloatArray, sure: ByteArray, k: int, grey: ByteArray
) -> ByteArray:
    box = candidates[k].box
    unit = max(1, box.height) / HEIGHT
    x, y = box.centre
    window = Window.at(x - COLUMNS / 2 * unit, y - ROWS / 2 * unit, unit, rows=ROWS, columns=COLUMNS)
    planes = np.zeros((3, ROWS, COLUMNS), np.uint8)
    part = window.of(grey)
    if part is not None:
        around = window.around
        near = (boxes[:, 0] < around.right) & (boxes[:, 2] > around.left)
        near &= (boxes[:, 1] < around.bottom) & (boxes[:, 3] > around.top)
        near[k] = False
        for other in np.flatnonzero(near).tolist():
            left, top, right, bottom = window.within(candidates[other].box)
            place = planes[OTHERS, top:bottom, left:right]
            np.maximum(place, sure[other], out=place)
        left, top, right, bottom = window.within(box)
        planes[OWN, top : max(bottom, top + 1), left : max(right, left + 1)] = 255
        planes[CONTRAST] = contrast_of(part, planes[OWN] > 0)
    return np.asarray(cv2.merge(list(planes)), np.uint8)
