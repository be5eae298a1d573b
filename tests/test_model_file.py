import contextlib
import hashlib
import json
import zlib
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from edge.errors import ModelError
from edge.model_file import METADATA_NAME, Card, load_model, read_card, read_metadata

SHIPPED = files("edge.models").joinpath("digits.tflite").read_bytes()


def with_card(card: Card) -> bytes:
    """The shipped model with a card that is no longer, so that nothing else moves."""
    old, new = read_metadata(SHIPPED, METADATA_NAME), card.to_bytes()
    assert len(new) <= len(old)
    return SHIPPED.replace(old, new + b"\0" * (len(old) - len(new)))


def test_the_shipped_model_is_whole_and_small():
    model = load_model()
    assert model.shipped
    assert model.sha256 == hashlib.sha256(SHIPPED).hexdigest()
    assert len(model.data) <= 50_000
    assert model.card.labels == tuple("0123456789")
    assert model.card.preprocessing == 4


def test_the_card_beside_the_model_says_what_the_card_inside_says():
    beside = json.loads(files("edge.models").joinpath("digits.json").read_text(encoding="utf-8"))
    assert Card.from_dict(beside).as_dict() == load_model().card.as_dict()
    assert beside["bytes"] == len(SHIPPED)


def test_a_card_survives_the_way_into_the_file_and_back():
    card = load_model().card
    again = Card.from_bytes(card.to_bytes())
    assert again.as_dict() == card.as_dict()
    assert (again.known_answers.glyphs == card.known_answers.glyphs).all()


def test_a_copy_of_the_shipped_model_counts_as_shipped(tmp_path):
    (tmp_path / "copy.tflite").write_bytes(SHIPPED)
    assert load_model(tmp_path / "copy.tflite").shipped


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a TensorFlow Lite model"),
        (b"hello, this is no model at all", "not a TensorFlow Lite model"),
        (b"PK\x03\x04 a .keras file", "not a TensorFlow.* python -m convert makes one of a Keras"),
        (b"\x89HDF\r\n\x1a\n a .h5 file", "not a TensorFlow Lite model.* python -m convert makes one"),
        (SHIPPED[:100], "damaged one"),
        (SHIPPED[: len(SHIPPED) // 2], "damaged one|is damaged|no model card"),
        (SHIPPED.replace(METADATA_NAME.encode() + b"\0", b"digitcan\0"), "no model card"),
        (b"\xff\xff\xff\x7fTFL3" + SHIPPED[8:], "damaged one"),
    ],
)
def test_what_is_no_model_is_refused_with_its_name(tmp_path, data, message):
    path = tmp_path / "some.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=f"some.tflite.*({message})"):
        load_model(path)


def test_a_missing_model_is_refused():
    with pytest.raises(ModelError, match="cannot read the model nowhere.tflite: No such file"):
        load_model("nowhere.tflite")


def test_a_model_for_another_preprocessing_is_refused(tmp_path):
    path = tmp_path / "old.tflite"
    path.write_bytes(with_card(replace(load_model().card, preprocessing=9, training_data={})))
    with pytest.raises(
        ModelError, match=r"trained for preprocessing version 9, this digitcam has \d+: train"
    ):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "temperature 0.0"),
        ({"temperature": "warm"}, "not readable: ValueError"),
        ({"thresholds": {}}, "not readable: KeyError"),
        ({"labels": 3}, "not readable: TypeError"),
        ({"known_answers": {"glyphs": "", "probabilities": []}}, "not readable"),
        ({"input": [28, 28]}, "not readable: ValueError"),
        ({"labels": ["0", "1"]}, "2 labels, 2 of them different, and known answers with 10 probabilities"),
        ({"labels": ["0"] * 10}, "10 labels, 1 of them different"),
        (
            {"thresholds": {"accept": 0.4, "digit": 0.6}},
            "digit 0.6 and accept 0.4, expected 0 <= digit <= accept",
        ),
    ],
)
def test_a_card_with_nonsense_in_it_is_refused(change, message):
    with pytest.raises(ModelError, match=message):
        Card.from_dict({**load_model().card.as_dict(), **change})


def test_a_card_that_would_unpack_to_gigabytes_is_refused():
    with pytest.raises(ModelError, match="damaged"):
        Card.from_bytes(zlib.compress(b" " * (64 << 20)))


def test_no_damaged_byte_leads_to_anything_but_a_model_error():
    random = np.random.default_rng(3)
    for _ in range(300):
        data = bytearray(SHIPPED)
        for at in random.integers(len(data), size=20):
            data[at] = random.integers(256)
        with contextlib.suppress(ModelError):
            read_card(bytes(data))
