"""The mark network: Keras -> `marks.tflite`, proven."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from convert.card_file import write_model
from convert.marking import Signs, calibrated, with_card
from convert.metadata import identity
from convert.quantize import Quantizer
from convert.verify import outputs
from edge.errors import ModelError
from edge.model_file import MARK_LABELS, Card, KnownAnswers
from edge.patches import COLUMNS, ROWS
from edge.preprocess import PREPROCESSING_VERSION
from edge.types import FloatArray, Thresholds
from training.marks.material import MarkPlaces
from training.marks.network import as_input, probabilities
from training.marks.run import Config, held_out_places
from training.marks.train import Score
from training.runs import load_network

SHOWN = 1000
"""Patches that show the quantizer the range of every activation."""

MOST_LOST = 0.01
"""By how much more the cross-entropy of the int8 network may be than that of the float one."""

SHAPE = ROWS, COLUMNS, 3


def convert(run: Path, output: Path, version: str) -> str:
    """Convert a trained mark network, and write it.

    Args:
        run: its folder.
        output: the file to write; its card goes beside it.
        version: of the model.

    Returns:
        How well it tells marks, for people to read.

    Raises:
        UsageError: when the folder is no run of a mark network.
        ModelError: when too much is lost.
    """
    config = Config.read(run)
    network = load_network(run)
    places = held_out_places(run, config.seed)
    model = to_int8(network, places)
    float_said = probabilities(network, places.patches)
    said = outputs(model, places.patches, shape=SHAPE, labels=len(MARK_LABELS))
    before, after = Score.of(float_said, places), Score.of(said, places)
    if after.loss > before.loss + MOST_LOST:
        raise ModelError(
            f"refused: on held-out places its cross-entropy is {after.loss:.4f}, and that of the float "
            f"network {before.loss:.4f}; at most {MOST_LOST} may be lost"
        )
    card = Card(
        name="marks-int8",
        version=version,
        format="int8",
        input=SHAPE,
        labels=MARK_LABELS,
        preprocessing=PREPROCESSING_VERSION,
        temperature=1.0,
        thresholds=Thresholds(accept=1.0, digit=0.0),
        training_data=config.data,
        accuracies={"held-out marks, float": before.right, "held-out marks": after.right},
        command=config.command,
        commit=config.commit,
        failure="",
        known_answers=known(places, said),
        id=identity(model),
    )
    made = calibrated(with_card(output, model, card), Signs(said, places.signs), [], "")
    write_model(output, made)
    return f"float: {before}\nint8: {after}"


def to_int8(network: keras.Model, places: MarkPlaces) -> bytes:
    """Full int8, calibrated on evenly spread places, of which every other one has a mark."""
    marks, none = np.flatnonzero(places.signs > 0), np.flatnonzero(places.signs == 0)
    half = SHOWN // 2
    shown = np.concatenate([kind[:: max(1, len(kind) // half)][:half] for kind in (marks, none)])
    pixels = np.round(as_input(places.patches[shown]) * 255).astype(np.uint8)
    with Quantizer(network, pixels) as quantizer:
        return quantizer.to("int8")


def known(places: MarkPlaces, said: FloatArray) -> KnownAnswers:
    """Of each sign the place that it is told of most surely, and rightly."""
    right = np.where(said.argmax(axis=1) == places.signs, said.max(axis=1), 0)
    chosen = [
        int(np.where(places.signs == sign, right, -1).argmax())
        for sign in range(len(MARK_LABELS))
        if right[places.signs == sign].any()
    ]
    return KnownAnswers(places.patches[chosen], said[chosen])
