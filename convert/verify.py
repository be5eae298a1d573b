"""A model file is asked, through edge's own classifier, before it ships."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from convert.arrays import packed, unpacked
from edge.classifier import Classifier, ask
from edge.errors import ModelError
from edge.isolated import IsolatedError, run_isolated
from edge.model_file import ModelFile, read_card
from edge.runtime import Network
from edge.types import ByteArray, FloatArray
from training.evaluate import Evaluation

TIMEOUT_S = 600
"""Seconds for all pictures. 20,000 glyphs take less than one in int8, and half a minute in int16x8."""

CHILDREN = 2
"""Processes that share the pictures."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a converted model must reach on the first test set, and may lose against the float network.

    Attributes:
        drop: points of accuracy (hundredths of a share).
        agreement: share of pictures, in per cent, of which both must say the same.
        accuracy: share of pictures, in per cent, that it must read right, whatever the float network does.
    """

    drop: float = 0.1
    agreement: float = 99.8
    accuracy: float = 90.0

    def broken_by(self, found: Comparison) -> str:
        """Why a model is refused; "" when it is not."""
        if 100 * found.accuracy < self.accuracy - 1e-9:
            return (
                f"it reads {found.accuracy:.2%} of the test set right, and the float network "
                f"{found.float_accuracy:.2%}; at least {self.accuracy:g} % is wanted (--min-accuracy)"
            )
        drop = 100 * (found.float_accuracy - found.accuracy)
        lost = (
            f"it reads {found.accuracy:.2%} of the test set right where the float network reads "
            f"{found.float_accuracy:.2%}, and says the same of {found.agreement:.2%}"
        )
        # Counts of digits decide; the tolerance keeps a drop of just 0.1 from failing by a rounding error.
        if drop > self.drop + 1e-9:
            return f"{lost}; at most {self.drop:g} points may be lost (--max-drop)"
        if 100 * found.agreement < self.agreement - 1e-9:
            return f"{lost}; at least {self.agreement:g} % must be the same (--min-agreement)"
        return ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A converted model against the float network, on the same pictures.

    Attributes:
        float_accuracy: share that the float network reads right.
        accuracy: share that the converted model reads right.
        agreement: share of which both say the same; of what is no digit both are meant to be unsure.
        largest_difference: of one probability.
        calibration_error: of the converted model, after calibration.
        confident_mistakes_gained: how many more are shown as certain and are wrong, or are no digit, than by
            the float network with a temperature and thresholds of its own.
        accepted: share of the digits that are shown as certain.
        accepted_wrong: share of those that are misread.
    """

    float_accuracy: float
    accuracy: float
    agreement: float
    largest_difference: float
    calibration_error: float
    confident_mistakes_gained: int
    accepted: float
    accepted_wrong: float


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a network made of a set of pictures.

    Attributes:
        raw: its own outputs, shape (n, labels).
        calibrated: the same after calibration, with what the pictures are.
        accept: confidence from which on an answer is shown as certain.
    """

    raw: FloatArray
    calibrated: Evaluation
    accept: float

    @property
    def confident_mistakes(self) -> int:
        """How many are shown as certain and are wrong."""
        return int((~self.calibrated.right & (self.calibrated.confidence >= self.accept)).sum())


def compare(original: Reading, converted: Reading) -> Comparison:
    """Compare what the float network and the converted model made of the same pictures."""
    digits = original.calibrated.digits.is_digit
    same = original.calibrated.said == converted.calibrated.said
    shown = digits & (converted.calibrated.confidence >= converted.accept)
    return Comparison(
        float_accuracy=original.calibrated.accuracy,
        accuracy=converted.calibrated.accuracy,
        agreement=float(same[digits].mean()),
        largest_difference=float(np.abs(original.raw - converted.raw).max()),
        calibration_error=converted.calibrated.calibration_error,
        confident_mistakes_gained=converted.confident_mistakes - original.confident_mistakes,
        accepted=float(shown.sum() / digits.sum()),
        accepted_wrong=float((shown & ~converted.calibrated.right).sum() / max(1, shown.sum())),
    )


def outputs(model: bytes, pictures: ByteArray, *, shape: tuple[int, int, int], labels: int) -> FloatArray:
    """What edge's runtime makes of pictures with a model that has no card yet.

    In child processes: a bad model may crash them.

    Args:
        model: a `.tflite` file.
        pictures: as `edge.classifier.fitted` takes them.
        shape: rows, columns and channels that it must take.
        labels: how many probabilities it must give.

    Returns:
        The raw outputs, before calibration, shape (n, labels), float32.

    Raises:
        ModelError: when it does not keep the contract, crashes, or gives answers that are no numbers.
    """
    request = {"model": np.frombuffer(model, np.uint8), "contract": np.array([*shape, labels])}
    with ThreadPoolExecutor(CHILDREN) as children:
        parts = children.map(
            lambda part: _in_child("_outputs", pictures=part, **request), np.array_split(pictures, CHILDREN)
        )
        raw = np.concatenate(list(parts))
    if not np.isfinite(raw).all():
        raise ModelError("refused: it gives answers that are no numbers")
    return raw


def prove(model: bytes, pictures: ByteArray, expected: FloatArray) -> None:
    """Open a finished model file with edge's own classifier, in a child process, and ask it.

    The classifier compares shapes, types, quantization and the card with the contract and asks the known
    answers.

    Args:
        model: a `.tflite` file with its card inside.
        pictures: as `edge.classifier.fitted` takes them.
        expected: what it gave before the card was in, shape (n, labels).

    Raises:
        ModelError: when the classifier refuses it, crashes, or gives other answers.
    """
    raw = _in_child("_classify", model=np.frombuffer(model, np.uint8), pictures=pictures)
    if not np.array_equal(raw, expected):
        raise ModelError("refused: the file gives other answers with its card than before")


def _in_child(target: str, **request: np.ndarray) -> FloatArray:
    try:
        answer = run_isolated(f"{__name__}:{target}", packed(request), timeout_s=TIMEOUT_S)
    except IsolatedError as error:
        raise ModelError(f"refused by edge's classifier: {error}") from error
    raw: FloatArray = unpacked(answer)["raw"]
    return raw


def _outputs(request: bytes) -> bytes:
    """What the child process of `outputs` does."""
    asked = unpacked(request)
    *shape, labels = (int(value) for value in asked["contract"])
    network = Network(asked["model"].tobytes())
    network.expect(image=tuple(shape), output=(labels,), dtype=np.float32)
    return packed({"raw": ask(network, asked["pictures"])})


def _classify(request: bytes) -> bytes:
    """What the child process of `prove` does."""
    asked = unpacked(request)
    model = asked["model"].tobytes()
    file = ModelFile(Path("the new file"), model, read_card(model), sha256(model).hexdigest(), shipped=False)
    return packed({"raw": Classifier(file).raw(asked["pictures"])})
