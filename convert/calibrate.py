"""Temperature and thresholds of a converted model, from digits that it was not trained on."""

from __future__ import annotations

import numpy as np

from convert.formats import MISREAD_SHARE
from edge.choice import believed
from edge.classifier import calibrate
from edge.naming import Classify, look_again
from edge.types import Prediction, Thresholds
from training.evaluate import Evaluation

TEMPERATURES = np.round(np.arange(0.5, 4.001, 0.01), 2)

FALSE_ACCEPT_SHARE = 0.05
"""Of what edge finds in drawn scenes and is no digit, at most this share is shown as a certain digit."""

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


def as_read(calibrated: Evaluation, classify: Classify) -> Evaluation:
    """The same as edge reads it, where the marker has seen the glyphs: with another look, and its say.

    What the rest of a picture says of them (`edge.choice.in_company`) glyphs alone do not tell.

    Args:
        calibrated: the calibrated model on glyphs.
        classify: the same model, for the other look.
    """
    digits = calibrated.digits
    if digits.marked is None:
        return calibrated
    named = look_again(digits.glyphs, [Prediction(p) for p in calibrated.probabilities], classify)
    said = zip(named, digits.marked, strict=True)
    return Evaluation(
        digits, np.stack([believed(prediction, float(marked)).probabilities for prediction, marked in said])
    )


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
