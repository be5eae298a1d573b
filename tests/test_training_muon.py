"""Muon: kernels take orthogonal steps, all else AdamW's."""

import numpy as np
import pytest

pytestmark = pytest.mark.workstation
keras = pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from training.muon import Muon  # noqa: E402

RATE = 1e-2


@pytest.fixture
def network():
    keras.utils.set_random_seed(1)
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(12, 3, name="first")(pixels)
    return keras.Model(pixels, keras.layers.Conv2D(4, 3, name="last")(x))


def steps(network, gradients):
    """What one update subtracts from each variable."""
    variables = network.trainable_variables
    before = [variable.numpy() for variable in variables]
    optimizer = Muon(RATE, weight_decay=0.0, last="last")
    optimizer.build(variables)
    optimizer.apply([keras.ops.convert_to_tensor(each) for each in gradients], variables)
    return {variable.path: old - variable.numpy() for variable, old in zip(variables, before, strict=True)}


def of_normal(network):
    random = np.random.default_rng(0)
    return [random.normal(size=variable.shape).astype(np.float32) for variable in network.trainable_variables]


def test_a_convolution_learns_in_every_direction_at_the_same_pace(network):
    gradients = of_normal(network)
    gradients[0][..., 0] *= 20  # gradient descent would learn this filter alone
    step = steps(network, gradients)["first/kernel"].reshape(27, 12)
    values = np.linalg.svd(step, compute_uv=False) / (0.2 * RATE * np.sqrt(27))
    # Newton and Schulz' iteration, with Jordan's constants, stops between 0.7 and 1.2.
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_its_step_is_about_as_long_as_adams(network):
    step = steps(network, of_normal(network))["first/kernel"]
    assert np.sqrt(np.mean(step**2)) == pytest.approx(0.2 * RATE, rel=0.5)


@pytest.mark.parametrize("path", ["first/bias", "last/kernel", "last/bias"])
def test_biases_and_the_last_layer_take_adams_step(network, path):
    gradients = of_normal(network)
    expected = {
        variable.path: RATE * np.sign(gradient)
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True)
    }
    np.testing.assert_allclose(steps(network, gradients)[path], expected[path], rtol=1e-2)


def test_weights_that_are_no_use_decay(network):
    variables = network.trainable_variables
    before = variables[0].numpy()
    optimizer = Muon(RATE, weight_decay=0.1, last="last")
    optimizer.build(variables)
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    np.testing.assert_allclose(variables[0].numpy(), before * (1 - RATE * 0.1), rtol=1e-5)
