"""Glyph -> Prediction: what the network says of a glyph, calibrated.

A network may also take larger pictures, in grey or in colour, and name other things than digits: whatever
`python -m convert` has proven.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.errors import ModelError
from edge.isolated import IsolatedError, run_isolated
from edge.model_file import Card, ModelFile, load_model, read_card
from edge.runtime import Network
from edge.types import ByteArray, FloatArray, Glyph, Prediction

TOLERANCE = 0.1
"""How far a known answer may be off. Runtimes round differently, by single steps of an integer, a few of
which add up inside; one that is broken is off by nearly 1."""

SMALLEST = 1 / 512
"""What an output of 0 may stand for where the softmax is int8, in steps of 1/256: half a step."""


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
            self._network = _open(model.data, model.card, threads=threads)
        except (IsolatedError, ModelError) as error:
            raise ModelError(f"{model.path}: {error}") from error
        self.runtime = self._network.runtime
        self.threads = threads

    def classify(self, glyphs: Sequence[Glyph] | ByteArray) -> list[Prediction]:
        """Read glyphs, or other pictures as `fitted` takes them: one calibrated prediction for each."""
        return [Prediction(p) for p in calibrate(self.raw(glyphs), self.card.temperature)]

    def raw(self, glyphs: Sequence[Glyph] | ByteArray) -> FloatArray:
        """The network's own outputs before calibration, shape (n, labels), float32."""
        return ask(self._network, glyphs)


def ask(network: Network, pictures: Sequence[ByteArray] | ByteArray) -> FloatArray:
    """A network's own outputs for pictures as `fitted` takes them, shape (n, labels), float32."""
    # One by one: a batch would gain 9 %, but each new count of digits would have to resize the input.
    answers = [network(fitted(picture, network.image)[np.newaxis])[0] for picture in pictures]
    return np.array(answers, np.float32).reshape(len(answers), *network.output)


def fitted(picture: ByteArray, shape: tuple[int, ...]) -> ByteArray:
    """A picture as a network takes it; a glyph for a network that takes glyphs is not changed.

    Args:
        picture: grey (rows, columns) or BGR (rows, columns, 3), uint8.
        shape: (rows, columns, 1) for a network that takes grey, (rows, columns, 3) for RGB. The picture is
            stretched to this size.
    """
    rows, columns, channels = shape
    picture = stretched(picture, rows, columns)
    change = _COLOURS.get((picture.ndim, channels))
    changed = picture if change is None else np.asarray(cv2.cvtColor(picture, change), np.uint8)
    return changed.reshape(rows, columns, channels)


def stretched(picture: ByteArray, rows: int, columns: int) -> ByteArray:
    """A picture, grey or in colour, brought to a size; one that has it is not changed."""
    if picture.shape[:2] == (rows, columns):
        return picture
    smaller = rows * columns < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=how), np.uint8)


_COLOURS = {(2, 3): cv2.COLOR_GRAY2RGB, (3, 1): cv2.COLOR_BGR2GRAY, (3, 3): cv2.COLOR_BGR2RGB}
"""How to change a picture's colours, by its dimensions and the channels that the network takes."""


def calibrate(raw: FloatArray, temperature: float) -> FloatArray:
    """Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017) on probabilities.

    softmax(log(p) / T) equals softmax(logits / T), as the logits are log(p) up to a constant.

    Args:
        raw: probabilities, shape (n, labels); where the softmax is int8, multiples of 1/256, 0 among them.
        temperature: above 1 makes confident answers humbler.

    Returns:
        Calibrated probabilities, the same shape, float32, each row with the sum 1.
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
    _open(model, read_card(model))
    return b""


def _open(model: bytes, card: Card, *, threads: int = 1) -> Network:
    """Open a network, check its contract and its answers to known questions.

    Raises:
        ModelError: the contract does not hold, a label differs, or a probability by more than `TOLERANCE`.
    """
    network = Network(model, threads=threads)
    network.expect(image=card.input, output=(len(card.labels),), dtype=np.float32)
    known = card.known_answers
    answers = ask(network, known.glyphs)
    same = answers.argmax(axis=1) == known.probabilities.argmax(axis=1)
    error = float(np.abs(answers - known.probabilities).max())
    if not same.all() or not error <= TOLERANCE:
        raise ModelError(
            f"{network.runtime} gives wrong answers with it: {int(same.sum())} of {len(same)} known "
            f"pictures are right, probabilities are off by up to {error:.2f} (allowed {TOLERANCE}); "
            "use ai-edge-litert, or convert the model again"
        )
    return network
