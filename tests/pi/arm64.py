"""The wheel on a 64-bit ARM Python."""

import json
import platform
from pathlib import Path

import pytest

from edge import DigitReader
from edge.cli import main
from edge.sources import open_source

FRAMES = Path(__file__).parent


def test_this_is_an_arm_processor():
    assert platform.machine() == "aarch64"


def test_the_shipped_model_gives_its_known_answers(capsys):
    assert main(["model", "verify"]) == 0
    assert "known answers" in capsys.readouterr().out


EXPECTED = json.loads((FRAMES / "frames.json").read_text())


@pytest.fixture(scope="module")
def results():
    reader = DigitReader()
    return {
        Path(result.frame.source).name: [[reading.text, reading.status] for reading in result.readings]
        for result in reader.results(open_source(FRAMES / "frames"))
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_frame_is_read_as_on_the_workstation(results, name):
    assert results[name] == EXPECTED[name]


def test_there_is_something_to_read():
    assert len(EXPECTED) == 10
    assert sum(map(len, EXPECTED.values())) >= 10
