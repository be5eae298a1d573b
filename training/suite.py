"""All that is measured of a model, on whatever data is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from edge.choice import CLEAR
from edge.classifier import Classifier
from edge.ink import InkMarker
from edge.looks import find_digits
from edge.model_file import DIGITS, load_model
from edge.naming import name
from edge.parting import Named
from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.reader import DigitReader
from edge.types import ByteArray, FloatArray, Glyph, Ink, Prediction
from training.characters import DIGITS_PATTERN, OTHERS_PATTERN, CharacterSet, load_character_sets
from training.corruptions import CORRUPTIONS, corrupt
from training.dataset import DATA_VARIABLE, Digits
from training.evaluate import Evaluation, Reliability, area_under_roc, joined, pooled_reliability
from training.photos import LABELS, GroupResult, load_photos, read_photos
from training.scenes.bank import load_bank
from training.scenes.measure import ScenesResult, read_scenes

Found = TypeVar("Found")

PARTS = ("mnist", "corruptions", "glyphs", "scenes", "photos")
"""What can be measured; each alone, too."""

EXAMPLES = 6
"""Corrupted digits that are kept for the report, of each kind."""

REAL = "real"
"""Folder, inside that of the data, of photos and sets of characters from other people."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is measured.

    Attributes:
        name: its file.
        ask: glyphs (n, 28, 28) uint8 -> probabilities (n, 10), as edge names them where the model is its own.
        find_digits: edge's road from a grey picture to named ink, with it.
        reader: reads pictures with it; None for a float network, which has no thresholds yet.
    """

    name: str
    ask: Callable[[ByteArray], FloatArray]
    find_digits: Callable[[ByteArray], list[Named]]
    reader: DigitReader | None


@dataclass(frozen=True, slots=True, eq=False)
class CorruptionResult:
    """What a model said of MNIST's test digits corrupted in one way.

    Attributes:
        accuracy: share read right.
        examples: the first few, corrupted, shape (n, 28, 28), uint8.
    """

    accuracy: float
    examples: ByteArray


@dataclass(frozen=True, slots=True, eq=False)
class SetResult:
    """What a model said of a set of characters.

    Attributes:
        evaluation: of the glyphs that edge took for digits, however little.
        missed: how many characters it took for none.
    """

    evaluation: Evaluation
    missed: int

    def __len__(self) -> int:
        return len(self.evaluation.digits) + self.missed

    @property
    def accuracy(self) -> float:
        """Share of the characters read right; one that was not found is not."""
        return float(self.evaluation.right.sum() / len(self))

    @property
    def confidence(self) -> FloatArray:
        """How sure each is that it is a digit, shape (n,): 0 where nothing was found."""
        return np.append(self.evaluation.confidence, np.zeros(self.missed, np.float32))


def pooled(sets: Mapping[str, SetResult]) -> SetResult | None:
    """Several sets as one; None without any."""
    if not sets:
        return None
    whole = joined([each.evaluation for each in sets.values()])
    return SetResult(whole, sum(each.missed for each in sets.values()))


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was measured; a part that was not is None or empty.

    Attributes:
        model: name of the model.
        accept: confidence from which on the model's digits are shown as certain; None for a float network.
        mnist: MNIST's test digits.
        corruptions: the same digits corrupted, by kind.
        real: digits that other people wrote, by set.
        others: characters that are no digits, by set.
        scenes: drawn scenes.
        photos: real photos, by group.
        skipped: the parts that were not measured, and why.
    """

    model: str
    accept: float | None
    mnist: Evaluation | None
    corruptions: Mapping[str, CorruptionResult]
    real: Mapping[str, SetResult]
    others: Mapping[str, SetResult]
    scenes: ScenesResult | None
    photos: Mapping[str, GroupResult]
    skipped: Mapping[str, str]

    @property
    def corruption_mean(self) -> float:
        """Mean share read right over the kinds of corruption."""
        return float(np.mean([each.accuracy for each in self.corruptions.values()]))

    @property
    def reliabilities(self) -> dict[str, Reliability]:
        """How sure the reader was and how often right, by name of what it read."""
        real = pooled(self.real)
        found = {
            "MNIST": self.mnist and self.mnist.reliability,
            "single real digits": real and real.evaluation.reliability,
            "real photos": pooled_reliability(each.reliability for each in self.photos.values())
            if self.photos
            else None,
            "drawn scenes": self.scenes and self.scenes.reliability,
        }
        return {name: each for name, each in found.items() if each and len(each.right)}

    def roc(self, others: SetResult) -> dict[str, float]:
        """Area under the ROC curve of the confidence, digits against others.

        Returns:
            By name of the digits: those of other people, and MNIST's test digits.
        """
        digits = {"single real digits": pooled(self.real), "MNIST": self.mnist}
        return {
            name: area_under_roc(each.confidence, others.confidence) for name, each in digits.items() if each
        }

    def accepted(self, glyphs: SetResult) -> float | None:
        """Share of the characters of a set that are shown as certain digits."""
        if self.accept is None:
            return None
        return float((glyphs.confidence >= self.accept).mean())


