"""The card goes into the file, and the shipped file keeps its promises."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="tflite-runtime has no schema to write a model with")

from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import packed
from convert.metadata import embed, identity
from edge.classifier import Classifier
from edge.model_file import METADATA_NAME, Card, ModelFile, load_model, read_card


@pytest.fixture(scope="module")
def shipped():
    return load_model()


def with_card(model, card):
    return embed(model, METADATA_NAME, card.to_bytes())


def test_a_network_has_the_same_identity_with_any_card_and_none(shipped):
    bare = schema.ModelT.InitFromObj(schema.Model.GetRootAs(shipped.data, 0))
    bare.metadata = [entry for entry in bare.metadata if entry.name != METADATA_NAME.encode()]
    bare.buffers = bare.buffers[:-1]
    known = identity(packed(bare))
    assert known == identity(shipped.data) == shipped.card.id
    assert known == identity(with_card(shipped.data, replace(shipped.card, name="another")))
    assert known == identity(embed(shipped.data, "somebody else's", b"card"))


def test_another_weight_is_another_network(shipped):
    changed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(shipped.data, 0))
    largest = max((b for b in changed.buffers if b.data is not None), key=lambda buffer: len(buffer.data))
    largest.data = largest.data.copy()
    largest.data[0] ^= 1
    assert identity(packed(changed)) != shipped.card.id


def test_a_card_is_read_back_as_it_was_put_in(shipped):
    card = replace(shipped.card, name="another", temperature=1.25)
    assert read_card(with_card(shipped.data, card)).as_dict() == card.as_dict()


def test_a_new_card_takes_the_place_of_the_old_one(shipped):
    once = with_card(shipped.data, shipped.card)
    again = with_card(once, shipped.card)
    names = [entry.name for entry in schema.ModelT.InitFromObj(schema.Model.GetRootAs(again, 0)).metadata]
    assert len(names) == len(set(names))
    assert len(again) <= len(once) + 16


def test_a_new_card_does_not_change_the_answers(shipped):
    data = with_card(shipped.data, replace(shipped.card, name="another"))
    other = ModelFile(shipped.path, data, read_card(data), sha256(data).hexdigest(), shipped=False)
    glyphs = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(Classifier(other).raw(glyphs), Classifier(shipped).raw(glyphs))


def test_weights_are_aligned_as_the_schema_wants_them(shipped):
    model = schema.Model.GetRootAs(shipped.data, 0)
    starts = [
        buffer._tab.Vector(buffer._tab.Offset(4))
        for buffer in (model.Buffers(index) for index in range(model.BuffersLength()))
        if buffer.DataLength()
    ]
    assert len(starts) > 10
    assert [start % 16 for start in starts] == [0] * len(starts)


def test_the_shipped_file_is_small_and_known_by_its_card(shipped):
    assert len(shipped.data) <= 50_000
    beside = json.loads(shipped.path.with_suffix(".json").read_text())
    assert beside["sha256"] == shipped.sha256
    assert Card.from_dict(beside).as_dict() == shipped.card.as_dict()


def test_the_shipped_file_reads_mnist_as_its_card_says(shipped, data_dir):
    from training.dataset import load_mnist

    test = load_mnist(data_dir).test
    accuracy = float((Classifier(shipped).raw(test.glyphs).argmax(axis=1) == test.labels).mean())
    assert accuracy >= 0.995
    # Runtimes and processors round differently: a digit or two in 10,000.
    assert accuracy == pytest.approx(shipped.card.accuracies["mnist-test"], abs=0.0005)
