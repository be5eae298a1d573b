"""The seed paper's network: 34,842 parameters, five 3x3 convolutions and two dense layers.

Nothing here is tied to one Keras backend.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from edge.model_file import DIGITS
from edge.preprocess import GLYPH_SIZE
from edge.types import ByteArray, FloatArray

LEAK = 0.1
"""Slope below zero; Keras' own default, 0.3, is nearer to a straight line."""

_BLOCKS = (
    ("conv1", 8, False),
    ("conv2", 16, True),
    ("conv3", 32, False),
    ("conv4", 32, True),
    ("conv5", 64, False),
)
"""Name, filters, and whether a max-pooling by 2 follows."""


def build_network(*, batch_norm: bool = False, dropout: float = 0.0) -> keras.Model:
    """The network, with fresh weights.

    Args:
        batch_norm: puts batch normalisation between each convolution and its LeakyReLU. This is the form to
            train; `fold` turns it into the form to deploy.
        dropout: share of the 64 pooled features that training hides from the dense layers.

    Returns:
        A model that takes raw pixels, shape (n, 28, 28, 1), 0 to 255, and gives probabilities, (n, 10).
    """
    pixels = keras.Input((GLYPH_SIZE, GLYPH_SIZE, 1), name="glyph")
    # Rescaling inside the network makes the quantized input exactly 1/255 with zero point 0: raw pixels.
    x = layers.Rescaling(1 / 255, name="rescale")(pixels)
    for name, filters, pool in _BLOCKS:
        # The shift of batch normalisation takes the place of the bias.
        x = layers.Conv2D(filters, 3, use_bias=not batch_norm, kernel_initializer="he_normal", name=name)(x)
        if batch_norm:
            x = layers.BatchNormalization(name=_norm(name))(x)
        x = layers.LeakyReLU(LEAK, name=f"{name}_leaky")(x)
        if pool:
            x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(16, kernel_initializer="he_normal", name="dense1")(x)
    x = layers.LeakyReLU(LEAK, name="dense1_leaky")(x)
    x = layers.Dense(DIGITS, activation="softmax", name="dense2")(x)
    return keras.Model(pixels, x, name="digits")


def fold(trained: keras.Model) -> keras.Model:
    """The same function without batch normalisation: its scale and shift go into kernel and bias.

    Args:
        trained: what `build_network` made, with or without batch normalisation; it is left as it is.

    Returns:
        A new model of 34,842 parameters, the one to deploy.
    """
    folded = build_network()
    names = {layer.name for layer in trained.layers}
    for layer in folded.layers:
        weights = trained.get_layer(layer.name).get_weights()
        if _norm(layer.name) in names:
            norm = trained.get_layer(_norm(layer.name))
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            # A kernel has shape (rows, columns, channels in, channels out): the scale is per channel out.
            weights = [weights[0] * scale, beta - mean * scale]
        if layer.get_weights():
            layer.set_weights(weights)
    return folded


def refresh_norms(network: keras.Model, glyphs: ByteArray, *, batch_size: int = 512) -> None:
    """Measure the statistics of batch normalisation anew: averaged weights need their own.

    Args:
        network: changed in place; nothing happens when it has no batch normalisation.
        glyphs: training glyphs, shape (n, 28, 28) uint8, as training saw them.
        batch_size: glyphs per forward pass.
    """
    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for index, start in enumerate(range(0, len(glyphs), batch_size)):
        for norm in norms:
            norm.momentum = index / (index + 1)  # the plain mean over all batches so far
        network(as_input(glyphs[start : start + batch_size]), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def probabilities(network: keras.Model, glyphs: ByteArray, *, batch_size: int = 500) -> FloatArray:
    """What the network says of glyphs (n, 28, 28) uint8: shape (n, 10), float32."""
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(network(as_input(glyphs[start : start + batch_size]), training=False))
            for start in range(0, len(glyphs), batch_size)
        ]
    )


def as_input(glyphs: ByteArray) -> FloatArray:
    """Glyphs (n, 28, 28) uint8 as the float32 pixels (n, 28, 28, 1) that the Keras model takes."""
    return glyphs[..., np.newaxis].astype(np.float32)


def _norm(name: str) -> str:
    return f"{name}_norm"
