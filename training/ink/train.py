"""Train the ink network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import keras
import numpy as np

from edge.by_ink.ink import BLOCK, flatten, to_blocks
from edge.types import ByteArray, FloatArray
from training.ink.measure import Score
from training.ink.network import build_network
from training.ink.patches import UNIT, Patches
from training.loop import Loop, made_ahead
from training.muon import Muon

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
        learning_rate: of Muon, the highest; it rises for half an epoch and then falls to 0 along a cosine.
        weight_decay: of Muon.
    """

    epochs: int = 20
    batch_size: int = 16
    learning_rate: float = 8e-3
    weight_decay: float = 1e-2


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the history; see `Score` for all but the loss in training."""

    epoch: int
    loss: float
    precision: float
    recall: float
    f1: float


class Training(Loop[Epoch]):
    """A run of a recipe.

    Args:
        recipe: how to train.
        train: patches to learn from.
        validation: patches of other writers, to see how it goes.
        seed: of the weights, the order of the patches and their distortions.

    Attributes:
        network: in its present state.
    """

    def __init__(self, recipe: Recipe, train: Patches, validation: Patches, *, seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        steps = math.ceil(len(train) / recipe.batch_size)
        keras.utils.set_random_seed(seed)
        self._side = train.grey.shape[1]
        self.network = build_network(self._side)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            steps * recipe.epochs - steps // 2,
            warmup_target=recipe.learning_rate,
            warmup_steps=steps // 2,
        )
        optimizer = Muon(rate, weight_decay=recipe.weight_decay, last=self.network.layers[-1].name)
        self.network.compile(optimizer, weighted_loss, jit_compile=False)
        optimizer.build(self.network.trainable_variables)
        super().__init__(self.network, epochs=recipe.epochs, steps=steps, epoch=Epoch)

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

        return made_ahead(batch, self._steps, threads=1)

    def _measure(self, number: int, learned: FloatArray) -> tuple[Epoch, str]:
        score, loss = Score.of(self.network, self._validation), float(learned[0])
        epoch = Epoch(number, loss, score.precision, score.recall, score.f1)
        return epoch, f"loss {loss:.4f}, validation {score}"

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