def open_model(path: Path) -> Model:
    """A `.tflite` file as edge runs it, or the float network of a run folder or a `.keras` file.

    Raises:
        ModelError: when the `.tflite` file is none of ours.
        UsageError: when there is no run or `.keras` file.
    """
    if path.suffix == ".tflite":
        classifier = Classifier(load_model(path))

        def ask(glyphs: ByteArray) -> FloatArray:
            return np.stack([prediction.probabilities for prediction in name(glyphs, classifier.classify)])

        return Model(path.name, ask, _road(ask, classifier.card.thresholds.accept), DigitReader(classifier))

    from training.network import probabilities
    from training.runs import load_network

    network = load_network(path)

    def ask_network(glyphs: ByteArray) -> FloatArray:
        return probabilities(network, glyphs)

    return Model(path.name, ask_network, _road(ask_network, CLEAR), None)


def evaluate(
    model: Model,
    test: Digits,
    *,
    data: Path | None = None,
    scenes: int = 200,
    parts: Collection[str] = PARTS,
) -> Findings:
    """Measure a model.

    Args:
        model: as `open_model` gives it.
        test: MNIST's test digits.
        data: as `training.dataset.load_mnist` takes it; photos and sets of characters are in `real/` in it.
        scenes: how many to draw.
        parts: of `PARTS`, what to measure.

    Raises:
        DataError: when photos or a set of characters are damaged.
    """
    skipped: dict[str, str] = {}

    def measure(part: str, how: Callable[[], Found]) -> Found | None:
        try:
            if part not in parts:
                raise _SkippedError("not asked for")
            return how()
        except _SkippedError as error:
            skipped[part] = str(error)
            return None

    real = _real_folder(data)
    mnist = measure("mnist", lambda: Evaluation(test, model.ask(test.glyphs)))
    corruptions = measure("corruptions", lambda: _corrupt(model, test)) or {}
    digits, others = measure("glyphs", lambda: _ask_all_sets(model, real)) or ({}, {})
    drawn = measure("scenes", lambda: _draw_scenes(model, data, scenes))
    photos = measure("photos", lambda: _read_photos(model, real)) or {}
    accept = model.reader.classifier.card.thresholds.accept if model.reader else None
    return Findings(model.name, accept, mnist, corruptions, digits, others, drawn, photos, skipped)


def real_digits(data: Path | None = None) -> Digits | None:
    """The digits of other people in the data, as glyphs: those that edge takes for digits as it is shipped.

    Args:
        data: as `evaluate` takes it.

    Returns:
        None where the data has none.

    Raises:
        DataError: when a set is damaged.
    """
    folder = _real_folder(data)
    found = pooled(_ask_sets(open_model(load_model().path), folder, DIGITS_PATTERN)) if folder else None
    return found.evaluation.digits if found else None


