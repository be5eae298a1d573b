"""How well the page network sees, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import keras
import numpy as np

from edge.page import CHANNELS
from edge.types import ByteArray, FloatArray
from training.page.lessons import Pages, View, lesson, spans
from training.page.targets import PLANES

BATCH = 16
ZOOMS = (0.75, 1.0, 1.4)
"""Validation pages are looked at in these sizes by turns."""


@dataclass(frozen=True, slots=True)
class Score:
    """Shares, 0 to 1, at a probability of one half.

    Attributes:
        found: of the digits asked for, those at whose centre, or beside it, a digit is seen.
        named: of the digits asked for, those that are named right.
        false: digits seen where none is, for each lesson (not a share).
        linked: of the neighbours on both sides, those that are rightly said to be of the same number or not.
        ink: Dice coefficient of the ink.
    """

    found: float
    named: float
    false: float
    linked: float
    ink: float

    def __str__(self) -> str:
        return (
            f"found {self.found:.3f}, named {self.named:.3f}, false {self.false:.2f} a lesson, "
            f"linked {self.linked:.3f}, ink {self.ink:.3f}"
        )

    @classmethod
    def of(cls, network: keras.Model, pages: Pages) -> Score:
        """Measure a network on pages, each looked at once, from its middle."""
        known = spans(pages)
        sums = np.zeros(8)
        for start in range(0, len(pages), BATCH):
            made = [
                lesson(pages, known[k], k, View(zoom=ZOOMS[k % len(ZOOMS)]))
                for k in range(start, min(start + BATCH, len(pages)))
            ]
            blocks, truth = (np.stack(planes) for planes in zip(*made, strict=True))
            logits = keras.ops.convert_to_numpy(network(blocks.astype(np.float32) / 255, training=False))
            sums += _counts(truth, logits)
        digits, found, named, false, links, linked, both, either = sums.tolist()
        most = max(1.0, digits)
        return cls(
            found / most,
            named / most,
            false / len(pages),
            linked / max(1.0, links),
            2 * both / max(1.0, either),
        )


def silent(network: keras.Model, pages: Pages) -> list[str]:
    """Names of the convolutions whose units never fire on the first pages: they cost nothing but time."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.ReLU)]
    known = spans(pages)
    blocks = np.stack([lesson(pages, known[k], k, View())[0] for k in range(min(BATCH, len(pages)))])
    outputs = keras.Model(network.input, [layer.output for layer in layers])
    fired = outputs(blocks.astype(np.float32) / 255, training=False)
    return [
        layer.name.removesuffix("-relu")
        for layer, said in zip(layers, fired, strict=True)
        if not keras.ops.convert_to_numpy(said).any()
    ]


def _counts(truth: FloatArray, logits: FloatArray) -> np.ndarray:
    heat = truth[..., PLANES["digit"]][..., 0]
    centres = (heat > 0.999) & (truth[..., PLANES["digit_weight"]][..., 0] > 0)
    said = logits[..., CHANNELS["digit"]][..., 0]
    near = np.stack([cv2.dilate(plane, np.ones((3, 3), np.uint8)) for plane in said])
    peaks = (said == near) & (said > 0)
    around = (
        np.stack([cv2.dilate(plane.astype(np.uint8), np.ones((5, 5), np.uint8)) for plane in centres]) > 0
    )
    false = peaks & ~around & (truth[..., PLANES["digit_weight"]][..., 0] > 0)
    right = logits[..., CHANNELS["label"]].argmax(-1) == truth[..., PLANES["label"]].argmax(-1)
    links = (logits[..., CHANNELS["links"]] > 0) == (truth[..., PLANES["links"]] > 0.5)
    ink = (truth[..., PLANES["ink"]] > 0.5) & (truth[..., PLANES["ink_weight"]] > 0)
    marked = (logits[..., CHANNELS["ink"]] > 0) & (truth[..., PLANES["ink_weight"]] > 0)
    return np.array(
        [
            centres.sum(),
            (centres & (near > 0)).sum(),
            (centres & right).sum(),
            false.sum(),
            2 * centres.sum(),
            links[centres].sum(),
            (ink & marked).sum(),
            ink.sum() + marked.sum(),
        ],
        np.float64,
    )


def shown(blocks: ByteArray) -> ByteArray:
    """The picture that blocks (rows, columns, 16) hold."""
    rows, columns, _ = blocks.shape
    return np.ascontiguousarray(blocks.reshape(rows, columns, 4, 4).transpose(0, 2, 1, 3)).reshape(
        4 * rows, 4 * columns
    )
