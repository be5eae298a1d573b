"""Train the digit network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge.types import ByteArray, FloatArray
from training.augment import distort
from training.dataset import Digits
from training.evaluate import Evaluation
from training.loop import Loop, made_ahead
from training.muon import Muon
from training.network import as_input, build_network, fold, probabilities, refresh_norms

REFRESH_GLYPHS = 10_240
"""Training glyphs from which the statistics of batch normalisation are measured for averaged weights."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        name: "best" or "paper".
        epochs: passes over the training digits.
        batch_size: digits per step.
        learning_rate: with `cosine`, the highest.
        cosine: let the learning rate rise for one epoch and then fall to 0 along half a cosine.
        muon: train with Muon, not with Adam.
        weight_decay: of Muon or Adam.
        dropout: share of the pooled features hidden from the dense layers.
        batch_norm: batch normalisation in training, folded away afterwards.
        augment: distort the digits, anew in each epoch.
        averaging: momentum of the moving average of the weights, per step; 0 takes the weights as they are.
        mnist: how many times MNIST's digits are taken in each epoch.
        optdigits: how many times those of optdigits are, where the data folder has them.
        scenes: how many scenes are drawn for glyphs as the camera path makes them, non-digits among them.
    """

    name: str
    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool = False
    muon: bool = False
    weight_decay: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = False
    augment: bool = False
    averaging: float = 0.0
    mnist: int = 1
    optdigits: int = 0
    scenes: int = 0


RECIPES = {
    "paper": Recipe("paper", epochs=15, batch_size=64, learning_rate=1e-3, dropout=0.2),
    "best": Recipe(
        "best",
        epochs=18,
        batch_size=128,
        learning_rate=8e-3,
        cosine=True,
        muon=True,
        weight_decay=1e-2,
        batch_norm=True,
        augment=True,
        averaging=0.998,
        mnist=2,
        optdigits=3,
        scenes=8000,
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


class Training(Loop[Epoch]):
    """A run of a recipe.

    Args:
        recipe: how to train.
        train: digits to learn from.
        validation: digits to select the best epoch with.
        seed: of the weights, the order of the digits, their distortions and dropout.

    Attributes:
        selected: the network to deploy, without batch normalisation: that of the best epoch so far.
    """

    def __init__(self, recipe: Recipe, train: Digits, validation: Digits, *, seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        steps = math.ceil(len(train) / recipe.batch_size)
        _make_deterministic(seed)
        network = build_network(batch_norm=recipe.batch_norm, dropout=recipe.dropout)
        network.compile(
            _optimizer(recipe, steps, network.layers[-1].name),
            "categorical_crossentropy",
            metrics=["accuracy"],
        )
        network.optimizer.build(network.trainable_variables)
        super().__init__(network, epochs=recipe.epochs, steps=steps, epoch=Epoch)
        self._averaged = build_network(batch_norm=recipe.batch_norm)
        self.selected = fold(self._averaged)

    def run(self, folder: Path) -> keras.Model:
        """Train the epochs that are left, as `go_on` does.

        Returns:
            The network to deploy.
        """
        self.go_on(folder)
        return self.selected

    def _batches(self, number: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The training digits in an order, and with distortions, that depend on seed and epoch alone."""
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train))

        def batch(index: int) -> tuple[FloatArray, FloatArray]:
            size = self._recipe.batch_size
            digits = self._train[order[index * size : (index + 1) * size]]
            return as_input(self._distorted(digits.glyphs, number, index)), digits.targets

        return made_ahead(batch, self._steps)

    def _measure(self, number: int, learned: FloatArray) -> tuple[Epoch, str]:
        self._average(number)
        candidate = fold(self._averaged)
        loss, accuracy = (float(value) for value in learned)
        result = Epoch(number, loss, accuracy, *self._validate(candidate))
        # Not the accuracy: of 6,000 digits, epochs differ by two or three.
        if all(result.validation_loss < before.validation_loss for before in self.history):
            self.selected = candidate
        return result, (
            f"loss {loss:.4f}, validation loss {result.validation_loss:.4f}, "
            f"validation accuracy {result.validation_accuracy:.2%}"
        )

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


def _optimizer(recipe: Recipe, steps: int, last: str) -> keras.Optimizer:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = recipe.learning_rate
    if recipe.cosine:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps * max(recipe.epochs - 1, 1), warmup_target=recipe.learning_rate, warmup_steps=steps
        )
    if recipe.muon:
        return Muon(rate, weight_decay=recipe.weight_decay, last=last, averaging=recipe.averaging)
    return keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )


def _make_deterministic(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
