"""The seed paper's claim, put to the test: does its network beat the classical learners, and at what price?

All learn from the same digits and are asked the same ones, on one thread. The networks run on LiteRT, in
float32 and in int8; the classical learners are scikit-learn's.
"""

from __future__ import annotations

import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from tqdm import tqdm

from edge.classifier import Classifier
from edge.errors import UsageError
from edge.files import write_whole
from edge.model_file import DIGITS, ModelFile, load_model
from edge.preprocess import GLYPH_SIZE
from edge.types import ByteArray, FloatArray
from training.dataset import Digits
from training.figures import png
from training.network import as_input
from training.report import table
from training.runs import load_network
from training.scenes.draws import floats
from training.train import RECIPES, Training

Labels = npt.NDArray[np.integer[Any]]
Reader = Callable[[ByteArray], Labels]
"""Reads glyphs (n, 28, 28) uint8: their labels (n,)."""

SEED = 1
DENSE_UNITS, DENSE_EPOCHS, BATCH = 128, 20, 128
ROUNDS, TOGETHER = 30, 100
"""Rounds in which all contestants are timed in turn, and digits read at once in each."""

PORTION = 1000
"""Digits read at once when accuracy is measured: nearest neighbours take memory for each of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """A trained learner.

    Attributes:
        name: what it is.
        read: reads digits with it.
        size: bytes it takes on disk.
        training_s: seconds that it learned; None when it was trained before.
    """

    name: str
    read: Reader
    size: int
    training_s: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a contestant.

    Attributes:
        name: what it is.
        accuracy: share of MNIST's test digits read right.
        real_accuracy: share of other people's digits read right; None without such digits.
        size: bytes it takes on disk.
        training_s: seconds that it learned; None when it was trained before.
        single_us: microseconds for one digit by itself, as a camera asks; the fastest round.
        together_us: microseconds a digit when a hundred are read at once; the fastest round.
    """

    name: str
    accuracy: float
    real_accuracy: float | None
    size: int
    training_s: float | None
    single_us: float
    together_us: float


def train_all(
    train: Digits, validation: Digits, *, run: Path | None = None, model: ModelFile | None = None
) -> list[Contestant]:
    """Train the contestants, the simplest first.

    Args:
        train: what they learn from.
        validation: selects the best epoch of the seed paper's network.
        run: where that network is trained already; None trains it by the recipe `paper`.
        model: the same network in int8; None is the shipped one.

    Raises:
        UsageError: when scikit-learn is not installed, or there is no run.
        ModelError: when edge's classifier refuses the model.
    """
    model = model or load_model()
    int8 = Classifier(model)
    trained = _on_litert(f"CNN, {run.stem}, float32", load_network(run), None) if run else None
    return [
        *_classical(train),
        _dense(train),
        trained or _paper(train, validation),
        Contestant(
            f"CNN, {model.path.name}, int8",
            lambda glyphs: int8.raw(glyphs).argmax(axis=1),
            len(model.data),
            None,
        ),
    ]


def on_one_thread() -> AbstractContextManager[object]:
    """Keeps scikit-learn and the libraries below it on one thread.

    Raises:
        UsageError: when scikit-learn is not installed.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise _without_scikit_learn(error) from error
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def measure(contestants: list[Contestant], test: Digits, real: Digits | None = None) -> list[Row]:
    """Ask the contestants.

    Args:
        contestants: trained.
        test: MNIST's test digits; the first of them are used to take the time.
        real: other people's digits, as edge brings them to glyphs.
    """
    accuracies = [_accuracy(each, test) for each in contestants]
    on_real = [None if real is None else _accuracy(each, real) for each in contestants]
    single, together = (_times(contestants, test.glyphs[:count]) for count in (1, TOGETHER))
    return [
        Row(each.name, accuracy, other, each.size, each.training_s, alone, bulk)
        for each, accuracy, other, alone, bulk in zip(
            contestants, accuracies, on_real, single, together, strict=True
        )
    ]


def write_comparison(folder: Path, rows: list[Row]) -> None:
    """Write comparison.md, comparison.json and comparison.png.

    Raises:
        OutputError: when the folder cannot be written to.
    """
    write_whole(folder / "comparison.md", markdown(rows) + "\n![Comparison](comparison.png)\n")
    write_whole(folder / "comparison.json", json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    write_whole(folder / "comparison.png", png(comparison_figure(rows)))


def markdown(rows: list[Row]) -> str:
    """The comparison as a table."""
    header = ["", "MNIST test", "real digits", "size", "learned in", "one digit", "one of a hundred"]
    return table(
        header,
        [
            (
                row.name,
                f"{row.accuracy:.2%}",
                "–" if row.real_accuracy is None else f"{row.real_accuracy:.2%}",
                f"{row.size / 1000:,.0f} kB",
                "–" if row.training_s is None else f"{row.training_s:,.0f} s",
                f"{row.single_us:,.0f} µs",
                f"{row.together_us:,.0f} µs",
            )
            for row in rows
        ],
    )


def comparison_figure(rows: list[Row]) -> Figure:
    """Error against time per digit, both logarithmic; discs grow with the size on disk."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for row in rows:
        # No error at all has no place on a logarithmic axis: half a digit in ten thousand has.
        place = row.single_us, 100 * max(1 - row.accuracy, 0.00005)
        area = 3 * row.size**0.35  # square points: from 48 kB to 200 MB, both can be seen
        axes.scatter(*place, s=area, alpha=0.5, label=row.name)
    axes.set(
        xlabel="microseconds for one digit, one thread",
        ylabel="MNIST test digits misread (%)",
        xscale="log",
        yscale="log",
        title="Lower left is better; discs grow with the size",
    )
    # Names beside the discs would cover each other: some contestants are close together.
    for handle in axes.legend(loc="upper left", fontsize=8).legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([40])
    axes.margins(0.2)
    axes.grid(alpha=0.3, which="both")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    return figure


