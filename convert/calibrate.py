"""Temperature and thresholds of a converted model by itself, from digits that it was not trained on.

What brings it together with the page network, and the thresholds then, is fitted in `convert.pair`.
"""

from __future__ import annotations

import numpy as np

from convert.formats import MISREAD_SHARE
from edge.classifier import calibrate
from edge.types import Thresholds
from training.evaluate import Evaluation

TEMPERATURES = np.round(np.arange(0.5, 4.001, 0.01), 2)

FALSE_ACCEPT_SHARE = 0.05
"""Of what the page network takes for digits in drawn scenes and is none, the digit network by itself may be
certain of at most this share."""

LEAST_SHOWN = 0.01
"""Share of digits that a threshold chosen on digits alone must show as certain: one that shows none promises
nothing."""


def fit_temperature(raw: Evaluation) -> float:
    """The temperature that makes the raw outputs most likely, in steps of 0.01.

    Args:
        raw: the converted model's own outputs on the validation digits.
    """
    losses = [
        Evaluation(raw.digits, calibrate(raw.probabilities, float(t))).cross_entropy for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def choose_thresholds(calibrated: Evaluation, misread: float = MISREAD_SHARE) -> Thresholds:
    """Thresholds on the confidence, in steps of 0.001.

    `accept` is the lowest that keeps the promise: see `FALSE_ACCEPT_SHARE` and `MISREAD_SHARE`. Where there
    are only digits, and no threshold that shows a hundredth of them keeps it, it is the one of these with the
    fewest mistakes. `digit` is where more is read right than not: what is less sure is dropped.

    Args:
        calibrated: the calibrated model on glyphs as a camera gives them, non-digits among them.
        misread: see `MISREAD_SHARE`.
    """
    steps = np.arange(1001) / 1000
    shown = calibrated.confidence >= steps[:, np.newaxis]
    right, others = calibrated.right, ~calibrated.digits.is_digit
    if others.any():
        kept = (shown & others).sum(axis=1) <= FALSE_ACCEPT_SHARE * others.sum()
        accept = steps[kept].min()
    else:
        # Without the first condition, a threshold that nothing reaches would keep every promise.
        enough = shown.sum(axis=1) >= LEAST_SHOWN * len(right)
        wrong = (shown & ~right).sum(axis=1) / np.maximum(1, shown.sum(axis=1))
        kept = enough & (wrong <= misread)
        accept = steps[kept].min() if kept.any() else steps[enough][wrong[enough].argmin()]
    digit = steps[((shown & right).sum(axis=1) - (shown & ~right).sum(axis=1)).argmax()]
    return Thresholds(accept=float(accept), digit=float(min(accept, digit)))
