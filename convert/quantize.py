"""Keras network -> TensorFlow Lite model."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from edge.errors import ModelError
from edge.model_file import DIGITS
from edge.preprocess import GLYPH_SIZE
from edge.types import ByteArray, FloatArray


def to_int8(network: keras.Model, calibration: ByteArray) -> bytes:
    """Full int8 inside, raw pixels in, probabilities out.

    Args:
        network: takes pixels from 0 to 255, shape (n, 28, 28, 1), and begins with a rescaling by 1/255.
        calibration: glyphs that show the range of every activation, shape (n, 28, 28) uint8.

    Returns:
        A `.tflite` file: uint8 (n, 28, 28, 1), quantized with 1/255 and zero point 0; float32 (n, 10).

    Raises:
        ModelError: when the network takes or gives something else.
    """
    import tensorflow as tf

    def pixels() -> Iterator[list[FloatArray]]:
        for glyph in calibration:
            yield [glyph[np.newaxis, ..., np.newaxis].astype(np.float32) / 255]

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # from_keras_model does the same, but prints a page to standard output.
        _without_rescaling(network).export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = pixels
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
        # The converter misses ranges for its quantized input; the calibration measures them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        model: bytes = converter.convert()
    return model


def _without_rescaling(network: keras.Model) -> keras.Model:
    """The network from pixels between 0 and 1: quantizing the input is rescaling it, at no cost."""
    shapes, expected = (
        (network.input_shape[1:], network.output_shape[1:]),
        ((GLYPH_SIZE, GLYPH_SIZE, 1), (DIGITS,)),
    )
    if shapes != expected or not isinstance(network.layers[1], keras.layers.Rescaling):
        raise ModelError(
            f"the network must begin with a rescaling and turn {expected[0]} into {expected[1]}, "
            f"but begins with {network.layers[1].name} and turns {shapes[0]} into {shapes[1]}"
        )
    x = pixels = keras.Input(network.input_shape[1:], name="glyph")
    for layer in network.layers[2:]:
        x = layer(x)
    return keras.Model(pixels, x, name="digits")
