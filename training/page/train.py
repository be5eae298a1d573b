"""Train the page network."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from edge.errors import UsageError
from edge.types import ByteArray, FloatArray
from training.loop import CHECKPOINT, Loop, made_ahead
from training.muon import Muon
from training.page.lessons import Pages, draw_view, lesson, spans
from training.page.loss import page_loss
from training.page.measure import Score
from training.page.network import build_network


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes; in each, every page is looked at once.
        batch_size: lessons per step.
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
    found: float
    named: float
    false: float
    linked: float
    ink: float


class Training(Loop[Epoch]):
    """A run of a recipe.

    Args:
        recipe: how to train.
        train: pages to learn from, in sheaves.
        validation: pages of other hands, to see how it goes.
        seed: of the weights, the order of the pages and the views of them.
        steps: batches in an epoch; 0 looks at every page once.

    Attributes:
        network: in its present state.
    """

    def __init__(
        self, recipe: Recipe, train: Sequence[Pages], validation: Pages, *, seed: int, steps: int = 0
    ) -> None:
        self._recipe, self._seed = recipe, seed
        self._train, self._validation = train, validation
        self._spans = [spans(pages) for pages in train]
        self._places = [(sheaf, page) for sheaf, pages in enumerate(train) for page in range(len(pages))]
        steps = steps or math.ceil(len(self._places) / recipe.batch_size)
        keras.utils.set_random_seed(seed)
        self.network = build_network(256)
        total = steps * recipe.epochs
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, total - steps // 2, warmup_target=recipe.learning_rate, warmup_steps=max(1, steps // 2)
        )
        optimizer = Muon(rate, weight_decay=recipe.weight_decay, last=self.network.layers[-1].name)
        self.network.compile(optimizer, page_loss, jit_compile=False)
        optimizer.build(self.network.trainable_variables)
        super().__init__(self.network, epochs=recipe.epochs, steps=steps, epoch=Epoch)

    def _batches(self, number: int) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The pages in an order, and in views, that depend on seed and epoch alone."""
        size = self._recipe.batch_size
        random = np.random.default_rng([self._seed, number])
        order = np.concatenate(
            [
                random.permutation(len(self._places))
                for _ in range(-(-self._steps * size // len(self._places)))
            ]
        )

        def batch(step: int) -> tuple[FloatArray, FloatArray]:
            random = np.random.default_rng([self._seed, number, step])
            made = [self._lesson(int(index), random) for index in order[step * size : (step + 1) * size]]
            blocks, truth = (np.stack(planes) for planes in zip(*made, strict=True))
            return (blocks / np.float32(255)).astype(np.float32), truth

        return made_ahead(batch, self._steps, threads=1)

    def _lesson(self, index: int, random: np.random.Generator) -> tuple[ByteArray, FloatArray]:
        sheaf, page = self._places[index]
        pages, span = self._train[sheaf], self._spans[sheaf][page]
        return lesson(pages, span, page, draw_view(random, pages, span, page))

    def _measure(self, number: int, learned: FloatArray) -> tuple[Epoch, str]:
        score, loss = Score.of(self.network, self._validation), float(learned[0])
        epoch = Epoch(number, loss, score.found, score.named, score.false, score.linked, score.ink)
        return epoch, f"loss {loss:.4f}, validation {score}"

    def _state(self) -> dict[str, keras.Variable]:
        """What the next epoch depends on: weights, statistics and the state of the optimizer."""
        variables = [*self.network.variables, *self.network.optimizer.variables]
        return {f"variable/{index}": variable for index, variable in enumerate(variables)}


def start_from(network: keras.Model, *runs: Path) -> None:
    """Begin with the weights that other runs have learned, not with the state of their optimizers.

    Args:
        network: to give them to.
        runs: folders; the weights of several are averaged, which takes runs of which each went on from
            another (Wortsman et al., "Model soups", 2022).

    Raises:
        UsageError: when there are none, or they are of another network.
    """
    for number, run in enumerate(runs, 1):
        path = run / CHECKPOINT
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as state:
                for index, variable in enumerate(network.variables):
                    learned, before = state[f"variable/{index}"], np.asarray(variable)
                    variable.assign(learned if number == 1 else before + (learned - before) / number)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(f"cannot begin with {path}: {error}") from error
