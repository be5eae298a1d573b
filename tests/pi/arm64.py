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


AT_PLACE = 0.5
"""Overlap of the boxes of the same digit: a faint end of a stroke may be found on one of them only."""


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


@pytest.mark.parametrize("name", EXPECTED)
def test_every_certain_digit_is_read_as_on_the_workstation_and_no_other(reader, results, name):
    accept = reader.classifier.card.thresholds.accept
    for digits, others in ((EXPECTED[name], results[name]), (results[name], EXPECTED[name])):
        for label, confidence, box in digits:
            if confidence >= accept + BEYOND:
                assert any(
                    other == label and sure >= accept and Box(*place).overlap(Box(*box)) > AT_PLACE
                    for other, sure, place in others
                ), (label, confidence, box, others)


def test_there_is_something_to_read(reader):
    certain = reader.classifier.card.thresholds.accept + BEYOND
    assert len(EXPECTED) == 10
    assert sum(confidence >= certain for digits in EXPECTED.values() for _, confidence, _ in digits) >= 30
