"""The wheel on a 64-bit ARM Python."""

import json
import platform
from pathlib import Path

import pytest

from edge import DigitReader
from edge.cli import main
from edge.sources import open_source
from edge.types import Box

FRAMES = Path(__file__).parent


def test_this_is_an_arm_processor():
    assert platform.machine() == "aarch64"


def test_the_shipped_model_gives_its_known_answers(capsys):
    assert main(["model", "verify"]) == 0
    assert "known answers" in capsys.readouterr().out


EXPECTED = json.loads((FRAMES / "frames.json").read_text())


BEYOND = 0.1
"""Two processors round a probability differently; a digit this far above the threshold is shown by both."""


AT_PLACE, SAME_BOX, MOST = 0.5, 0.7, 0.97
"""Overlap of the boxes of the same digit: what an arm covers in part may be found with a faint end of a
stroke on one of them only; this share of all digits must stand in the same box."""


@pytest.fixture(scope="module")
def reader():
    return DigitReader()


@pytest.fixture(scope="module")
def results(reader):
    return {
        Path(result.frame.source).name: [
            [digit.prediction.label, digit.prediction.confidence, digit.box.as_list()]
            for reading in result.readings
            for digit in reading.digits
        ]
        for result in reader.results(open_source(FRAMES / "frames"))
    }


def overlaps(reader, digits, others):
    """Of each certain digit, how far its box and that of the same digit, read as certain too, overlap."""
    accept = reader.classifier.card.thresholds.accept
    certain = [(label, Box(*place)) for label, confidence, place in others if confidence >= accept]
    return [
        max((place.overlap(Box(*box)) for same, place in certain if same == label), default=0.0)
        for label, confidence, box in digits
        if confidence >= accept + BEYOND
    ]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_certain_digit_is_read_as_on_the_workstation_and_no_other(reader, results, name):
    for digits, others in ((EXPECTED[name], results[name]), (results[name], EXPECTED[name])):
        assert all(overlap > AT_PLACE for overlap in overlaps(reader, digits, others)), (digits, others)


def test_nearly_every_digit_stands_in_the_same_box(reader, results):
    found = [overlap for name in EXPECTED for overlap in overlaps(reader, EXPECTED[name], results[name])]
    assert sum(overlap > SAME_BOX for overlap in found) >= MOST * len(found)


def test_there_is_something_to_read(reader):
    certain = reader.classifier.card.thresholds.accept + BEYOND
    assert len(EXPECTED) == 10
    assert sum(confidence >= certain for digits in EXPECTED.values() for _, confidence, _ in digits) >= 30
