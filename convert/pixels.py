"""What a network takes for black and for white: found out by asking it, where nobody says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convert.material import spread
from convert.original import BLACK_AND_WHITE, Loaded
from convert.ready import LoadedFile
from training.dataset import Digits
from training.evaluate import Evaluation

Range = tuple[float, float]

RANGES: tuple[Range, ...] = (
    BLACK_AND_WHITE,
    (0.0, 1.0),
    (-1.0, 1.0),
    (255.0, 0.0),
    (1.0, 0.0),
    (1.0, -1.0),
    (-0.4242, 2.8215),  # MNIST less its mean, in standard deviations: PyTorch's first example
)
"""What people train with; the first wins a tie."""

ASKED = 500
"""Pictures that each range is tried on."""

TIE = 0.98
"""Another range than the usual one is taken where its loss is at most this share of the usual one's."""

BETTER = 0.05
"""By how much more another range must read right than the one that was asked for, to be told."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a network reads when its pixels go over a range.

    Attributes:
        pixels: what stands for black and for white.
        accuracy: share of the pictures that it reads right.
        loss: mean cross-entropy. It tells the ranges apart where accuracies do not: a network that is shown
            pixels 255 times as large may still read most digits, but is sure of its mistakes.
    """

    pixels: Range
    accuracy: float
    loss: float

    @property
    def option(self) -> str:
        """As it is asked for on the command line."""
        return "--pixels " + " ".join(f"{value:g}" for value in self.pixels)


def try_ranges(
    network: Loaded | LoadedFile, pictures: Digits, ranges: Sequence[Range] = RANGES
) -> list[Trial]:
    """Ask a network with each of the ranges.

    Args:
        network: as it came.
        pictures: labelled ones, that it was not trained on: what it knows by heart it reads with any range.
        ranges: to be tried.

    Raises:
        ModelError: its answers are no probabilities.
    """
    some = pictures[spread(np.flatnonzero(pictures.is_digit), ASKED)]
    trials = []
    for pixels in ranges:
        found = Evaluation(some, network.taking(pixels)(some.glyphs))
        trials.append(Trial(pixels, found.accuracy, found.cross_entropy))
    return trials


def best(trials: Sequence[Trial]) -> Trial:
    """The range that a network was trained with, by what it reads."""
    usual = trials[0]
    lowest = min(trials, key=lambda trial: trial.loss)
    return lowest if lowest.loss <= TIE * usual.loss else usual
