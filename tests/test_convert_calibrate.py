"""Temperature and thresholds keep what they promise."""

import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from convert.calibrate import (  # noqa: E402
    choose_thresholds,
    fit_temperature,
)
from convert.verify import Comparison, Limits, Reading, compare  # noqa: E402
from edge.classifier import calibrate  # noqa: E402
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
        return (~read.right[shown]).sum() <= 0.001 * shown.sum()

    assert kept(accept)
    assert not kept(accept - 0.001)


def test_of_what_is_no_digit_at_most_the_promised_share_is_accepted():
    digits, others = honest(1.0, spread=3.0, count=4000), honest(1.0, spread=1.5, count=4000)
    labels = np.append(digits.digits.labels, np.full(4000, NOT_A_DIGIT, np.uint8))
    glyphs = np.zeros((8000, 28, 28), np.uint8)
    read = Evaluation(Digits(glyphs, labels), np.concatenate([digits.probabilities, others.probabilities]))
    thresholds = choose_thresholds(read)
    sure = read.confidence[~read.digits.is_digit]
    assert (sure >= thresholds.accept).mean() <= 0.05 < (sure >= thresholds.accept - 0.005).mean()
    below = np.abs(read.confidence - thresholds.digit + 0.04) < 0.04
    above = np.abs(read.confidence - thresholds.digit - 0.04) < 0.04
    assert read.right[below].mean() < 0.5 < read.right[above].mean()
    assert thresholds.digit < thresholds.accept < 1


@pytest.mark.parametrize(
    ("accuracy", "agreement", "refused"),
    [
        (0.9960, 1.0, ""),
        (0.9950, 0.998, ""),
        (0.9949, 0.999, "--max-drop"),
        (0.9960, 0.9979, "--min-agreement"),
        (0.95, 0.95, "--max-drop"),
        (0.1, 0.1, "--min-accuracy"),
    ],
)
def test_limits_refuse_what_lost_too_much(accuracy, agreement, refused):
    found = Comparison(0.9960, accuracy, agreement, 0.1, 0.002, 0, accepted=0.9, accepted_wrong=0.001)
    why = Limits().broken_by(found)
    assert (refused in why) if refused else not why


def test_what_reads_as_little_as_the_float_network_is_refused_all_the_same():
    found = Comparison(0.13, 0.13, 1.0, 0.0, 0.002, 0, accepted=0.0, accepted_wrong=0.0)
    assert "--min-accuracy" in Limits(drop=100, agreement=0).broken_by(found)
    assert not Limits(accuracy=10).broken_by(found)


def test_a_threshold_that_no_digit_reaches_keeps_no_promise():
    """The mistakes of this network are as sure as all else that it says: no threshold parts them."""
    labels = np.arange(1000) % 10
    said = labels.copy()
    said[::50] = (said[::50] + 1) % 10
    raw = np.full((1000, 10), 0.002, np.float32)
    raw[np.arange(1000), said] = 0.982
    read = Evaluation(Digits(np.zeros((1000, 28, 28), np.uint8), labels.astype(np.uint8)), raw)
    accept = choose_thresholds(read).accept
    assert (read.confidence >= accept).mean() == 1.0
    assert choose_thresholds(read, misread=0.05).accept == 0


def test_a_comparison_counts_the_confident_mistakes_that_were_gained():
    labels = np.array([3, 3, 3, 3, NOT_A_DIGIT], np.uint8)
    digits = Digits(np.zeros((5, 28, 28), np.uint8), labels)

    def reading(said, sure, accept):
        raw = np.full((5, 10), 0.0, np.float32)
        raw[np.arange(5), said] = sure
        return Reading(raw, Evaluation(digits, raw), accept)

    original = reading([3, 3, 3, 5, 8], [0.9, 0.9, 0.9, 0.4, 0.3], accept=0.8)
    converted = reading([3, 3, 4, 5, 8], [0.9, 0.8, 0.7, 0.7, 0.6], accept=0.6)
    found = compare(original, converted)
    # Three more are shown as certain and are wrong; the last is no digit, and does not count as read.
    assert found.confident_mistakes_gained == 3
    assert (found.float_accuracy, found.accuracy, found.agreement) == (0.75, 0.5, 0.75)
    assert found.largest_difference == pytest.approx(0.9)
    # All four digits are shown, of which the last two are misread.
    assert (found.accepted, found.accepted_wrong) == (1.0, 0.5)
