"""The page network: a small U-Net that works on blocks of 4x4 pixels, with the heads of `edge.page.CHANNELS`.

Nothing at full size is ever computed: each block's 16 pixels are 16 channels, in the input as in what it says
of ink, so that all work is in matrix products with 16 and more channels, which int8 kernels are fast at.
Nothing here is tied to one Keras backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from edge.page import BLOCK, DEPTH

CHANNELS = (24, 40, 64, 96)
"""Of the levels at 1/4, 1/8, 1/16 and 1/32 of the picture's size."""

DOWN = (0, 1, 2, 3)
"""Residual convolutions in each level on the way down: the last two see 150 pixels and more around each."""

HEADS = 32
"""Channels that all heads share."""

RARE = -4.0
"""What the heads for what is rare say at first, a logit: without it, all that they are not drowns the first
steps (the "prior" of Lin et al., "Focal Loss for Dense Object Detection", 2017)."""


def build_network(side: int | None = None, down: Sequence[int] = DOWN) -> keras.Model:
    """The network, with fresh weights.

    Args:
        side: pixels of a square picture, a multiple of STRIDE; None takes pictures of any such size.
        down: residual convolutions in each level on the way down.

    Returns:
        A model from pixels of `flatten`, divided by 255, in the order of `to_blocks`, shape
        (n, rows/4, columns/4, 16), to what the page is, shape (n, rows/4, columns/4, DEPTH): see
        `edge.page.CHANNELS`.
    """
    blocks = None if side is None else side // BLOCK
    pixels = keras.Input((blocks, blocks, BLOCK**2), name="blocks")
    x = _conv(pixels, CHANNELS[0], "first")
    fine = []
    for level, channels in enumerate(CHANNELS):
        if level:
            x = _conv(x, channels, f"down{level}", strides=2)
        for place in range(down[level]):
            x = layers.Add()([x, _conv(x, channels, f"down{level}-{place}")])
        fine.append(x)
    for level in reversed(range(len(CHANNELS) - 1)):
        x = layers.Conv2D(4 * CHANNELS[level], 1, use_bias=False, name=f"up{level}")(x)
        x = ops.depth_to_space(_norm(f"up{level}")(x), 2)  # to the level above
        x = layers.ReLU(6, name=f"up{level}-relu")(layers.Add()([x, fine[level]]))
        x = _conv(x, CHANNELS[level] if level else HEADS, f"both{level}")
    x = layers.Conv2D(DEPTH, 1, name="page", bias_initializer=keras.initializers.Constant(RARE / 2))(x)
    return keras.Model(pixels, x, name="page")


def _conv(x: Any, channels: int, name: str, *, strides: int = 1) -> Any:  # noqa: ANN401
    """3x3, batch normalisation (the converter folds it away) and ReLU6, whose bound suits 8 bits."""
    x = layers.Conv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.ReLU(6, name=f"{name}-relu")(_norm(name)(x))


def _norm(name: str) -> keras.Layer:
    # A batch holds many pixels: statistics over some tens of steps are exact enough, and never out of date.
    return layers.BatchNormalization(momentum=0.95, name=f"{name}-norm")
