"""The ink network: a small U-Net that works on blocks of 4x4 pixels.

Nothing at full size is ever computed: each block's 16 pixels are 16 channels, in the input as in the output,
so that all work is in matrix products with 16 and more channels, which int8 kernels are fast at.
Nothing here is tied to one Keras backend.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from edge.by_ink.ink import BLOCK, flatten, from_blocks, to_blocks
from edge.types import ByteArray, FloatArray

CHANNELS = (16, 32, 48, 64)
"""Of the levels at 1/4, 1/8, 1/16 and 1/32 of the picture's size."""

DOWN = (0, 0, 1, 2)
"""Residual convolutions in each level on the way down: the last two see 200 pixels around each."""

UP = (0, 0, 1)
"""Convolutions in each level, but the coarsest, on the way up."""


def build_network(side: int | None = None) -> keras.Model:
    """The network, with fresh weights.

    Args:
        side: pixels of a square picture, a multiple of STRIDE; None takes pictures of any such size.

    Returns:
        A model from pixels of `flatten`, divided by 255, in the order of `to_blocks`, shape
        (n, rows/4, columns/4, 16), to the logits of the probability that a pixel is ink of a digit, in the
        same order.
    """
    blocks = None if side is None else side // BLOCK
    pixels = keras.Input((blocks, blocks, BLOCK**2), name="blocks")
    x = _conv(pixels, CHANNELS[0])
    fine = []
    for level, channels in enumerate(CHANNELS):
        if level:
            x = _conv(x, channels, strides=2)
        for _ in range(DOWN[level]):
            x = layers.Add()([x, _conv(x, channels)])
        fine.append(x)
    for level in reversed(range(len(UP))):
        x = layers.Conv2D(4 * CHANNELS[level], 1, use_bias=False)(x)
        x = keras.ops.depth_to_space(_norm()(x), 2)  # to the level above
        x = layers.ReLU(6)(layers.Add()([x, fine[level]]))
        for _ in range(UP[level]):
            x = _conv(x, CHANNELS[level])
    x = layers.Conv2D(BLOCK**2, 1, name="ink")(x)
    return keras.Model(pixels, x, name="ink")


def _conv(x: Any, channels: int, *, strides: int = 1) -> Any:  # noqa: ANN401
    """3x3, batch normalisation (the converter folds it away) and ReLU6, whose bound suits 8 bits."""
    x = layers.Conv2D(
        channels, 3, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.ReLU(6)(_norm()(x))


def _norm() -> keras.Layer:
    # A batch holds many pixels: statistics over some tens of steps are exact enough, and never out of date.
    return layers.BatchNormalization(momentum=0.95)


def probabilities(network: keras.Model, pictures: ByteArray, *, batch_size: int = 16) -> FloatArray:
    """Probability of ink for each pixel of pictures (n, rows, columns) uint8: the same shape, in 255ths."""
    said = []
    for start in range(0, len(pictures), batch_size):
        flat = np.stack([flatten(picture) for picture in pictures[start : start + batch_size]])
        blocks = to_blocks(flat).astype(np.float32) / 255
        logits = network(blocks, training=False)
        levels = np.round(255 * keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))).astype(np.uint8)
        said.append(from_blocks(levels).astype(np.float32) / 255)
    return np.concatenate(said)
