"""Glyph -> Prediction: what the network says of a glyph, calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.errors import ModelError
from edge.isolated import IsolatedError, run_isolated
from edge.model_file import DIGITS, KnownAnswers, ModelFile, load_model, read_card
from edge.preprocess import GLYPH_SIZE
from edge.runtime import Network
from edge.types import ByteArray, FloatArray, Glyph, Prediction

TOLERANCE = 0.1
"""How far a known answer may be off. Runtimes round differently (one step of the output is 1/256, and a few
steps add up inside); one that is broken is off by nearly 1."""

SMALLEST = 1 / 512
"""What an output of 0 may stand for: half a step of the int8 softmax, whose scale is 1/256."""


class Classifier:
    """Reads glyphs with a TensorFlow Lite network; the interpreter is built once.

    A model that is not the shipped one is first opened in a child process, because a damaged one can take
    the process down with it. Then its shapes, types and quantization are checked and its known answers asked.

    Args:
        model: what to run; None is the shipped model.
        threads: of the interpreter. More than one does not pay for a network of 35,000 parameters.

    Attributes:
        card: what the model says of itself.
        name: which model it is, as results quote it.
        runtime: name and version of the runtime that runs it.
        threads: of the interpreter.

    Raises:
        ModelError: the model does not keep the contract, or answers wrongly.
        RuntimeMissingError: neither ai-edge-litert nor tflite-runtime is installed.
    """

    def __init__(self, model: ModelFile | None = None, *, threads: int = 1) -> None:
        model = model or load_model()
        self.card = model.card
        self.name = model.name
        try:
            if not model.shipped:
                run_isolated("edge.classifier:verify_bytes", model.data)
            self._network = _open(model.data, model.card.known_answers, threads=threads)
        except (IsolatedError, ModelError) as error:
            raise ModelError(f"{model.path}: {error}") from error
        self.runtime = self._network.runtime
        self.threads = threads

    def classify(self, glyphs: Sequence[Glyph] | ByteArray) -> list[Prediction]:
        """Read glyphs, each of shape (28, 28), uint8: one calibrated prediction for each."""
        return [Prediction(p) for p in calibrate(self.raw(glyphs), self.card.temperature)]

    def raw(self, glyphs: Sequence[Glyph] | ByteArray) -> FloatArray:
        """The network's own outputs before calibration, shape (n, 10), float32."""
        return _ask(self._network, glyphs)


def calibrate(raw: FloatArray, temperature: float) -> FloatArray:
    """Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017) on probabilities.

    softmax(log(p) / T) equals softmax(logits / T), as the logits are log(p) up to a constant.

    Args:
        raw: probabilities, shape (n, 10); an int8 softmax gives multiples of 1/256, 0 among them.
        temperature: above 1 makes confident answers humbler.

    Returns:
        Calibrated probabilities, shape (n, 10), float32, each row with the sum 1.
    """
    logits = np.log(np.maximum(raw, SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: FloatArray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def verify_bytes(model: bytes) -> bytes:
    """Open a `.tflite` file and ask its known answers: what a child process does with a model first seen.

    Returns:
        Nothing; that it returns at all is the answer.

    Raises:
        ModelError: as `Classifier` does.
    """
    _open(model, read_card(model).known_answers)
    return b""


def _open(model: bytes, known: KnownAnswers, *, threads: int = 1) -> Network:
    """Open a network, check its contract and its answers to known questions.

    Raises:
        ModelError: the contract does not hold, a label differs, or a probability by more than `TOLERANCE`.
    """
    network = Network(model, threads=threads)
    network.expect(image=(GLYPH_SIZE, GLYPH_SIZE, 1), output=(DIGITS,), dtype=np.float32)
    answers = _ask(network, known.glyphs)
    same = answers.argmax(axis=1) == known.probabilities.argmax(axis=1)
    error = float(np.abs(answers - known.probabilities).max())
    if not same.all() or not error <= TOLERANCE:
        raise ModelError(
            f"{network.runtime} gives wrong answers with it: {int(same.sum())} of {len(same)} known digits "
            f"are right, probabilities are off by up to {error:.2f} (allowed {TOLERANCE}); "
            "use ai-edge-litert, or convert the model again"
        )
    return network


def _ask(network: Network, glyphs: Sequence[Glyph] | ByteArray) -> FloatArray:
    """The ten outputs for each glyph, shape (n, 10), float32."""
    out = np.empty((len(glyphs), DIGITS), np.float32)
    # One by one: a batch would gain 9 %, but each new count of digits would have to resize the input.
    for row, glyph in zip(out, glyphs, strict=True):
        row[:] = network(glyph[np.newaxis, ..., np.newaxis])[0]
    return out
