"""The training loop: the same seed gives the same network, also when it was interrupted in between."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import cv2
import keras
import numpy as np
from tqdm import tqdm

from edge.errors import UsageError
from edge.files import write_whole
from edge.ink import BLOCK, flatten, to_blocks
from edge.types import ByteArray, FloatArray
from training.ink.measure import Score
from training.ink.network import build_network
from training.ink.patches import UNIT, Patches
from training.train import TrainingError

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"

ZOOM_SHARE = 0.5
"""Share of the patches that are seen larger or smaller, anew in each epoch."""

ZOOM = 0.6, 1.6
"""Lowest and highest; of equal chance on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the patches.
        batch_size: patches per step.
        learning_rate: of AdamW, the highest; it rises for half an epoch and then falls to 0 along a cosine.
        weight_decay: of AdamW.
    """

    epochs: int = 18
    batch_size: int = 16
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the history; see `Score` for all but the loss in training."""

    epoch: int
    loss: float
    precision: float
    recall: float
    f1: float


class Training:
    """A training run that can stop after any epoch and go on later as if it never had.

    Args:
        recipe: how to train.
        train: patches to learn from.
        validation: patches of other writers, to see how it goes.
        seed: of the weights, the order of the patches and their distortions.

    Attributes:
        network: in its present state.
        history: the epochs done so far.
    """

    def __init__(self, recipe: Recipe, train: Patches, validation: Patches, *, seed: int) -> None:
        self.history: list[Epoch] = []
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        self._steps = math.ceil(len(train) / recipe.batch_size)
        keras.utils.set_random_seed(seed)
        self._side = train.grey.shape[1]
        self.network = build_network(self._side)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            self._steps * recipe.epochs - self._steps // 2,
            warmup_target=recipe.learning_rate,
            warmup_steps=self._steps // 2,
        )
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
        self.network.compile(optimizer, weighted_loss, jit_compile=False)
        optimizer.build(self.network.trainable_variables)

    def run(self, folder: Path) -> None:
        """Train the epochs that are left; checkpoint and history go to `folder` after each.

        Raises:
            TrainingError: when the loss is no number any more.
            OutputError: when the folder cannot be written to.
        """
        epochs, done = self._recipe.epochs, len(self.history)
        bar: tqdm[NoReturn] = tqdm(
            total=epochs * self._steps, initial=done * self._steps, unit="step", dynamic_ncols=True
        )
        with bar:
            for number in range(done + 1, epochs + 1):
                bar.set_description(f"epoch {number}/{epochs}")
                loss = self._learn(number, bar)
                score = Score.of(self.network, self._validation)
                self.history.append(Epoch(number, loss, score.precision, score.recall, score.f1))
                self._save(folder)
                bar.write(f"epoch {number}: loss {loss:.4f}, validation {score}")

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
                self.history = [Epoch(int(row[0]), *map(float, row[1:])) for row in state["history"]]
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise UsageError(f"cannot resume from {path}: {error}; start a new run") from error

    def _learn(self, number: int, bar: tqdm[NoReturn]) -> float:
        """One pass over the patches; the mean loss on the way."""
        total = 0.0
        for blocks, truth in self._batches(number):
            self.network.reset_metrics()
            loss = float(self.network.train_on_batch(blocks, truth))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in epoch {number}: training stopped, there is no model; "
                    "try a lower learning rate or another seed"
                )
            total += loss
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
        return total / self._steps

    def _batches(self, number: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The patches in an order, and with distortions, that depend on seed and epoch alone."""
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train))

        def batch(step: int) -> tuple[FloatArray, FloatArray]:
            size = self._recipe.batch_size
            random = np.random.default_rng([self._seed, number, step])
            seen = [self._distorted(index, random) for index in order[step * size : (step + 1) * size]]
            grey, ink, weight = (to_blocks(np.stack(planes)) for planes in zip(*seen, strict=True))
            truth = np.concatenate([ink / 255, weight / UNIT], axis=-1)
            return (grey / 255).astype(np.float32), truth.astype(np.float32)

        # OpenCV lets go of Python's lock: the next batches are made while the network learns from this one.
        pool = ThreadPoolExecutor(1)
        try:
            yield from pool.map(batch, range(self._steps))
        finally:
            pool.shutdown(cancel_futures=True)

    def _distorted(self, index: int, random: np.random.Generator) -> tuple[ByteArray, ByteArray, ByteArray]:
        """Picture, ink and weight of a patch, seen nearer or from further away, lighter or darker."""
        planes = [self._train.grey[index], self._train.ink[index], self._train.weight[index]]
        if random.random() < ZOOM_SHARE:
            zoom = np.exp(random.uniform(*np.log(ZOOM)))
            # What the patch does not fill, when seen from further away, is its mirror image: no new edges.
            offset = (1 - zoom) * random.uniform(0, self._side, 2)
            matrix = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
            for place, plane in enumerate(planes):
                if zoom < 1:
                    plane = cv2.GaussianBlur(plane, (0, 0), 0.4 / zoom)
                planes[place] = cv2.warpAffine(
                    plane,
                    matrix,
                    (self._side, self._side),
                    flags=cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REFLECT_101,
                )
        gain, level = random.uniform(0.7, 1.15), random.uniform(-30, 20)
        planes[0] = np.clip(planes[0] * np.float32(gain) + np.float32(level), 0, 255).astype(np.uint8)
        return flatten(planes[0]), planes[1], planes[2]

    def _state(self) -> dict[str, keras.Variable]:
        """What the next epoch depends on: weights, statistics and the state of the optimizer."""
        variables = [*self.network.variables, *self.network.optimizer.variables]
        return {f"variable/{index}": variable for index, variable in enumerate(variables)}

    def _save(self, folder: Path) -> None:
        state = {name: variable.numpy() for name, variable in self._state().items()}
        buffer = io.BytesIO()
        np.savez(buffer, history=np.array([astuple(epoch) for epoch in self.history]), **state)
        write_whole(folder / CHECKPOINT, buffer.getvalue())
        table = io.StringIO()
        writer = csv.DictWriter(table, [field.name for field in fields(Epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in self.history)
        write_whole(folder / HISTORY, table.getvalue())


def weighted_loss(truth: Any, logits: Any) -> Any:  # noqa: ANN401  # tensors of whatever backend
    """Weighted cross-entropy plus weighted Dice loss, which does not care how little of a picture is ink.

    Args:
        truth: (n, rows, columns, 32): how much of a pixel is ink, 0 to 1, and how much the pixel counts.
        logits: (n, rows, columns, 16).
    """
    ops = keras.ops
    ink, weight = truth[..., : BLOCK**2], truth[..., BLOCK**2 :]
    entropy = ops.maximum(logits, 0) - logits * ink + ops.log1p(ops.exp(-ops.abs(logits)))
    said = ops.sigmoid(logits)
    both, either = ops.sum(weight * said * ink), ops.sum(weight * (said + ink))
    return ops.sum(weight * entropy) / ops.sum(weight) + 1 - (2 * both + 1) / (either + 1)
