"""Network -> TensorFlow Lite model, in each of the formats."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import kind, packed, unpacked
from convert.formats import FULL
from edge.errors import ModelError, OutputError, UsageError
from edge.runtime import INPUT_SCALE, quiet_stderr
from edge.types import ByteArray, FloatArray


class Quantizer:
    """Makes `.tflite` files of one network; a context manager, as it keeps the network on disk meanwhile.

    Every file takes raw pixels, uint8 (n, rows, columns, channels) quantized with 1/255 and zero point 0, and
    gives float32 (n, labels).

    Args:
        network: takes pixels from 0 to 1, shape (n, rows, columns, channels).
        calibration: pictures that show the range of every activation, as the network takes them but uint8.
    """

    def __init__(self, network: keras.Model, calibration: ByteArray) -> None:
        self._network, self._calibration = network, calibration

    def __enter__(self) -> Quantizer:
        self._folder = tempfile.TemporaryDirectory()
        try:
            with quiet_stderr():
                # from_keras_model does the same, but prints a page to standard output.
                self._network.export(self._folder.name, verbose=False)
        except Exception as error:  # TensorFlow raises what it likes when a disk is full
            self._folder.cleanup()
            raise OutputError(
                f"cannot write the network to {self._folder.name}: {_reason(error)}; "
                "TMPDIR names a folder with more room"
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def to(self, form: str) -> bytes:
        """The `.tflite` file in one of `convert.formats.FORMATS`.

        Raises:
            ModelError: when TensorFlow Lite has no such operation, or not in this format.
            UsageError: when ai-edge-quantizer is needed and not installed.
        """
        if form == "int8-w4":
            model = _with_4_bit_weights(self._converted("float32"), self._pixels())
        else:
            model = self._converted(form)
        return raw_pixels(float_softmax(model))

    def _converted(self, form: str) -> bytes:
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_saved_model(self._folder.name)
        if form != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if form == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if form == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
        if form == "int16x8":
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            ]
        if form in FULL:
            converter.representative_dataset = lambda: ([pixels] for pixels in self._pixels())
        try:
            with warnings.catch_warnings(), quiet_stderr():
                # The converter misses ranges for its quantized input; the calibration measures them.
                warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
                model: bytes = converter.convert()
        except Exception as error:  # the converter raises what it likes
            raise ModelError(f"TensorFlow Lite cannot store it as {form}: {_reason(error)}") from error
        return model

    def _pixels(self) -> Iterator[FloatArray]:
        for picture in self._calibration:
            yield picture[np.newaxis].astype(np.float32) / 255


def raw_pixels(model: bytes) -> bytes:
    """The same model, but for uint8 pixels where it took them from 0 to 1: the contract of every format."""
    tree = unpacked(model)
    graph = tree.subgraphs[0]
    inside = graph.tensors[graph.inputs[0]]
    if inside.type == schema.TensorType.UINT8:
        return model
    outside = schema.TensorT()
    outside.name, outside.type = b"pixels", schema.TensorType.UINT8
    outside.shape, outside.shapeSignature = inside.shape, inside.shapeSignature
    outside.quantization = schema.QuantizationParametersT()
    outside.quantization.scale = np.array([INPUT_SCALE], np.float32)
    outside.quantization.zeroPoint = np.array([0], np.int64)
    # Buffer 0 is empty, and that of every tensor without data.
    outside.buffer = 0
    operator, code = schema.OperatorT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    # Version 2 takes uint8, too.
    code.version = 2
    operator.opcodeIndex = len(tree.operatorCodes)
    operator.inputs, operator.outputs = [len(graph.tensors)], [graph.inputs[0]]
    operator.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operator.builtinOptions = schema.DequantizeOptionsT()
    tree.operatorCodes.append(code)
    graph.operators.insert(0, operator)
    for signature in tree.signatureDefs or []:
        for entry in signature.inputs:
            if entry.tensorIndex == graph.inputs[0]:
                entry.tensorIndex = len(graph.tensors)
    graph.inputs = [len(graph.tensors)]
    graph.tensors.append(outside)
    return packed(tree)


def float_softmax(model: bytes) -> bytes:
    """The same model with the softmax at its end after the step from integers to floats, not before it.

    XNNPACK has no softmax in int8: the runtime would leave it for that one operation. Of an int8 network it
    saves 2 % of the time, and answers are no longer multiples of 1/256.
    """
    tree = unpacked(model)
    graph = tree.subgraphs[0]
    if [kind(tree, operator) for operator in graph.operators[-2:]] != ["SOFTMAX", "DEQUANTIZE"]:
        return model
    softmax, dequantize = graph.operators[-2:]
    between = graph.tensors[softmax.outputs[0]]
    between.type, between.quantization = schema.TensorType.FLOAT32, None
    dequantize.inputs, softmax.outputs, dequantize.outputs, softmax.inputs = (
        softmax.inputs,
        dequantize.outputs,
        softmax.outputs,
        softmax.outputs,
    )
    graph.operators[-2:] = [dequantize, softmax]
    return packed(tree)


def _with_4_bit_weights(model: bytes, calibration: Iterator[FloatArray]) -> bytes:
    """Weights of convolutions and dense layers in 4 bits, and all activations that it can in 8.

    Args:
        model: a `.tflite` file in float32 that takes pixels from 0 to 1.
        calibration: batches of one picture, as it takes them.
    """
    try:
        from ai_edge_quantizer import qtyping
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.calibrator import Calibrator
        from ai_edge_quantizer.quantizer import Quantizer as EdgeQuantizer
        from ai_edge_quantizer.recipe_manager import RecipeManager
        from ai_edge_quantizer.utils.qsv_utils import min_max_update
    except ImportError as error:
        raise UsageError(
            f"int8-w4 needs ai-edge-quantizer ({error}): pip install -e '.[workstation]'"
        ) from error
    operations = qtyping.TFLOperationName
    recipe = RecipeManager()
    recipe.add_static_config(".*", operations.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8)
    for operation in (operations.CONV_2D, operations.FULLY_CONNECTED):
        # Of its ways to choose scales, that of the least square error: read right are 99.55 % of MNIST's test
        # digits, 99.51 % with the range from the lowest to the highest weight.
        recipe.add_static_config(
            ".*", operation, activation_num_bits=8, weight_num_bits=4, algorithm_key=AlgorithmName.MSE
        )
    for operation in (operations.INPUT, operations.OUTPUT):
        recipe.add_quantization_config(".*", operation, algorithm_key=AlgorithmName.NO_QUANTIZE)
    signature = unpacked(model).signatureDefs[0]
    name, key = signature.inputs[0].name.decode(), signature.signatureKey.decode()
    try:
        with warnings.catch_warnings(), quiet_stderr():
            # It keeps all tensors on purpose.
            warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
            # Its own way, a moving average, keeps of the ranges little but those of the last pictures.
            calibrator = Calibrator(model, num_threads=1, qsv_update_func=min_max_update)
            calibrator.calibrate({key: [{name: pixels} for pixels in calibration]}, recipe)
            quantizer = EdgeQuantizer(bytearray(model), recipe.get_quantization_recipe())
            ranges = calibrator.get_model_qsvs()
            return bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)
    except Exception as error:  # the quantizer raises what it likes
        raise ModelError(f"ai-edge-quantizer cannot store it as int8-w4: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What matters of a converter's pages: the operations that there are not, or else the first line."""
    text = str(error)
    missing = sorted(set(re.findall(r"'?(tf\.\w+)'? op is neither a custom op nor a flex op", text)))
    if missing:
        return f"it has no operation for {', '.join(missing)}"
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__
