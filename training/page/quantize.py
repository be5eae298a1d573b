"""Keras network -> `page.tflite`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from edge.page import flatten, to_blocks
from edge.types import ByteArray, FloatArray
from training.page.network import build_network


def to_int8(trained: keras.Model, pictures: ByteArray) -> bytes:
    """Full int8, also at both ends.

    uint8 ends would cost the runtime a conversion of each number, one by one.

    Args:
        trained: what `build_network` made, for pictures of any size.
        pictures: that show the range of every activation, shape (n, rows, columns) uint8.

    Returns:
        A `.tflite` file. Input int8 (1, rows/4, columns/4, 16), pixels of `flatten` in the order of
        `to_blocks`, less 128 (scale 1/255, zero point -128); rows and columns, multiples of STRIDE, are
        free: resize the input. Output int8 (1, rows/4, columns/4, DEPTH): see `edge.page.HEADS`.
    """
    import tensorflow as tf

    network = build_network()
    network.set_weights(trained.get_weights())

    def blocks() -> Iterator[list[FloatArray]]:
        for picture in pictures:
            flat = flatten(picture)
            # The whole range, whatever the pictures show: this makes the scale of the input 1/255.
            flat[0, 0], flat[-1, -1] = 0, 255
            yield [(to_blocks(flat[np.newaxis]) / 255).astype(np.float32)]

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # from_keras_model does the same, but prints a page to standard output.
        network.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = blocks
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        # The converter misses ranges for its quantized input; the calibration measures them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        model: bytes = converter.convert()
    return model
