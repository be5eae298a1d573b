"""TensorFlow Lite: the only file that names its runtimes, LiteRT and its predecessor tflite-runtime."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError, RuntimeMissingError

INPUT_SCALE = 1 / 255
"""Raw pixels are the input: the quantized value q stands for q / 255. (As int8, for (q + 128) / 255.)"""

ZERO_POINTS = {np.uint8: 0, np.int8: -128}


class Network:
    """A TensorFlow Lite network: raw pixels in, one output. Its interpreter is built once.

    Args:
        model: the bytes of a `.tflite` file.
        dtype: of the input: uint8, or int8 for pixels less 128.
        threads: of the interpreter. More than one does not pay for networks as small as these.
        xnnpack: whether the runtime may hand operations to XNNPACK, as it does by itself; without it, its
            built-in kernels run them.

    Attributes:
        runtime: name and version of the runtime.
        quantization: of the output: what one step of its whole numbers stands for, and which of them is 0.
        image: shape of one input, without the batch.
        output: shape of what one input gives, without the batch.

    Raises:
        ModelError: the runtime cannot open the model, or its input is not raw pixels.
        RuntimeMissingError: neither ai-edge-litert nor tflite-runtime is installed.
    """

    def __init__(
        self,
        model: bytes,
        dtype: type[np.uint8] | type[np.int8] = np.uint8,
        *,
        threads: int = 1,
        xnnpack: bool = True,
    ) -> None:
        interpreter, self.runtime = _runtime()
        kinds = interpreter.OpResolverType
        kernels = kinds.AUTO if xnnpack else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            with quiet_stderr():
                self._interpreter = interpreter.Interpreter(
                    model_content=model, num_threads=threads, experimental_op_resolver_type=kernels
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError, ImportError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"{self.runtime} cannot open it: {reason}") from error
        self._lock = threading.Lock()  # the runtimes fail with internal errors otherwise
        self._input = _only(self._interpreter.get_input_details(), "input")
        self._output = _only(self._interpreter.get_output_details(), "output")
        self._shape = _shape(self._input)
        self.image, self.output = self._shape[1:], _shape(self._output)[1:]
        self.quantization: tuple[float, int] = self._output["quantization"]
        scale, zero_point = self._input["quantization"]
        expected = ZERO_POINTS[dtype]
        if self._input["dtype"] is not dtype or abs(scale - INPUT_SCALE) > 1e-6 or zero_point != expected:
            raise ModelError(
                f"its input must be {dtype.__name__}, quantized with scale 1/255 and zero point {expected}, "
                f"but is {np.dtype(self._input['dtype']).name} with scale {scale:g}, zero point {zero_point}"
            )

    def expect(self, *, image: tuple[int, ...], output: tuple[int, ...], dtype: type[np.generic]) -> None:
        """Check the contract.

        Args:
            image: shape of one input, without the batch.
            output: shape of what one input gives, without the batch.
            dtype: of the output.

        Raises:
            ModelError: when it does not hold.
        """
        if self.image != image:
            raise ModelError(
                f"its input must have the shape (n, {_words(image)}), but has (n, {_words(self.image)})"
            )
        if self.output != output or self._output["dtype"] is not dtype:
            raise ModelError(
                f"its output must be (n, {_words(output)}) {dtype.__name__}, "
                f"but is (n, {_words(self.output)}) {np.dtype(self._output['dtype']).name}"
            )

    def __call__(self, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.int8]) -> npt.NDArray[Any]:
        """Run the network; of several threads, one after the other.

        Args:
            pixels: a batch. Another shape than last time makes the interpreter plan its memory anew.

        Returns:
            A copy of the output.
        """
        with self._lock:
            if pixels.shape != self._shape:
                self._interpreter.resize_tensor_input(self._input["index"], pixels.shape)
                self._interpreter.allocate_tensors()
                self._shape = pixels.shape
            self._interpreter.set_tensor(self._input["index"], pixels)
            self._interpreter.invoke()
            output: npt.NDArray[Any] = self._interpreter.get_tensor(self._output["index"])
            return output


def _runtime() -> tuple[Any, str]:
    """The interpreter's module, and name and version of the runtime: LiteRT, or else tflite-runtime."""
    try:
        from ai_edge_litert import interpreter

        return interpreter, f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError as litert:
        try:
            from tflite_runtime import interpreter
        except ImportError as legacy:
            raise RuntimeMissingError(
                f"no TensorFlow Lite runtime can be imported ({litert}; {legacy}): "
                "pip install ai-edge-litert, or on 32-bit ARM pip install tflite-runtime==2.14.0 'numpy<2'"
            ) from litert
    if int(np.__version__.partition(".")[0]) >= 2:
        # Its import succeeds with numpy 2; it is the interpreter that dies.
        raise RuntimeMissingError(
            f"tflite-runtime needs numpy 1, found {np.__version__}: pip install 'numpy<2'"
        )
    return interpreter, f"tflite-runtime {version('tflite-runtime')}"


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep off standard error what C++ writes: "INFO: Created TensorFlow Lite XNNPACK delegate for CPU".

    The runtimes, and TensorFlow's converter, offer no switch for it in Python.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _only(details: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(details) != 1:
        raise ModelError(f"it has {len(details)} {what}s, expected 1")
    return details[0]


def _shape(detail: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(length) for length in detail["shape"])


def _words(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
