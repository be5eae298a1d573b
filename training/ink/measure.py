"""How well ink is told from everything else, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import keras
import numpy as np

from edge.types import ByteArray, FloatArray
from training.ink.network import probabilities
from training.ink.patches import UNIT, Patches

THIN = 2 * UNIT
"""Ink that counts at least twice is of strokes at most half as wide as `PEN`."""


@dataclass(frozen=True, slots=True)
class Score:
    """Shares, 0 to 1, of pixels at a probability of one half.

    Attributes:
        precision: of the pixels marked, those that are ink of digits or touch it.
        recall: of the ink of digits, what is marked.
        thin_recall: the same for strokes of at most three pixels.
        clutter: of the ink of letters, signs and doodles, what is marked.
        elsewhere: of all other pixels, those that are marked and do not touch ink.
    """

    precision: float
    recall: float
    thin_recall: float
    clutter: float
    elsewhere: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)

    def __str__(self) -> str:
        return (
            f"F1 {self.f1:.3f}, precision {self.precision:.3f}, recall {self.recall:.3f} "
            f"(thin {self.thin_recall:.3f}), clutter {self.clutter:.3f}, elsewhere {self.elsewhere:.5f}"
        )

    @classmethod
    def of(cls, network: keras.Model, patches: Patches) -> Score:
        """Measure a network on patches."""
        return cls.from_probabilities(probabilities(network, patches.grey), patches)

    @classmethod
    def from_probabilities(cls, said: FloatArray, patches: Patches) -> Score:
        """Measure what was said, shape (n, rows, columns), 0 to 1, of patches."""
        asked = patches.weight > 0
        marked = (said >= 0.5) & asked
        ink = (patches.ink >= 128) & asked
        thin = ink & (patches.weight >= THIN)
        # A stroke's border is half ink: to mark it is no mistake.
        apart = asked & (patches.ink < 32)
        clutter = apart & (patches.clutter >= 128)
        elsewhere = apart & (patches.clutter < 32)
        return cls(
            precision=_share(marked & ~apart, marked),
            recall=_share(marked & ink, ink),
            thin_recall=_share(marked & thin, thin),
            clutter=_share(marked & clutter, clutter),
            elsewhere=_share(marked & elsewhere, elsewhere),
        )


def sheet(patches: Patches, said: FloatArray, count: int, *, columns: int = 10) -> bytes:
    """A PNG of the first `count` patches: each above the ink that is in it and the ink that was marked."""
    marked = np.round(255 * said[:count]).astype(np.uint8)
    tiles = list(np.concatenate([patches.grey[:count], 255 - patches.ink[:count], 255 - marked], axis=1))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows: list[ByteArray] = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return bytes(cv2.imencode(".png", np.vstack(rows))[1])


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / max(1, whole.sum()))
