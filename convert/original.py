"""The float network that is to be converted: any Keras image classifier, from a file of whichever kind."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge.classifier import fitted
from edge.errors import ModelError, UsageError
from edge.model_file import DIGIT_LABELS
from edge.types import ByteArray, FloatArray
from training.runs import MODEL

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
SAVED_MODEL = "saved_model.pb"
ENDPOINTS = ("serving_default", "serve")
"""What a SavedModel is called through: TensorFlow's name, and Keras'."""

BLACK_AND_WHITE = 0.0, 255.0
BATCH = 500
ROUNDING = 0.01
"""How far the sum of probabilities may be off 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """A float network, made to take pixels from 0 to 1.

    Attributes:
        name: what it is called.
        labels: what its outputs mean.
        network: takes (n, rows, columns, channels), gives probabilities (n, labels).
    """

    name: str
    labels: tuple[str, ...]
    network: keras.Model

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its input."""
        rows, columns, channels = self.network.input_shape[1:]
        return rows, columns, channels

    @property
    def reads_digits(self) -> bool:
        """Whether edge can read numbers with it."""
        return self.labels == DIGIT_LABELS

    def __call__(self, pictures: ByteArray) -> FloatArray:
        """What it says of glyphs, or other pictures as `edge.classifier.fitted` takes them.

        Returns:
            Probabilities, shape (n, labels), float32.

        Raises:
            ModelError: when they are none.
        """
        parts = [
            keras.ops.convert_to_numpy(
                self.network(self.fitted(pictures[start : start + BATCH]) / np.float32(255), training=False)
            )
            for start in range(0, len(pictures), BATCH)
        ]
        return checked_probabilities(np.concatenate(parts))

    def fitted(self, pictures: ByteArray) -> ByteArray:
        """Pictures as the network takes them but for the scale, shape (n, rows, columns, channels), uint8."""
        return np.stack([fitted(picture, self.shape) for picture in pictures])


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A network as it came.

    Attributes:
        name: what it is called.
        labels: what its outputs mean.
        network: takes (n, rows, columns) or (n, rows, columns, channels), gives (n, labels).
        logits: whether a softmax is to follow its output.
    """

    name: str
    labels: tuple[str, ...]
    network: keras.Model
    logits: bool

    def taking(self, pixels: tuple[float, float]) -> Original:
        """The network, made to take pixels from 0 to 1.

        Args:
            pixels: what it takes for black and for white.
        """
        return Original(self.name, self.labels, _from_unit_range(self.network, *pixels, logits=self.logits))


def load_network(
    path: Path, *, name: str | None = None, labels: tuple[str, ...] | None = None, logits: bool = False
) -> Loaded:
    """The network in a run folder, a `.keras` or `.h5` file or a SavedModel.

    Args:
        path: where it is.
        name: what it is called; None is its own name.
        labels: what its outputs mean; None are the ten digits.
        logits: whether a softmax is to follow its output.

    Raises:
        UsageError: when there is none, or it cannot be read.
        ModelError: when it is no image classifier, or its weights are no numbers.
    """
    network = _load(path)
    labels = labels or DIGIT_LABELS
    _check_shapes(network, len(labels))
    for variable in network.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise ModelError(
                f"{path}: its weights {variable.path} are not all finite numbers: train it again"
            )
    # Names that Keras made up say less than that of the file.
    made_up = network.name.startswith(("functional", "sequential"))
    return Loaded(name or (path.stem if made_up else network.name), labels, network, logits)


def load_original(
    path: Path,
    *,
    name: str | None = None,
    labels: tuple[str, ...] | None = None,
    pixels: tuple[float, float] = BLACK_AND_WHITE,
    logits: bool = False,
) -> Original:
    """As `load_network`, made to take pixels from 0 to 1.

    Args:
        path: where it is.
        name: what it is called; None is its own name.
        labels: what its outputs mean; None are the ten digits.
        pixels: what the network takes for black and for white.
        logits: whether a softmax is to follow its output.
    """
    return load_network(path, name=name, labels=labels, logits=logits).taking(pixels)


