import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.lines import Linking
from edge.model_file import METADATA_NAME, load_model
from edge.page import HEADS
from edge.page_file import PAGE_METADATA, PageCard, check_pair, known_error, load_page, open_page
from edge.reader import DigitReader


def test_the_shipped_networks_are_a_pair():
    page, digits = load_page(), load_model()
    assert page.shipped
    assert digits.card.trained_with == page.card.id
    assert page.card.trained_with == digits.card.id
    assert check_pair(digits.card, page.card) == (digits.card.fusion, digits.card.fused)
    assert page.name.sha256 == hashlib.sha256(page.data).hexdigest()


def test_a_card_is_read_as_it_was_written():
    card = load_page().card
    assert PageCard.from_bytes(card.to_bytes()).as_dict() == card.as_dict()


def test_the_shipped_network_says_what_it_must_of_its_known_page():
    page = load_page()
    # Steps of int8 are 0.22; kernels round differently by one or two.
    assert known_error(open_page(page), page.card.known) <= 0.5


def test_a_network_that_says_something_else_is_refused(tmp_path):
    page = load_page()
    known = replace(page.card.known, digit=page.card.known.digit + 3)
    with pytest.raises(ModelError, match="wrong answers"):
        open_page(replace(page, card=replace(page.card, known=known)))


def test_networks_that_were_not_fitted_together_are_refused():
    page, digits = load_page(), load_model()
    with pytest.raises(ModelError, match="are no pair"):
        check_pair(replace(digits.card, trained_with="0" * 64), page.card)
    with pytest.raises(ModelError, match="converted for no page network"):
        check_pair(replace(digits.card, fusion=None), page.card)
    other = replace(page, card=replace(page.card, id="f" * 64))
    with pytest.raises(ModelError, match="are no pair"):
        DigitReader(Classifier(digits), page=other)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"heads": [["ink", 16]]}, "has the heads"),
        ({"least": "many"}, "not readable"),
        ({"least": float("nan")}, "numbers that are none"),
        ({"linking": {"constant": 1.0}}, "not readable"),
        ({"known": {"shape": [32, 32]}}, "not readable"),
        ({"standing": None}, "fit it again"),
        ({"decoding": None}, "fit it again"),
    ],
)
def test_a_card_that_is_not_ours_says_what_is_wrong(change, problem):
    values = json.loads(json.dumps(load_page().card.as_dict())) | change
    with pytest.raises(ModelError, match=problem):
        PageCard.from_dict(values)


def test_a_file_that_cannot_be_opened_is_probed_in_a_child_process(tmp_path):
    path = tmp_path / "page.tflite"
    data = bytearray(load_page().data)
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match=str(path)):
        open_page(load_page(path))


def test_the_digit_networks_file_is_no_page_network(tmp_path):
    path = tmp_path / "page.tflite"
    path.write_bytes(load_model().data)
    with pytest.raises(ModelError, match=f"'{PAGE_METADATA}'"):
        load_page(path)
    path.write_bytes(load_page().data)
    with pytest.raises(ModelError, match=f"'{METADATA_NAME}'"):
        load_model(path)
    with pytest.raises(ModelError, match="cannot read the model"):
        load_page(tmp_path / "missing.tflite")


def test_the_weights_of_linking_are_numbers():
    card = load_page().card
    assert card.heads == HEADS
    assert isinstance(card.linking, Linking)
    assert np.isfinite(card.least)
