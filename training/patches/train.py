"""Train a network that names what is in a patch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from edge.types import ByteArray, FloatArray
from training.augment import Distortion, displaced
from training.loop import Loop, made_ahead
from training.muon import Muon
from training.patches.network import Layout, as_input, probabilities
from training.patches.places import Places
from training.runs import save_model

INK = 2
"""The plane of a patch that is the ink: see `edge.patches` and `edge.refine`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the places.
        batch_size: places per step.
        learning_rate: of Muon, the highest; it rises for a quarter of an epoch and then falls to 0 along a
            cosine.
        weight_decay: of Muon.
        contrast: the ink is made paler or darker by a factor in this range.
        distortion: of the ink against the boxes, which stay where they are: as another hand, seen a little
            from the side, in boxes that are a little off; None is none.
    """

    epochs: int = 10
    batch_size: int = 256
    learning_rate: float = 1.5e-2
    weight_decay: float = 1e-2
    contrast: tuple[float, float] = (0.7, 1.3)
    distortion: Distortion | None = None


def learn(
    folder: Path, layout: Layout, recipe: Recipe, train: Places, validation: Places, *, seed: int
) -> None:
    """Train in a run folder, from where it was left, and keep the network there.

    Args:
        folder: of the run.
        layout: of the network.
        recipe: how to train.
        train: places to learn from.
        validation: places on pages by other hands.
        seed: as for `Training`.
    """
    training = Training(layout, recipe, train, validation, seed=seed)
    training.resume(folder)
    training.go_on(folder)
    trained = layout.build()  # without the optimizer
    trained.set_weights(training.network.get_weights())
    save_model(trained, folder)


@dataclass(frozen=True, slots=True)
class Score:
    """How well a network names what is in patches.

    Attributes:
        loss: cross-entropy.
        right: of the patches with something in them, the share that is named right.
        missed: likewise, the share where it says that there is nothing.
        false: of the patches with nothing in them, the share where it says that there is something.
    """

    loss: float
    right: float
    missed: float
    false: float

    def __str__(self) -> str:
        return (
            f"loss {self.loss:.4f}; of what there is {self.right:.3f} right, {self.missed:.3f} missed; "
            f"of nothing {self.false:.4f} named"
        )

    @classmethod
    def of(cls, told: FloatArray, places: Places) -> Score:
        """Measure probabilities, shape (n, labels), of some places."""
        best, something = told.argmax(axis=1), places.labels > 0
        chances = np.maximum(told[np.arange(len(places)), places.labels], 1e-6)
        return cls(
            float(-np.log(chances).mean()),
            float((best == places.labels)[something].mean()),
            float((best == 0)[something].mean()),
            float((best > 0)[~something].mean()),
        )


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the history; see `Score` for all but the loss in training."""

    epoch: int
    train_loss: float
    loss: float
    right: float
    missed: float
    false: float


class Training(Loop[Epoch]):
    """A run of a recipe.

    Args:
        layout: of the network.
        recipe: how to train.
        train: places to learn from.
        validation: places on pages by other hands, to see how it goes.
        seed: of the weights, the order of the places and their distortions.

    Attributes:
        network: in its present state.
    """

    def __init__(
        self, layout: Layout, recipe: Recipe, train: Places, validation: Places, *, seed: int
    ) -> None:
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        steps = math.ceil(len(train) / recipe.batch_size)
        keras.utils.set_random_seed(seed)
        self.network = layout.build()
        warm = max(1, steps // 4)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps * recipe.epochs - warm), warmup_target=recipe.learning_rate, warmup_steps=warm
        )
        optimizer = Muon(rate, weight_decay=recipe.weight_decay, last=self.network.layers[-1].name)
        self.network.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
        optimizer.build(self.network.trainable_variables)
        super().__init__(self.network, epochs=recipe.epochs, steps=steps, epoch=Epoch)

    def _batches(self, number: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The places in an order, and distorted in ways, that depend on seed and epoch alone."""
        size = self._recipe.batch_size
        order = np.random.default_rng([self._seed, number]).permutation(len(self._train))

        def batch(step: int) -> tuple[FloatArray, FloatArray]:
            random = np.random.default_rng([self._seed, number, step])
            which = order[step * size : (step + 1) * size]
            patches = self._train.patches[which]
            if self._recipe.distortion is not None:
                patches = distorted(patches, random, self._recipe.distortion)
            seen = as_input(patches)
            paler = random.uniform(*self._recipe.contrast, (len(which), 1, 1))
            seen[..., 0] *= paler.astype(np.float32)
            np.minimum(seen, 1, out=seen)
            truth: FloatArray = self._train.labels[which].astype(np.float32)
            return seen, truth

        return made_ahead(batch, self._steps, threads=1)

    def _measure(self, number: int, learned: FloatArray) -> tuple[Epoch, str]:
        score = Score.of(probabilities(self.network, self._validation.patches), self._validation)
        loss = float(learned[0])
        epoch = Epoch(number, loss, score.loss, score.right, score.missed, score.false)
        return epoch, f"loss {loss:.4f}, validation {score}"

    def _state(self) -> dict[str, keras.Variable]:
        """What the next epoch depends on: weights, statistics and the state of the optimizer."""
        variables = [*self.network.variables, *self.network.optimizer.variables]
        return {f"variable/{index}": variable for index, variable in enumerate(variables)}


def distorted(patches: ByteArray, random: np.random.Generator, how: Distortion) -> ByteArray:
    """Patches with their ink distorted, as `displaced` does it.

    Args:
        patches: shape (n, rows, columns, 3), uint8.
        random: the source of all draws.
        how: how far to go; `how.untouched` of them stay as they are.
    """
    count, *shape, _ = patches.shape
    columns, rows = displaced(count, (shape[0], shape[1]), random, how)
    changed = patches.copy()
    for k in np.flatnonzero(random.random(count) >= how.untouched):
        ink = np.ascontiguousarray(patches[k, ..., INK])
        changed[k, ..., INK] = cv2.remap(
            ink, columns[k], rows[k], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return changed