def _load(path: Path) -> keras.Model:
    if (path / SAVED_MODEL).is_file():
        return _load_saved_model(path)
    path = path / MODEL if path.is_dir() else path
    if not path.is_file():
        raise UsageError(
            f"no model at {path}: expected a run folder of python -m training, a file that ends in "
            f"{', '.join(KERAS_SUFFIXES)} or .tflite, or the folder of a SavedModel"
        )
    if path.suffix not in KERAS_SUFFIXES:
        raise UsageError(
            f"{path} is no Keras model: its name must end in {', '.join(KERAS_SUFFIXES)} or .tflite"
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the damage leads to
        text = str(error)
        if (writer := _keras_of(path)).startswith("2."):
            raise UsageError(
                f"{path} was written by Keras {writer}, and Keras {keras.__version__} cannot read it: where "
                "it was made, write it once more with network.save('name.h5') or network.export('folder'), "
                "and convert that"
            ) from error
        custom = re.search(r"Could not locate \w+ '([^']+)'|Unknown \w+: '([^']+)'", text)
        if custom:
            raise UsageError(
                f"{path} has a custom layer, {custom[1] or custom[2]}, which only your code can build: write "
                "it there with network.export('folder'), and convert that folder"
            ) from error
        if "Lambda" in text:
            raise UsageError(
                f"{path} has a Lambda layer, which is code that is not run here: write it with "
                "network.export('folder'), and convert that folder"
            ) from error
        if path.suffix == ".keras" and not zipfile.is_zipfile(path):  # Keras says that there is no file
            raise UsageError(
                f"{path} is not a Keras model: a .keras file is a zip archive, and this is none"
            ) from error
        raise UsageError(
            f"{path} is not a Keras model: {text.splitlines()[0] if text else error!r}"
        ) from error


def _keras_of(path: Path) -> str:
    """The version of Keras that wrote a `.keras` file; "" where that cannot be told."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return ""


def _load_saved_model(path: Path) -> keras.Model:
    import tensorflow as tf

    try:
        signatures = tf.saved_model.load(str(path)).signatures
    except Exception as error:  # TensorFlow raises whatever the damage leads to
        raise UsageError(f"{path} is not a SavedModel: {str(error).splitlines()[0]}") from error
    endpoint = next((name for name in ENDPOINTS if name in signatures), None)
    if endpoint is None:
        raise UsageError(
            f"{path} has no signature called {' or '.join(ENDPOINTS)}, but "
            f"{', '.join(signatures) or 'none'}: write it with network.export()"
        )
    inputs = list(signatures[endpoint].structured_input_signature[1].values())
    outputs = list(signatures[endpoint].structured_outputs.values())
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].dtype != tf.float32:
        raise ModelError(
            f"{path} must take one float32 tensor and give one, but takes "
            f"{', '.join(each.dtype.name for each in inputs)} and gives {len(outputs)}"
        )
    pixels = keras.Input(inputs[0].shape[1:], name="pixels")
    said = keras.layers.TFSMLayer(str(path), call_endpoint=endpoint)(pixels)
    return keras.Model(pixels, next(iter(said.values())) if isinstance(said, dict) else said, name=path.stem)


def _check_shapes(network: keras.Model, labels: int) -> None:
    takes, gives = network.input_shape, network.output_shape
    if isinstance(takes, (list, dict)) or isinstance(gives, (list, dict)):
        raise ModelError("the network must have one input and one output: edge shows it one picture")
    if len(takes) == 4 and None not in takes[1:] and takes[1] in (1, 3) and takes[3] not in (1, 3):
        raise ModelError(
            f"the network takes {takes[1:]}, channels first, which TensorFlow Lite does not run: build it "
            f"with data_format='channels_last' and keras.Input({(*takes[2:], takes[1])}), and train it, "
            "or take the weights over with set_weights (behind Flatten, those of a Dense layer in another "
            "order)"
        )
    if len(takes) not in (3, 4) or None in takes[1:] or (len(takes) == 4 and takes[3] not in (1, 3)):
        raise ModelError(
            "the network must take pictures (rows, columns), (rows, columns, 1) or (rows, columns, 3) of a "
            f"fixed size, but takes {takes[1:]}"
        )
    if gives[1:] == (1,) and labels == 2:
        raise ModelError(
            "the network gives one number for two labels, as a sigmoid does: end it with two outputs and a "
            "softmax, keras.layers.Dense(2, activation='softmax')"
        )
    if gives[1:] != (labels,):
        raise ModelError(
            f"the network must give one probability for each of {labels} labels, but gives {gives[1:]}: "
            "name what its outputs mean, a line each, with --labels"
        )


def _from_unit_range(network: keras.Model, black: float, white: float, *, logits: bool) -> keras.Model:
    """The network from pixels between 0 and 1: quantizing the input is that scaling, at no cost.

    TensorFlow Lite's converter folds this rescaling, and one that the network begins with, into the first
    convolution.
    """
    shape = network.input_shape[1:]
    # Named, as names are in the file, and those that Keras makes up count how often it made one up before.
    x = pixels = keras.Input((*shape, 1)[:3], name="pixels")
    if len(shape) == 2:
        x = keras.layers.Reshape(shape, name="picture")(x)
    x = network(keras.layers.Rescaling(white - black, black, name="range")(x))
    if logits:
        x = keras.layers.Softmax(name="softmax")(x)
    return keras.Model(pixels, x, name="network")


def checked_probabilities(probabilities: FloatArray, step: float = 0.0) -> FloatArray:
    """The same, when they are probabilities, shape (n, labels).

    Args:
        probabilities: what the network gives.
        step: of its quantization; each may be half of it off.

    Raises:
        ModelError: when they are none; the message names the likely cause.
    """
    if not np.isfinite(probabilities).all():
        raise ModelError("the network gives answers that are no numbers: train it again")
    sums = probabilities.sum(axis=1)
    off = np.abs(sums - 1).max() > ROUNDING + probabilities.shape[1] * step / 2
    if off and probabilities.min() >= 0 and probabilities.max() <= 1:
        raise ModelError(
            f"the network's answers lie between 0 and 1, but their sums go from {sums.min():.3g} to "
            f"{sums.max():.3g}, as behind a sigmoid, which asks of each label for itself: end it with "
            "activation='softmax' and train it with a categorical cross-entropy"
        )
    if off or probabilities.min() < 0:
        raise ModelError(
            f"the network must give probabilities, but its answers go from {probabilities.min():.3g} to "
            f"{probabilities.max():.3g} with sums from {sums.min():.3g} to {sums.max():.3g}: if they are "
            "logits, add --logits"
        )
    return probabilities
