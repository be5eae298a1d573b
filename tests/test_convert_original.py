"""Networks of every kind are taken, and what is none is refused with its reason."""

import json
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from convert.original import load_original
from edge.errors import EdgeError
from training.runs import MODEL

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras saves them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]

GLYPHS = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)


class Doubled(keras.layers.Layer):
    """A layer that only this file knows."""

    def call(self, x):
        return 2 * x


def network(*middle, shape=(28, 28, 1), outputs=10, end="softmax"):
    keras.utils.set_random_seed(3)
    parts = [keras.Input(shape), *middle, layers.Flatten(), layers.Dense(outputs, activation=end)]
    return keras.Sequential(parts)


def two_inputs():
    picture, number = keras.Input((28, 28, 1)), keras.Input((1,))
    both = layers.Concatenate()([layers.Flatten()(picture), number])
    return keras.Model([picture, number], layers.Dense(10, activation="softmax")(both))


def not_finite():
    model = network()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.full_like(kernel, np.nan), bias])
    return model


@pytest.mark.parametrize("kind", ["run folder", ".keras", ".h5", "SavedModel"])
def test_a_network_says_the_same_from_every_kind_of_file(tmp_path, kind):
    model = network(layers.Rescaling(1 / 255), layers.Conv2D(4, 3))
    path = tmp_path / f"mine{kind if kind.startswith('.') else ''}"
    if kind == "SavedModel":
        model.export(path, verbose=False)
    elif kind == "run folder":
        path.mkdir()
        model.save(path / MODEL)
    else:
        model.save(path)
    original = load_original(path)
    assert original.name == "mine"
    assert original.shape == (28, 28, 1)
    assert original.reads_digits
    expected = model(GLYPHS[..., np.newaxis].astype(np.float32), training=False).numpy()
    assert original(GLYPHS) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("shape", "pixels"), [((28, 28), (0.0, 1.0)), ((28, 28, 1), (-1.0, 1.0)), ((28, 28, 1), (255.0, 0.0))]
)
def test_pixels_come_in_the_range_that_it_was_trained_with(tmp_path, shape, pixels):
    model = network(shape=shape)
    model.save(tmp_path / "mine.keras")
    black, white = pixels
    inputs = (black + (white - black) * GLYPHS.astype(np.float32) / 255).reshape(-1, *shape)
    said = load_original(tmp_path / "mine.keras", pixels=pixels)(GLYPHS)
    assert said == pytest.approx(model(inputs, training=False).numpy(), abs=1e-5)


def test_a_softmax_is_put_behind_logits(tmp_path):
    model = network(layers.Rescaling(1 / 255), end=None)
    model.save(tmp_path / "mine.keras")
    with pytest.raises(EdgeError, match="must give probabilities, but its answers go from .* add --logits"):
        load_original(tmp_path / "mine.keras")(GLYPHS)
    said = load_original(tmp_path / "mine.keras", logits=True)(GLYPHS)
    logits = model(GLYPHS[..., np.newaxis].astype(np.float32), training=False)
    assert said == pytest.approx(keras.ops.convert_to_numpy(keras.ops.softmax(logits)), abs=1e-5)


def test_a_sigmoid_is_told_from_logits(tmp_path):
    network(layers.Rescaling(1 / 255), end="sigmoid").save(tmp_path / "mine.keras")
    with pytest.raises(EdgeError, match="as behind a sigmoid, .* activation='softmax'"):
        load_original(tmp_path / "mine.keras")(GLYPHS)


def test_a_sigmoid_for_two_labels_is_told(tmp_path):
    network(outputs=1, end="sigmoid").save(tmp_path / "mine.keras")
    with pytest.raises(
        EdgeError, match="one number for two labels, as a sigmoid does: end it with two outputs"
    ):
        load_original(tmp_path / "mine.keras", labels=("cat", "dog"))


def test_a_file_of_keras_2_is_told_with_its_cure(tmp_path):
    """As Keras 2.15 writes it: its layers live in modules, and take arguments, that Keras 3 does not know."""
    layer = {
        "module": "keras.src.layers",
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 28, 28, 1], "dtype": "float32", "sparse": False, "name": "in"},
        "registered_name": None,
    }
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "old", "layers": [layer, layer]},
    }
    with zipfile.ZipFile(tmp_path / "mine.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(EdgeError, match="written by Keras 2.15.0, .* network.save"):
        load_original(tmp_path / "mine.keras")


def test_glyphs_are_brought_to_a_network_of_another_size_in_colour(tmp_path):
    network(layers.Rescaling(1 / 255), shape=(32, 40, 3)).save(tmp_path / "mine.keras")
    original = load_original(tmp_path / "mine.keras")
    assert original.fitted(GLYPHS).shape == (6, 32, 40, 3)
    assert original(GLYPHS).sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: network(Doubled()), "has a custom layer, Doubled, which only your code can build: write it"),
        (
            lambda: network(layers.Lambda(lambda x: x + 1)),
            "has a Lambda layer, which is code that is not",
        ),
        (
            lambda: network(outputs=11),
            r"for each of 10 labels, but gives \(11,\): .*--labels",
        ),
        (lambda: network(shape=(28, 28, 4)), r"fixed size, but takes \(28, 28, 4\)"),
        (
            lambda: network(layers.GlobalAveragePooling2D(), shape=(None, None, 1)),
            r"fixed size, but takes \(None, None, 1\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((1, 28, 28)), layers.Flatten(), layers.Dense(10)]),
            r"takes \(1, 28, 28\), channels first, .* keras.Input\(\(28, 28, 1\)\), and train it",
        ),
        (two_inputs, "must have one input and one output"),
        (not_finite, "mine.keras: its weights .*kernel are not all finite numbers: train it again"),
    ],
)
def test_what_edge_cannot_use_is_refused_with_the_reason(tmp_path, build, message):
    build().save(tmp_path / "mine.keras")
    with pytest.raises(EdgeError, match=message) as found:
        load_original(tmp_path / "mine.keras")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.keras", None, "no model at .*mine.keras: expected a run folder"),
        ("mine.keras", b"no model", "mine.keras is not a Keras model: a .keras file is a zip archive"),
        ("mine.h5", b"no model", "mine.h5 is not a Keras model"),
        ("mine.onnx", b"no model", "mine.onnx is no Keras model: its name must end in .keras.* or .tflite"),
        ("saved_model.pb", b"no model", "is not a SavedModel"),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(EdgeError, match=message) as found:
        load_original(tmp_path if name == "saved_model.pb" else tmp_path / name)
    assert "\n" not in str(found.value)
