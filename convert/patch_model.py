"""A network that names what is in a patch: Keras -> `.tflite`, proven."""

from __future__ import annotations

import zlib
from pathlib import Path

import keras
import numpy as np

from convert.marking import with_card
from convert.metadata import identity
from convert.quantize import Quantizer
from convert.verify import outputs
from edge.errors import ModelError
from edge.model_file import Card, KnownAnswers, ModelFile
from edge.preprocess import PREPROCESSING_VERSION
from edge.types import FloatArray, Thresholds
from training.made import Made
from training.patches.network import Layout, as_input, probabilities
from training.patches.places import Places
from training.patches.train import Score
from training.runs import load_network

SHOWN = 1000
"""Patches that show the quantizer the range of every activation."""

KNOWN_AMONG = 200
"""Of so many places the smallest is kept in the file: what is asked of it makes it larger."""

MOST_LOST = 0.01
"""By how much more the cross-entropy of the int8 network may be than that of the float one."""


def converted(
    run: Path, config: Made, layout: Layout, places: Places, *, version: str, path: Path
) -> tuple[ModelFile, str]:
    """Convert what a run has trained.

    Args:
        run: its folder.
        config: what it was made of.
        layout: of its network.
        places: on pages by hands that it has not learned from.
        version: of the model.
        path: where it is to be written.

    Returns:
        The file, not yet written, with a temperature of 1 and thresholds that let nothing be certain; and how
        well it names, for people to read.

    Raises:
        UsageError: when the folder holds no network.
        ModelError: when too much is lost.
    """
    network = load_network(run)
    model = to_int8(network, places)
    said = outputs(model, places.patches, shape=layout.shape, labels=len(layout.labels))
    before, after = Score.of(probabilities(network, places.patches), places), Score.of(said, places)
    if after.loss > before.loss + MOST_LOST:
        raise ModelError(
            f"refused: on held-out places its cross-entropy is {after.loss:.4f}, and that of the float "
            f"network {before.loss:.4f}; at most {MOST_LOST} may be lost"
        )
    card = Card(
        name=f"{layout.name}-int8",
        version=version,
        format="int8",
        input=layout.shape,
        labels=layout.labels,
        preprocessing=PREPROCESSING_VERSION,
        temperature=1.0,
        thresholds=Thresholds(accept=1.0, digit=0.0),
        training_data=config.data,
        accuracies={
            "held-out places, float": before.right,
            "held-out places": after.right,
            "held-out places, missed": after.missed,
            "held-out places, false": after.false,
        },
        command=config.command,
        commit=config.commit,
        failure="",
        known_answers=known(places, said, len(layout.labels)),
        id=identity(model),
    )
    return with_card(path, model, card), f"float: {before}\nint8: {after}"


def to_int8(network: keras.Model, places: Places) -> bytes:
    """Full int8, calibrated on evenly spread places, of which every other one has something in it."""
    something, nothing = np.flatnonzero(places.labels > 0), np.flatnonzero(places.labels == 0)
    half = SHOWN // 2
    shown = np.concatenate([kind[:: max(1, len(kind) // half)][:half] for kind in (something, nothing)])
    pixels = np.round(as_input(places.patches[shown]) * 255).astype(np.uint8)
    with Quantizer(network, pixels) as quantizer:
        return quantizer.to("int8")


def known(places: Places, said: FloatArray, labels: int) -> KnownAnswers:
    """Of each label, of the places where it is told rightly and most surely, the one that packs smallest."""
    right = np.where(said.argmax(axis=1) == places.labels, said.max(axis=1), 0)
    chosen = []
    for label in range(labels):
        mine = np.flatnonzero((places.labels == label) & (right > 0))
        surest = mine[np.argsort(-right[mine], kind="stable")][:KNOWN_AMONG]
        if len(surest):
            chosen.append(min(surest, key=lambda k: len(zlib.compress(places.patches[k].tobytes()))))
    return KnownAnswers(places.patches[chosen], said[chosen])
