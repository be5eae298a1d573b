"""Temperature and thresholds of a converted model, from digits that it was not trained on."""

from __future__ import annotations

import numpy as np

from edge.classifier import calibrate
from edge.types import Thresholds
from training.evaluate import Evaluation

TEMPERATURES = np.round(np.arange(0.5, 4.001, 0.01), 2)

MISREAD_SHARE = 0.02
"""Of what is shown as certain in drawn scenes, harder than most paper, at most this share may be wrong:
another digit, or none."""


def fit_temperature(raw: Evaluation) -> float:
    """The temperature that makes the raw outputs most likely, in steps of 0.01.

    Args:
        raw: the converted model's own outputs on the validation digits.
    """
    losses = [
        Evaluation(raw.digits, calibrate(raw.probabilities, float(t))).cross_entropy for t in TEMPERATURES
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


def choose_thresholds(calibrated: Evaluation) -> Thresholds:
    """Thresholds on the confidence, in steps of 0.001.

    `accept` is the lowest for which at most `MISREAD_SHARE` of what is at or above it is misread, be it a
    digit or none. `digit` is where digits begin to outnumber what is none: what is less sure is dropped.

    Args:
        calibrated: the calibrated model on glyphs as a camera gives them, non-digits among them.
    """
    steps = np.arange(1001) / 1000
    shown = calibrated.confidence >= steps[:, np.newaxis]
    misread = (shown & ~calibrated.right).sum(axis=1)
    accept = steps[misread <= MISREAD_SHARE * shown.sum(axis=1)].min()
    true = calibrated.digits.is_digit
    kept = (shown & true).sum(axis=1) - (shown & ~true).sum(axis=1)
    digit = steps[kept.argmax()]
    return Thresholds(accept=float(accept), digit=float(min(accept, digit)))
