"""Temperature and thresholds keep what they promise."""

import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from convert.calibrate import FALSE_ACCEPT_SHARE, MISREAD_SHARE, choose_thresholds, fit_temperature  # noqa: E402
from convert.verify import Comparison, Limits  # noqa: E402
from edge.classifier import calibrate  # noqa: E402
from edge.errors import ModelError  # noqa: E402
from training.dataset import NOT_A_DIGIT, Digits  # noqa: E402
from training.evaluate import Evaluation  # noqa: E402


def honest(temperature, *, spread=1.0, count=20_000):
    """A network whose outputs are its true chances, but for the temperature they were distorted with."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, spread, (count, 10))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((count, 1)) > chances.cumsum(axis=1)).sum(axis=1).astype(np.uint8)
    distorted = np.exp(logits * temperature)
    raw = (distorted / distorted.sum(axis=1, keepdims=True)).astype(np.float32)
    return Evaluation(Digits(np.zeros((count, 28, 28), np.uint8), labels), raw)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_the_temperature_that_outputs_were_distorted_with_is_found(temperature):
    assert fit_temperature(honest(temperature)) == pytest.approx(temperature, abs=0.05)


def test_calibration_lowers_the_calibration_error():
    raw = honest(1.5, spread=2.0)
    calibrated = Evaluation(raw.digits, calibrate(raw.probabilities, fit_temperature(raw)))
    assert raw.calibration_error > 0.05
    assert calibrated.calibration_error < 0.02


def test_of_clean_digits_at_most_the_promised_share_is_misread():
    read = honest(1.0, spread=3.0)
    accept = choose_thresholds(read).accept

    def kept(accept):
        shown = read.confidence >= accept
        return (~read.right[shown]).sum() <= MISREAD_SHARE * shown.sum()

    assert kept(accept)
    assert not kept(accept - 0.001)


def test_of_what_is_no_digit_at_most_the_promised_share_is_accepted():
    digits, others = honest(1.0, spread=3.0, count=4000), honest(1.0, spread=1.5, count=4000)
    labels = np.append(digits.digits.labels, np.full(4000, NOT_A_DIGIT, np.uint8))
    glyphs = np.zeros((8000, 28, 28), np.uint8)
    read = Evaluation(Digits(glyphs, labels), np.concatenate([digits.probabilities, others.probabilities]))
    thresholds = choose_thresholds(read)
    sure = read.confidence[~read.digits.is_digit]
    assert (
        (sure >= thresholds.accept).mean() <= FALSE_ACCEPT_SHARE < (sure >= thresholds.accept - 0.005).mean()
    )
    below = np.abs(read.confidence - thresholds.digit + 0.04) < 0.04
    above = np.abs(read.confidence - thresholds.digit - 0.04) < 0.04
    assert read.right[below].mean() < 0.5 < read.right[above].mean()
    assert thresholds.digit < thresholds.accept < 1


@pytest.mark.parametrize(
    ("accuracy", "agreement", "refused"),
    [
        (0.9960, 1.0, None),
        (0.9950, 0.998, None),
        (0.9949, 0.999, "--max-drop"),
        (0.9960, 0.9979, "--min-agreement"),
        (0.1, 0.1, "--max-drop"),
    ],
)
def test_limits_refuse_what_lost_too_much(accuracy, agreement, refused):
    found = Comparison(0.9960, accuracy, agreement, largest_difference=0.1, calibration_error=0.002)
    if refused is None:
        found.check(Limits())
    else:
        with pytest.raises(ModelError, match=refused):
            found.check(Limits())
