"""The training loop: the same seed gives the same network, also when it was interrupted in between."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import keras
import numpy as np
from tqdm import tqdm

from edge.errors import EdgeError, UsageError
from edge.files import write_whole
from edge.types import FloatArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"

AHEAD = 8
"""Batches that are made before they are needed."""

Epoch = TypeVar("Epoch", bound="DataclassInstance")
Batch = TypeVar("Batch")


class TrainingError(EdgeError, ArithmeticError):
    """Training that went astray: the loss is no number any more."""


class Loop(ABC, Generic[Epoch]):
    """A training run that can stop after any epoch and go on later as if it never had.

    What comes after an epoch must depend on `_state`, the seed and the number of the epoch alone.

    Args:
        network: compiled, its optimizer built.
        epochs: passes over the data, in all.
        steps: batches in one.
        epoch: the dataclass of a line of the history; its fields are numbers, the first that of the epoch.

    Attributes:
        history: the epochs done so far.
    """

    def __init__(self, network: keras.Model, *, epochs: int, steps: int, epoch: type[Epoch]) -> None:
        self.history: list[Epoch] = []
        self._network, self._epochs, self._steps, self._epoch = network, epochs, steps, epoch

    @abstractmethod
    def _batches(self, number: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """What to learn from in this epoch, and what should be said of it."""

    @abstractmethod
    def _measure(self, number: int, learned: FloatArray) -> tuple[Epoch, str]:
        """The line of the history for an epoch, and what a person may want to read of it.

        Args:
            number: of the epoch, from 1.
            learned: means over the epoch of what the network was compiled to measure, the loss first.
        """

    @abstractmethod
    def _state(self) -> Mapping[str, keras.Variable]:
        """What the next epoch depends on, by name."""

    def go_on(self, folder: Path) -> None:
        """Train the epochs that are left; checkpoint and history go to `folder` after each.

        Raises:
            TrainingError: when the loss is no number any more.
            OutputError: when the folder cannot be written to.
        """
        done = len(self.history)
        bar: tqdm[NoReturn] = tqdm(
            total=self._epochs * self._steps, initial=done * self._steps, unit="step", dynamic_ncols=True
        )
        with bar:
            for number in range(done + 1, self._epochs + 1):
                bar.set_description(f"epoch {number}/{self._epochs}")
                epoch, words = self._measure(number, self._learn(number, bar))
                self.history.append(epoch)
                self._save(folder)
                bar.write(f"epoch {number}: {words}")

    def resume(self, folder: Path) -> None:
        """Go back to where the last whole epoch in `folder` ended; to the start when none did.

        Raises:
            UsageError: when the checkpoint is damaged or of another network.
        """
        path = folder / CHECKPOINT
        if not path.exists():
            return
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as state:
                for name, variable in self._state().items():
                    variable.assign(state[name])
                line: Callable[..., Epoch] = self._epoch
                self.history = [line(int(row[0]), *map(float, row[1:])) for row in state["history"]]
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise UsageError(f"cannot resume from {path}: {error}; start a new run") from error

    def _learn(self, number: int, bar: tqdm[NoReturn]) -> FloatArray:
        """One pass over the data; the means of what is measured on the way, the loss first."""
        total, count = np.zeros(1), 0
        for batch, expected in self._batches(number):
            self._network.reset_metrics()
            measured = np.atleast_1d(self._network.train_on_batch(batch, expected))
            loss = float(measured[0])
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in epoch {number}: training stopped, there is no model; "
                    "try a lower learning rate or another seed"
                )
            total = total + measured * len(batch)
            count += len(batch)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
        return (total / count).astype(np.float32)

    def _save(self, folder: Path) -> None:
        state = {name: variable.numpy() for name, variable in self._state().items()}
        buffer = io.BytesIO()
        np.savez(buffer, history=np.array([astuple(epoch) for epoch in self.history]), **state)
        write_whole(folder / CHECKPOINT, buffer.getvalue())
        table = io.StringIO()
        writer = csv.DictWriter(table, [field.name for field in fields(self._epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in self.history)
        write_whole(folder / HISTORY, table.getvalue())


def made_ahead(make: Callable[[int], Batch], count: int, *, threads: int | None = None) -> Iterator[Batch]:
    """What `make` gives for 0 to `count` - 1: the next ones are made while the network learns from this one.

    OpenCV lets go of Python's lock while it distorts pictures. No more than `AHEAD` wait at a time: those of
    a whole epoch would fill the memory.
    """
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Batch]] = deque()
    try:
        for index in range(count):
            waiting.append(pool.submit(make, index))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
