"""The network is the seed paper's, layer for layer, and folding does not change what it says."""

import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from keras import layers  # noqa: E402

from training.network import build_network, fold, probabilities, refresh_norms  # noqa: E402

TABLE = [
    # output shape, parameters
    ((26, 26, 8), 80),
    ((24, 24, 16), 1168),
    ((12, 12, 16), 0),
    ((10, 10, 32), 4640),
    ((8, 8, 32), 9248),
    ((4, 4, 32), 0),
    ((2, 2, 64), 18496),
    ((64,), 0),
    ((64,), 0),
    ((16,), 1040),
    ((10,), 170),
]
KINDS = (layers.Conv2D, layers.MaxPooling2D, layers.GlobalAveragePooling2D, layers.Dropout, layers.Dense)


@pytest.fixture
def glyphs():
    return np.random.default_rng(0).integers(0, 256, (600, 28, 28), dtype=np.uint8)


@pytest.fixture
def trained(glyphs):
    """A network whose normalisation layers are no identity."""
    network = build_network(batch_norm=True)
    rng = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return network


def test_the_network_is_the_papers_table():
    network = build_network()
    rows = [layer for layer in network.layers if isinstance(layer, KINDS)]
    assert [(layer.output.shape[1:], layer.count_params()) for layer in rows] == TABLE
    assert network.count_params() == 34_842


def test_each_convolution_is_followed_by_a_leaky_relu():
    kinds = [type(layer) for layer in build_network().layers]
    after = [kinds[i + 1] for i, kind in enumerate(kinds) if kind is layers.Conv2D]
    assert after == [layers.LeakyReLU] * 5


def test_the_first_step_takes_raw_pixels():
    rescaling = build_network().layers[1]
    assert isinstance(rescaling, layers.Rescaling)
    assert rescaling.scale == 1 / 255


@pytest.mark.parametrize("batch_norm", [True, False])
def test_folding_gives_the_papers_network_with_the_same_answers(glyphs, trained, batch_norm):
    network = trained if batch_norm else build_network()
    folded = fold(network)
    assert folded.count_params() == 34_842
    np.testing.assert_allclose(probabilities(folded, glyphs), probabilities(network, glyphs), atol=1e-5)


def test_refreshed_norms_are_the_mean_over_all_batches(glyphs, trained):
    refresh_norms(trained, glyphs, batch_size=200)
    # Of the first convolution the statistics can be had directly.
    first = trained.get_layer("conv1")
    before = np.concatenate([first(glyphs[i : i + 200, ..., None] / np.float32(255)) for i in (0, 200, 400)])
    norm = trained.get_layer("conv1_norm")
    np.testing.assert_allclose(norm.moving_mean, before.mean(axis=(0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(norm.moving_variance, before.var(axis=(0, 1, 2)), rtol=1e-2)
    assert norm.momentum == layers.BatchNormalization().momentum


def test_refreshing_leaves_the_weights_alone(glyphs, trained):
    before = [weight.numpy().copy() for weight in trained.trainable_variables]
    refresh_norms(trained, glyphs)
    for weight, was in zip(trained.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight, was)