def _classical(train: Digits) -> list[Contestant]:
    """Nearest neighbours, a support vector machine and a random forest, with settings common for MNIST."""
    try:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.svm import SVC
    except ImportError as error:
        raise _without_scikit_learn(error) from error
    estimators = {
        "3 nearest neighbours": KNeighborsClassifier(3, weights="distance", algorithm="brute"),
        "SVM, RBF kernel": SVC(C=10, gamma="scale"),
        "random forest, 200 trees": RandomForestClassifier(200, random_state=SEED),
    }
    features = _features(train.glyphs)
    contestants = []
    for name, estimator in tqdm(estimators.items(), "classical learners", leave=False, dynamic_ncols=True):
        start = time.perf_counter()
        estimator.fit(features, train.labels)
        seconds = time.perf_counter() - start

        def read(glyphs: ByteArray, estimator: Any = estimator) -> Labels:  # noqa: ANN401
            labels: Labels = estimator.predict(_features(glyphs))
            return labels

        contestants.append(Contestant(name, read, len(pickle.dumps(estimator)), seconds))
    return contestants


def _without_scikit_learn(error: ImportError) -> UsageError:
    return UsageError(f"the comparison needs scikit-learn ({error}): pip install -e '.[workstation]'")


def _features(glyphs: ByteArray) -> FloatArray:
    """Glyphs as scikit-learn wants them: shape (n, 784), 0 to 1."""
    return floats(glyphs.reshape(len(glyphs), -1)) / np.float32(255)


def _dense(train: Digits) -> Contestant:
    """A network without convolutions: one hidden layer, three times as many weights as the seed paper's."""
    keras.utils.set_random_seed(SEED)
    network = keras.Sequential(
        [
            keras.Input((GLYPH_SIZE, GLYPH_SIZE, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(DENSE_UNITS, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(DIGITS, activation="softmax"),
        ]
    )
    network.compile("adam", "categorical_crossentropy")
    start = time.perf_counter()
    network.fit(as_input(train.glyphs), train.targets, batch_size=BATCH, epochs=DENSE_EPOCHS, verbose=0)
    return _on_litert(f"dense network, {DENSE_UNITS} units", network, time.perf_counter() - start)


def _paper(train: Digits, validation: Digits) -> Contestant:
    """The seed paper's network, trained by its own recipe."""
    recipe = RECIPES["paper"]
    training = Training(recipe, train, validation, seed=SEED)
    start = time.perf_counter()
    # What it tells epoch by epoch is no result of the comparison.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        network = training.run(Path(folder))
    return _on_litert(f"CNN, recipe {recipe.name}, float32", network, time.perf_counter() - start)


def _on_litert(name: str, network: keras.Model, training_s: float | None) -> Contestant:
    """A Keras network in float32 on the runtime that the int8 network runs on."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        model: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    pixels, said = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )

    def read(glyphs: ByteArray) -> Labels:
        labels = np.empty(len(glyphs), np.int64)
        for index, glyph in enumerate(as_input(glyphs)):
            interpreter.set_tensor(pixels, glyph[np.newaxis])
            interpreter.invoke()
            labels[index] = interpreter.get_tensor(said).argmax()
        return labels

    return Contestant(name, read, len(model), training_s)


def _accuracy(contestant: Contestant, digits: Digits) -> float:
    said = [
        contestant.read(digits.glyphs[start : start + PORTION]) for start in range(0, len(digits), PORTION)
    ]
    return float((np.concatenate(said) == digits.labels).mean())


def _times(contestants: list[Contestant], glyphs: ByteArray) -> list[float]:
    """Microseconds that each takes for one of the glyphs, read together: the fastest of `ROUNDS`.

    All take turns, so that a busy moment of the machine meets each of them.
    """
    seconds = np.full(len(contestants), np.inf)
    for _ in range(ROUNDS):
        for index, each in enumerate(contestants):
            start = time.perf_counter()
            each.read(glyphs)
            seconds[index] = min(seconds[index], time.perf_counter() - start)
    return [float(value) for value in 1e6 * seconds / len(glyphs)]
