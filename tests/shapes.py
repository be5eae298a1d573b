"""A small image classifier that is not ours: it tells circles, squares and crosses, in colour."""

from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers

from edge.types import ByteArray

NAMES = ("circle", "square", "cross")
SIDE = 24


def shape(label: int, random: np.random.Generator) -> ByteArray:
    """A picture of one, BGR, shape (48, 48, 3): somewhere, in some colour, on some paper."""
    picture = np.full((48, 48, 3), random.integers(150, 256, 3), np.uint8)
    ink = tuple(int(value) for value in random.integers(0, 100, 3))
    x, y, radius = (int(value) for value in random.integers((18, 18, 8), (30, 30, 14)))
    if label == 0:
        cv2.circle(picture, (x, y), radius, ink, 3)
    elif label == 1:
        cv2.rectangle(picture, (x - radius, y - radius), (x + radius, y + radius), ink, 3)
    else:
        cv2.line(picture, (x - radius, y - radius), (x + radius, y + radius), ink, 3)
        cv2.line(picture, (x - radius, y + radius), (x + radius, y - radius), ink, 3)
    noise = random.normal(0, 5, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def write_shapes(folder: Path, count: int, seed: int = 0) -> Path:
    """A folder for each name, with so many pictures in it."""
    random = np.random.default_rng(seed)
    for label, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            cv2.imwrite(str(folder / name / f"{index:03}.png"), shape(label, random))
    return folder


def shapes_network(*, trained: bool = True) -> keras.Model:
    """Takes RGB (n, 24, 24, 3) from -1 to 1; with batch normalisation, as many have it."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(8, 3, strides=2, use_bias=False, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(len(NAMES), activation="softmax"),
        ]
    )
    if trained:
        random = np.random.default_rng(1)
        labels = random.integers(0, len(NAMES), 1500)
        pictures = [
            cv2.resize(shape(label, random), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for label in labels
        ]
        rgb = np.stack(pictures)[..., ::-1] / np.float32(127.5) - 1
        network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
        network.fit(rgb, labels, batch_size=50, epochs=6, verbose=0)
    return network
