"""A network that names what is in a patch: a few small convolutions and one dense layer.

Nothing here is tied to one Keras backend.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from edge.types import ByteArray, FloatArray

DROPPED = 0.2
"""Share of the features that training hides from the dense layer."""

BATCH = 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """What a network is built as.

    Attributes:
        name: of the network, such as "marks".
        rows: of a patch, pixels.
        columns: likewise.
        convolutions: channels and strides of the 3x3 convolutions.
        labels: what it names; the first is nothing.
    """

    name: str
    rows: int
    columns: int
    convolutions: tuple[tuple[int, int], ...]
    labels: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a patch."""
        return self.rows, self.columns, 3

    def build(self) -> keras.Model:
        """The network, with fresh weights.

        Returns:
            A model from what `as_input` makes of patches to the probabilities of the labels, shape
            (n, len(labels)).
        """
        pixels = keras.Input(self.shape, name="patch")
        x = pixels
        for number, (channels, strides) in enumerate(self.convolutions, 1):
            name = f"conv{number}"
            x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False, name=name)(x)
            x = layers.BatchNormalization(name=f"{name}-norm")(x)
            x = layers.ReLU(6, name=f"{name}-relu")(x)
        x = layers.Dropout(DROPPED, name="dropout")(layers.Flatten(name="flat")(x))
        x = layers.Dense(len(self.labels), activation="softmax", name="labels")(x)
        return keras.Model(pixels, x, name=self.name)


def probabilities(network: keras.Model, patches: ByteArray) -> FloatArray:
    """What a network says of patches, shape (n, rows, columns, 3) uint8: shape (n, labels), float32."""
    parts = [as_input(patches[start : start + BATCH]) for start in range(0, len(patches), BATCH)]
    said = [keras.ops.convert_to_numpy(network(part, training=False)) for part in parts]
    whole: FloatArray = np.concatenate(said)
    return whole


def as_input(patches: ByteArray) -> FloatArray:
    """Patches as edge cuts them out, (n, rows, columns, 3) uint8 in BGR, in RGB and from 0 to 1."""
    pixels: FloatArray = patches[..., ::-1].astype(np.float32) / np.float32(255)
    return pixels
