"""Keras network -> `ink.tflite`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from edge.by_ink.ink import InkMarker, flatten, to_blocks
from edge.types import ByteArray, FloatArray
from training.ink.network import build_network


def to_int8(trained: keras.Model, pictures: ByteArray) -> bytes:
    """Full int8, also at both ends.

    uint8 ends would cost 0.45 ms of a frame of 640x480: the runtime converts them to int8 one by one.

    Args:
        trained: what `build_network` made, for pictures of any size.
        pictures: that show the range of every activation, shape (n, rows, columns) uint8.

    Returns:
        A `.tflite` file. Input int8 (1, rows/4, columns/4, 16), pixels of `flatten` in the order of
        `to_blocks`, less 128 (scale 1/255, zero point -128); rows and columns, multiples of STRIDE, are
        free: resize the input. Output int8, the same shape and order: the probability of ink times 256,
        less 128.
    """
    import tensorflow as tf

    network = build_network()
    network.set_weights(trained.get_weights())
    deployed = keras.Model(network.input, keras.layers.Activation("sigmoid")(network.output), name="ink")

    def blocks() -> Iterator[list[FloatArray]]:
        for picture in pictures:
            flat = flatten(picture)
            # The whole range, whatever the pictures show: this makes the scale of the input 1/255.
            flat[0, 0], flat[-1, -1] = 0, 255
            yield [(to_blocks(flat[np.newaxis]) / 255).astype(np.float32)]

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # from_keras_model does the same, but prints a page to standard output.
        deployed.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = blocks
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        # The converter misses ranges for its quantized input; the calibration measures them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        model: bytes = converter.convert()
    return model


def marked(model: bytes, pictures: ByteArray) -> FloatArray:
    """What edge makes of the converted network: the probability of ink for each pixel.

    Args:
        model: what `to_int8` gave.
        pictures: shape (n, rows, columns), uint8.

    Returns:
        The same shape, float32.
    """
    mark = InkMarker(model)
    return np.stack([mark(picture).ink for picture in pictures]).astype(np.float32) / np.float32(256)
