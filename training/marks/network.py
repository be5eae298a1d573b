"""The mark network: four small convolutions over the place between two digits.

Nothing here is tied to one Keras backend.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from edge.patches import COLUMNS, ROWS
from edge.types import SIGNS, ByteArray, FloatArray

CONVOLUTIONS = ((16, 2), (24, 1), (32, 2), (48, 2))
"""Channels and strides of the 3x3 convolutions: 2.5 million multiplications for each place, half as many as
the digit network takes for a glyph."""

DROPPED = 0.2
"""Share of the features that training hides from the dense layer."""

BATCH = 1024


def build_network() -> keras.Model:
    """The network, with fresh weights.

    Returns:
        A model from what `as_input` makes of patches to the probabilities of `SIGNS`, shape
        (n, len(SIGNS)).
    """
    pixels = keras.Input((ROWS, COLUMNS, 3), name="patch")
    x = pixels
    for number, (channels, strides) in enumerate(CONVOLUTIONS, 1):
        name = f"conv{number}"
        x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}-norm")(x)
        x = layers.ReLU(6, name=f"{name}-relu")(x)
    x = layers.Dropout(DROPPED, name="dropout")(layers.Flatten(name="flat")(x))
    x = layers.Dense(len(SIGNS), activation="softmax", name="signs")(x)
    return keras.Model(pixels, x, name="marks")


def probabilities(network: keras.Model, patches: ByteArray) -> FloatArray:
    """What the network says of patches, shape (n, ROWS, COLUMNS, 3) uint8: shape (n, len(SIGNS)), float32."""
    parts = [as_input(patches[start : start + BATCH]) for start in range(0, len(patches), BATCH)]
    said = [keras.ops.convert_to_numpy(network(part, training=False)) for part in parts]
    whole: FloatArray = keras.ops.convert_to_numpy(keras.ops.concatenate(said))
    return whole


def as_input(patches: ByteArray) -> FloatArray:
    """Patches as `edge.patches.patch` cuts them out, (n, ROWS, COLUMNS, 3) uint8, in RGB and from 0 to 1."""
    pixels: FloatArray = patches[..., ::-1].astype(np.float32) / np.float32(255)
    return pixels