class _SkippedError(Exception):
    """Why a part is not measured."""


def _road(ask: Callable[[ByteArray], FloatArray], sure: float) -> Callable[[ByteArray], list[Named]]:
    """From a grey picture to named ink.

    Args:
        ask: names glyphs.
        sure: as `find_digits` takes it.
    """
    mark = InkMarker()

    def name_ink(inks: list[Ink]) -> list[Prediction]:
        glyphs = [to_glyph(ink.pixels) for ink in inks]
        return [Prediction(probabilities) for probabilities in ask(np.array(glyphs))] if glyphs else []

    return lambda grey: find_digits(grey, mark, name_ink, sure)


def _real_folder(data: Path | None) -> Path | None:
    if data is None and DATA_VARIABLE in os.environ:
        data = Path(os.environ[DATA_VARIABLE])
    return data / REAL if data is not None and (data / REAL).is_dir() else None


def _corrupt(model: Model, digits: Digits) -> dict[str, CorruptionResult]:
    results = {}
    for kind in tqdm(CORRUPTIONS, "corruptions", leave=False, dynamic_ncols=True):
        corrupted = Digits(corrupt(kind, digits.glyphs), digits.labels)
        accuracy = Evaluation(corrupted, model.ask(corrupted.glyphs)).accuracy
        results[kind] = CorruptionResult(accuracy, corrupted.glyphs[:EXAMPLES].copy())
    return results


def _ask_all_sets(model: Model, folder: Path | None) -> tuple[dict[str, SetResult], dict[str, SetResult]]:
    """Digits that other people wrote, and characters that are none."""
    if folder is None:
        raise _SkippedError(f"the data has no folder {REAL}")
    return _ask_sets(model, folder, DIGITS_PATTERN), _ask_sets(model, folder, OTHERS_PATTERN)


def _ask_sets(model: Model, folder: Path, pattern: str) -> dict[str, SetResult]:
    return {each.name: _ask_set(model, each) for each in load_character_sets(folder, pattern)}


def _ask_set(model: Model, characters: CharacterSet) -> SetResult:
    """Each is the largest piece that edge reads in its picture; what is cut out is a piece already."""
    if characters.cut_out:
        glyphs = np.array([to_glyph(picture) for picture in characters.pictures], np.uint8)
        return SetResult(Evaluation(Digits(glyphs, characters.labels), model.ask(glyphs)), missed=0)
    read: list[tuple[Glyph, FloatArray, np.uint8]] = []
    pages = tqdm(characters.pages(), characters.name, len(characters), leave=False, dynamic_ncols=True)
    for page, label in zip(pages, characters.labels, strict=True):
        named = model.find_digits(page)
        if named:
            ink, prediction = max(named, key=lambda each: each[0].box.area)
            read.append((to_glyph(ink.pixels), prediction.probabilities, label))
    found = Digits(
        np.array([glyph for glyph, _, _ in read], np.uint8).reshape(-1, GLYPH_SIZE, GLYPH_SIZE),
        np.array([label for _, _, label in read], np.uint8),
    )
    said = np.array([probabilities for _, probabilities, _ in read], np.float32).reshape(-1, DIGITS)
    return SetResult(Evaluation(found, said), len(characters) - len(read))


def _draw_scenes(model: Model, data: Path | None, count: int) -> ScenesResult:
    if not count:
        raise _SkippedError("no scenes were asked for")
    return read_scenes(_reader(model), load_bank(data, "test"), count)


def _read_photos(model: Model, folder: Path | None) -> dict[str, GroupResult]:
    if folder is None or not (folder / LABELS).is_file():
        raise _SkippedError(f"the data has no {REAL}/{LABELS}")
    return read_photos(_reader(model), load_photos(folder))


def _reader(model: Model) -> DigitReader:
    if model.reader is None:
        raise _SkippedError("a float network has no thresholds to read pictures with: convert it first")
    return model.reader
