"""A model file is asked, through edge's own classifier, before it ships."""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.isolated import IsolatedError, run_isolated
from edge.model_file import ModelFile, read_card
from edge.types import ByteArray, FloatArray
from training.evaluate import Evaluation

TIMEOUT_S = 300
"""Seconds for all digits; int8 takes less than one for 10,000."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a converted model may lose against the float network on the test digits.

    Attributes:
        drop: points of accuracy (hundredths of a share).
        agreement: share of digits, in per cent, of which both must say the same.
    """

    drop: float = 0.1
    agreement: float = 99.8


@dataclass(frozen=True, slots=True)
class Comparison:
    """A converted model against the float network, on the same digits.

    Attributes:
        float_accuracy: share that the float network reads right.
        accuracy: share that the converted model reads right.
        agreement: share of which both say the same.
        largest_difference: of one probability.
        calibration_error: of the converted model, after calibration.
    """

    float_accuracy: float
    accuracy: float
    agreement: float
    largest_difference: float
    calibration_error: float

    @classmethod
    def between(cls, original: Evaluation, raw: FloatArray, calibrated: FloatArray) -> Comparison:
        """Compare the float network with the outputs of the converted model, raw and calibrated, (n, 10)."""
        converted = Evaluation(original.digits, calibrated)
        return cls(
            original.accuracy,
            converted.accuracy,
            float((original.said == converted.said).mean()),
            float(np.abs(original.probabilities - raw).max()),
            converted.calibration_error,
        )

    def check(self, limits: Limits) -> None:
        """Refuse a model that lost too much.

        Raises:
            ModelError: saying what was lost, and how much may be.
        """
        drop = 100 * (self.float_accuracy - self.accuracy)
        found = (
            f"it reads {self.accuracy:.2%} of the test digits right where the float network reads "
            f"{self.float_accuracy:.2%}, and says the same of {self.agreement:.2%}"
        )
        # Counts of digits decide; the tolerance keeps a drop of just 0.1 from failing by a rounding error.
        if drop > limits.drop + 1e-9:
            raise ModelError(f"refused: {found}; at most {limits.drop:g} points may be lost (--max-drop)")
        if 100 * self.agreement < limits.agreement - 1e-9:
            raise ModelError(
                f"refused: {found}; at least {limits.agreement:g} % must be the same (--min-agreement)"
            )


def outputs(model: bytes, glyphs: ByteArray) -> FloatArray:
    """What edge's classifier makes of glyphs with a model file, in a child process: a bad model may crash it.

    Args:
        model: a `.tflite` file with its card inside.
        glyphs: shape (n, 28, 28), uint8.

    Returns:
        The raw outputs, before calibration, shape (n, 10), float32.

    Raises:
        ModelError: when the classifier refuses the model, its known answers among the reasons, or crashes.
    """
    request = _pack(model=np.frombuffer(model, np.uint8), glyphs=glyphs)
    try:
        raw: FloatArray = _unpack(run_isolated("convert.verify:_classify", request, timeout_s=TIMEOUT_S))[
            "raw"
        ]
    except IsolatedError as error:
        raise ModelError(f"refused by edge's classifier: {error}") from error
    return raw


def _classify(request: bytes) -> bytes:
    """What the child process does."""
    asked = _unpack(request)
    model = asked["model"].tobytes()
    file = ModelFile(Path("the new file"), model, read_card(model), sha256(model).hexdigest(), shipped=False)
    return _pack(raw=Classifier(file).raw(asked["glyphs"]))


def _pack(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)
