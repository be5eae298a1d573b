"""How fast model files are, and whether they answer alike, on each runtime that is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.arrays import packed
from edge.errors import UsageError
from edge.isolated import IsolatedError, run_isolated
from edge.types import ByteArray

BATCHES = 1, 16
ASKED = 500
"""Pictures that models should be asked on each runtime: enough to see one that is broken."""

TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds for one picture: the median of the rounds, and what nine of ten stay below."""

    median_us: float
    p90_us: float


@dataclass(frozen=True, slots=True)
class Speed:
    """A model on a runtime.

    Attributes:
        runtime: its name and version.
        xnnpack: whether XNNPACK runs what it can, as by default, or the runtime's own kernels all.
        format: of the model.
        failure: why it does not run; "" when it does.
        agreement: share of the pictures of which it says the same as the float network.
        latencies: by batch, of `BATCHES`.
    """

    runtime: str
    xnnpack: bool
    format: str
    failure: str
    agreement: float
    latencies: Mapping[int, Latency]


def python_of(environment: Path) -> Path:
    """The interpreter of an environment, which is its folder or the interpreter itself.

    Raises:
        UsageError: when there is none.
    """
    python = environment / "bin" / "python" if environment.is_dir() else environment
    if not python.is_file():
        raise UsageError(f"no Python at {python}: expected the folder of a virtual environment")
    # Not resolved: it is by the link's own place that an interpreter knows its environment.
    return python.absolute()


def measure_speed(
    models: Mapping[str, bytes],
    pictures: ByteArray,
    truth: npt.NDArray[np.int64],
    *,
    others: Sequence[Path] = (),
) -> list[Speed]:
    """Ask and time models in child processes, all formats in turn.

    Args:
        models: `.tflite` files by format.
        pictures: as the network takes them, shape (n, rows, columns, channels), uint8.
        truth: what the float network says of them, shape (n,).
        others: interpreters of other environments whose runtimes are measured too.

    Raises:
        UsageError: when an environment has no runtime, or none of the models runs on it.
    """
    return [speed for python in (None, *others) for speed in _on_runtime(models, pictures, truth, python)]


def _on_runtime(
    models: Mapping[str, bytes], pictures: ByteArray, truth: npt.NDArray[np.int64], python: Path | None
) -> list[Speed]:
    said: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for form, model in models.items():
        try:
            said[form] = _child("said", python, model=np.frombuffer(model, np.uint8), pictures=pictures)
        except IsolatedError as error:
            failures[form] = str(error)
    if not said:
        raise UsageError(f"no model runs with {python or sys.executable}: {next(iter(failures.values()))}")
    able = {form: np.frombuffer(models[form], np.uint8) for form in said}
    times = {batch: _child("times", python, pictures=pictures[:batch], **able) for batch in BATCHES}
    runtime = next(iter(said.values()))["runtime"]
    return [
        Speed(
            runtime,
            xnnpack=index == 0,
            format=form,
            failure=failures.get(form, ""),
            agreement=float((said[form]["said"][index] == truth).mean()) if form in said else 0.0,
            latencies={batch: _latency(found[form][index]) for batch, found in times.items() if form in said},
        )
        for index in range(2)
        for form in models
    ]


def _latency(rounds: list[float]) -> Latency:
    middle, high = np.percentile(rounds, (50, 90))
    return Latency(float(middle), float(high))


def _child(target: str, python: Path | None, **arrays: np.ndarray) -> Any:  # noqa: ANN401
    answer = run_isolated(f"convert.stopwatch:{target}", packed(arrays), timeout_s=TIMEOUT_S, python=python)
    return json.loads(answer)
