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
from typing import NoReturn

import keras
import numpy as np
from tqdm import tqdm

from edge.errors import EdgeError, UsageError
from edge.files import write_whole
from edge.types import ByteArray, FloatArray
from training.augment import distort
from training.dataset import Digits
from training.evaluate import Evaluation
from training.network import as_input, build_network, fold, probabilities, refresh_norms

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"
REFRESH_GLYPHS = 10_240
"""Training glyphs from which the statistics of batch normalisation are measured for averaged weights."""


class TrainingError(EdgeError, ArithmeticError):
    """Training that went astray: the loss is no number any more."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        name: "best" or "paper".
        epochs: passes over the training digits.
        batch_size: digits per step.
        learning_rate: of Adam; with `cosine`, the highest.
        cosine: let the learning rate rise for one epoch and then fall to 0 along half a cosine.
        weight_decay: of AdamW; 0 makes it Adam.
        dropout: share of the pooled features hidden from the dense layers.
        batch_norm: batch normalisation in training, folded away afterwards.
        augment: distort the digits, anew in each epoch.
        averaging: momentum of the moving average of the weights, per step; 0 takes the weights as they are.
        scenes: how many scenes are drawn for glyphs as the camera path makes them, non-digits among them.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool = False
    weight_decay: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = False
    augment: bool = False
    averaging: float = 0.0
    scenes: int = 0


RECIPES = {
    "paper": Recipe("paper", epochs=15, batch_size=64, learning_rate=1e-3, dropout=0.2),
    "best": Recipe(
        "best",
        epochs=40,
        batch_size=128,
        learning_rate=4e-3,
        cosine=True,
        weight_decay=1e-2,
        dropout=0.1,
        batch_norm=True,
        augment=True,
        averaging=0.998,
    ),
}


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the history; losses are cross-entropies in nats, accuracies are shares."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


class Training:
    """A training run that can stop after any epoch and go on later as if it never had.

    Args:
        recipe: how to train.
        train: digits to learn from.
        validation: digits to select the best epoch with.
        seed: of the weights, the order of the digits, their distortions and dropout.

    Attributes:
        history: the epochs done so far.
        selected: the network to deploy, without batch normalisation: that of the best epoch so far.
    """

    def __init__(self, recipe: Recipe, train: Digits, validation: Digits, *, seed: int) -> None:
        self.history: list[Epoch] = []
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        self._steps = math.ceil(len(train) / recipe.batch_size)
        _make_deterministic(seed)
        self._network = build_network(batch_norm=recipe.batch_norm, dropout=recipe.dropout)
        self._network.compile(self._optimizer(), "categorical_crossentropy", metrics=["accuracy"])
        self._network.optimizer.build(self._network.trainable_variables)
        self._averaged = build_network(batch_norm=recipe.batch_norm)
        self.selected = fold(self._averaged)

    def run(self, folder: Path) -> keras.Model:
        """Train the epochs that are left; checkpoint and history go to `folder` after each.

        Returns:
            The network to deploy.

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
                loss, accuracy = self._learn(number, bar)
                self._average(number)
                candidate = fold(self._averaged)
                result = Epoch(number, loss, accuracy, *self._validate(candidate))
                # Not the accuracy: of 6,000 digits, epochs differ by two or three.
                if all(result.validation_loss < before.validation_loss for before in self.history):
                    self.selected = candidate
                self.history.append(result)
                self._save(folder)
                bar.write(
                    f"epoch {number}: loss {loss:.4f}, validation loss {result.validation_loss:.4f}, "
                    f"validation accuracy {result.validation_accuracy:.2%}"
                )
        return self.selected

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

    def _optimizer(self) -> keras.Optimizer:
        recipe = self._recipe
        rate: float | keras.optimizers.schedules.LearningRateSchedule = recipe.learning_rate
        if recipe.cosine:
            rate = keras.optimizers.schedules.CosineDecay(
                0.0,
                self._steps * max(recipe.epochs - 1, 1),
                warmup_target=recipe.learning_rate,
                warmup_steps=self._steps,
            )
        return keras.optimizers.AdamW(
            rate,
            weight_decay=recipe.weight_decay,
            use_ema=recipe.averaging > 0,
            ema_momentum=recipe.averaging,
        )

    def _learn(self, number: int, bar: tqdm[NoReturn]) -> tuple[float, float]:
        """One pass over the training digits; the mean loss and accuracy on the way."""
        total = np.zeros(2)
        for glyphs, expected in self._batches(number):
            self._network.reset_metrics()
            loss, accuracy = self._network.train_on_batch(as_input(glyphs), expected)
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in epoch {number}: training stopped, there is no model; "
                    "try a lower learning rate or another seed"
                )
            total += np.array([loss, accuracy]) * len(expected)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
        loss, accuracy = total / len(self._train)
        return float(loss), float(accuracy)

    def _batches(self, number: int) -> Iterator[tuple[ByteArray, FloatArray]]:
        """The training digits in an order, and with distortions, that depend on seed and epoch alone."""
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train))

        def batch(index: int) -> tuple[ByteArray, FloatArray]:
            size = self._recipe.batch_size
            digits = self._train[order[index * size : (index + 1) * size]]
            return self._distorted(digits.glyphs, number, index), digits.targets

        # OpenCV lets go of Python's lock: the next batches are made while the network learns from this one.
        pool = ThreadPoolExecutor()
        try:
            yield from pool.map(batch, range(self._steps))
        finally:
            pool.shutdown(cancel_futures=True)

    def _distorted(self, glyphs: ByteArray, *key: int) -> ByteArray:
        return distort(glyphs, np.random.default_rng([self._seed, *key])) if self._recipe.augment else glyphs

    def _average(self, number: int) -> None:
        """Bring `_averaged` up to date: the moving average of the weights, with statistics of its own."""
        self._averaged.set_weights(self._network.get_weights())
        if self._recipe.averaging:
            self._network.optimizer.finalize_variable_values(self._averaged.trainable_variables)
            glyphs = self._train.glyphs[:REFRESH_GLYPHS]
            refresh_norms(self._averaged, self._distorted(glyphs, number, self._steps))

    def _validate(self, network: keras.Model) -> tuple[float, float]:
        """Cross-entropy on what was kept for validation, and accuracy on the digits in it."""
        said = Evaluation(self._validation, probabilities(network, self._validation.glyphs))
        return said.cross_entropy, said.accuracy

    def _state(self) -> dict[str, keras.Variable]:
        """What the next epoch depends on (weights, states of dropout and optimizer), and the best network."""
        return {
            f"{name}/{index}": variable
            for name, variables in (
                ("network", self._network.variables),
                ("optimizer", self._network.optimizer.variables),
                ("selected", self.selected.variables),
            )
            for index, variable in enumerate(variables)
        }

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


def _make_deterministic(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
