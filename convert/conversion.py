"""Network -> model file: quantize, calibrate, prove, and put the card in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import keras
import numpy as np

from convert.calibrate import choose_thresholds, fit_temperature
from convert.metadata import embed
from convert.quantize import to_int8
from convert.verify import Comparison, Limits, outputs
from edge.classifier import calibrate
from edge.errors import ModelError
from edge.model_file import DIGITS, Card, KnownAnswers
from edge.preprocess import PREPROCESSING_VERSION
from edge.types import Thresholds
from training.dataset import Digits
from training.evaluate import Evaluation
from training.network import probabilities
from training.runs import Config

TEST_SET = "mnist-test"
CALIBRATION_GLYPHS = 2000
CLEAR = 0.9
"""Confidence from which a glyph is clear enough for its answer to be known on every runtime."""


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """A model file that was proven, its card, and what the proof found."""

    model: bytes
    card: Card
    comparison: Comparison


def convert(
    network: keras.Model,
    config: Config,
    *,
    train: Digits,
    validation: Digits,
    camera: Digits,
    test: Digits,
    version: str,
    limits: Limits,
) -> Conversion:
    """Make a `.tflite` file from a float network and prove it through edge's own classifier.

    Args:
        network: as `training.network.build_network` makes it.
        config: of the run that trained it.
        train: the digits it learned from: they show the quantizer the range of every activation.
        validation: digits it did not learn from: known answers come from them.
        camera: glyphs as a camera gives them, non-digits among them, that it did not learn from; temperature
            and thresholds come from them, or, where there are none, from `validation`.
        test: the digits to prove it on.
        version: of the model, for its card.
        limits: what it may lose.

    Raises:
        ModelError: when it loses more, or edge's classifier refuses it.
    """
    original = Evaluation(validation, probabilities(network, validation.glyphs))
    clear = _clear_digits(original)
    card = Card(
        name="digits-int8",
        version=version,
        labels=tuple(str(digit) for digit in range(DIGITS)),
        preprocessing=PREPROCESSING_VERSION,
        temperature=1.0,
        thresholds=Thresholds(accept=0.0, digit=0.0),
        training_data=config.data,
        accuracies={},
        command=config.command,
        commit=config.commit,
        known_answers=KnownAnswers(validation.glyphs[clear], original.probabilities[clear]),
    )
    # A first card, with the float network's answers, lets edge's classifier open the file at all; what the
    # file then says makes the card that ships.
    shown = np.linspace(0, len(train) - 1, min(len(train), CALIBRATION_GLYPHS)).astype(int)
    quantized = to_int8(network, train.glyphs[shown])
    draft = embed(quantized, card)
    shown_by_camera = camera if len(camera) else validation
    raw = Evaluation(shown_by_camera, outputs(draft, shown_by_camera.glyphs))
    temperature = fit_temperature(raw)
    calibrated = Evaluation(shown_by_camera, calibrate(raw.probabilities, temperature))

    raw_test = outputs(draft, test.glyphs)
    comparison = Comparison.between(
        Evaluation(test, probabilities(network, test.glyphs)), raw_test, calibrate(raw_test, temperature)
    )
    comparison.check(limits)
    card = replace(
        card,
        temperature=temperature,
        thresholds=choose_thresholds(calibrated),
        accuracies={TEST_SET: comparison.accuracy},
        known_answers=KnownAnswers(validation.glyphs[clear], outputs(draft, validation.glyphs[clear])),
    )
    model = embed(quantized, card)
    if not np.array_equal(outputs(model, test.glyphs), raw_test):
        raise ModelError("refused: the file gives other answers with its final card than before")
    return Conversion(model, card, comparison)


def _clear_digits(original: Evaluation) -> np.ndarray:
    """Indices of one glyph per digit that the network is sure of: of these, the one that takes least room."""
    clear = original.right & (original.confidence >= CLEAR)
    chosen = []
    for digit in range(DIGITS):
        indices = np.flatnonzero(clear & (original.digits.labels == digit))
        if not len(indices):
            raise ModelError(f"refused: the float network reads no {digit} with confidence {CLEAR} or more")
        chosen.append(min(indices, key=lambda i: len(zlib.compress(original.digits.glyphs[i].tobytes(), 9))))
    return np.array(chosen)
