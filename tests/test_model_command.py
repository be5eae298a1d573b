import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from edge.commands import main

MODELS = Path(str(files("edge.models")))


@pytest.fixture
def copied(tmp_path):
    """A copy of the shipped model with its card beside it."""
    for suffix in (".tflite", ".json"):
        shutil.copy(MODELS / f"digits{suffix}", tmp_path / f"mine{suffix}")
    return tmp_path / "mine.tflite"


def test_a_model_shows_its_card_without_the_pictures_in_it(copied, capsys):
    assert main(["model", "show", str(copied)]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["file"] == str(copied)
    assert card["bytes"] == copied.stat().st_size
    assert card["input"] == [28, 28, 1]
    assert card["known_answers"] == 10


def test_verifying_tells_what_was_checked(copied, capsys):
    assert main(["model", "verify", str(copied)]) == 0
    first, contract, answers = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{copied}: digits-int8 ") and first.endswith("the shipped model")
    assert contract.endswith("uint8 (n, 28, 28, 1) raw pixels in, float32 (n, 10) probabilities out")
    assert answers.startswith("gives its 10 known answers on ")


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ('{"sha256": "00"}', "is the card of another file: it promises SHA-256 00, "),
        ("{}", "is no card of a model: 'sha256'; delete it, or convert again"),
        ("no JSON", "is no card of a model: Expecting value"),
    ],
)
def test_a_card_of_another_file_is_told(copied, capsys, card, message):
    copied.with_suffix(".json").write_text(card)
    assert main(["model", "verify", str(copied)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_model_without_a_card_beside_it_is_verified_all_the_same(copied):
    copied.with_suffix(".json").unlink()
    assert main(["model", "verify", str(copied)]) == 0


def test_without_a_file_both_networks_and_their_pair_are_verified(capsys):
    assert main(["model", "verify"]) == 0
    said = capsys.readouterr().out
    assert "digits-int8 " in said and "page-int8 " in said
    assert said.endswith("they are a pair: the card of each names the other\n")


@pytest.mark.parametrize(("option", "file"), [("--page-model", "digits"), ("--model", "page")])
def test_one_network_in_the_place_of_the_other_is_refused(option, file, tmp_path, capsys):
    path = MODELS / f"{file}.tflite"
    assert main(["read", "nothing.png", option, str(path)]) == 2
    assert f"{path}: it has no model card" in capsys.readouterr().err
