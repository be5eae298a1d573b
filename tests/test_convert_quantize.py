"""Every format keeps the contract, says what the float network says, and comes out the same again."""

import keras
import numpy as np
import pytest
from keras import layers

from convert.flatfile import kind, unpacked
from convert.formats import FORMATS
from convert.layers import layer_errors
from convert.quantize import Quantizer
from edge.classifier import ask
from edge.errors import ModelError
from edge.runtime import Network

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras writes them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]

PICTURES = np.random.default_rng(0).integers(0, 256, (40, 12, 16, 1), np.uint8)


def small():
    keras.utils.set_random_seed(5)
    x = pixels = keras.Input((12, 16, 1), name="pixels")
    for layer in (
        layers.Rescaling(255, name="range"),
        layers.Rescaling(1 / 255, name="rescale"),
        layers.Conv2D(8, 3, name="first"),
        layers.LeakyReLU(0.1, name="first_leaky"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Conv2D(12, 3, name="second"),
        layers.LeakyReLU(0.1, name="second_leaky"),
        layers.GlobalAveragePooling2D(name="average"),
        layers.Dense(4, activation="softmax", name="last"),
    ):
        x = layer(x)
    return keras.Model(pixels, x, name="network")


@pytest.fixture(scope="module")
def network():
    return small()


@pytest.fixture(scope="module")
def models(network):
    with Quantizer(network, PICTURES) as quantizer:
        return {form: quantizer.to(form) for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_takes_raw_pixels_and_gives_probabilities(network, models, form):
    model = Network(models[form])
    model.expect(image=(12, 16, 1), output=(4,), dtype=np.float32)
    said = ask(model, PICTURES[..., 0])
    expected = network(PICTURES / np.float32(255), training=False).numpy()
    # A softmax of four over small differences: a twentieth is a lot there.
    assert said == pytest.approx(expected, abs=1e-5 if form == "float32" else 0.05)


def test_the_same_network_gives_the_same_bytes(models):
    with Quantizer(small(), PICTURES) as quantizer:
        for form in FORMATS:
            assert quantizer.to(form) == models[form], form


def test_formats_of_fewer_bits_are_smaller(models):
    weights = {
        form: sum(len(buffer.data) for buffer in unpacked(model).buffers if buffer.data is not None)
        for form, model in models.items()
    }
    assert weights["int8-w4"] < weights["int8"] < weights["float16"] < weights["float32"]


def test_rescaling_costs_int8_nothing(models):
    tree = unpacked(models["int8"])
    kinds = [kind(tree, operator) for operator in tree.subgraphs[0].operators]
    assert kinds[:2] == ["QUANTIZE", "CONV_2D"]
    assert "MUL" not in kinds
    assert kinds[-2:] == ["DEQUANTIZE", "SOFTMAX"]


def test_an_operation_that_there_is_not_is_named(tmp_path):
    pixels = keras.Input((12, 16, 1), name="pixels")
    folded = keras.ops.erfinv(pixels * 0.5)
    odd = keras.Model(pixels, layers.Dense(4, activation="softmax")(layers.Flatten()(folded)))
    with (
        Quantizer(odd, PICTURES) as quantizer,
        pytest.raises(ModelError, match=r"cannot store it as float32: .*tf\.\w+") as found,
    ):
        quantizer.to("float32")
    assert "\n" not in str(found.value)


def test_the_layer_that_lost_it_is_the_one_that_was_damaged(models):
    tree = unpacked(models["int8"])
    graph = tree.subgraphs[0]
    convolutions = [operator for operator in graph.operators if kind(tree, operator) == "CONV_2D"]
    weights = tree.buffers[graph.tensors[convolutions[1].inputs[1]].buffer].data.tobytes()
    damaged = models["int8"].replace(weights, weights[::-1])
    whole, broken = (layer_errors(models["float32"], model, PICTURES) for model in (models["int8"], damaged))
    assert [layer.kind for layer in whole] == [
        "CONV_2D", "LEAKY_RELU", "MAX_POOL_2D", "CONV_2D", "LEAKY_RELU", "MEAN", "FULLY_CONNECTED", "SOFTMAX"
    ]  # fmt: skip
    assert all(layer.error < 0.1 for layer in whole)
    worst = max(broken, key=lambda layer: layer.added)
    assert worst.name.startswith("second_1/")
    assert worst.error > 0.5
    assert broken[:3] == whole[:3]
