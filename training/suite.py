"""All that is measured of a model, on whatever data is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from edge.classifier import Classifier
from edge.fusion import Fusion
from edge.model_file import DIGITS, load_model
from edge.naming import name
from edge.page import PageNetwork
from edge.page_file import load_page, open_page
from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.reader import DigitReader
from edge.recognizer import find
from edge.refine import open_refine, refined
from edge.types import ByteArray, FloatArray, Glyph
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

REAL, PAGES = "real", "pages"
"""Folders, inside that of the data: photos and sets of characters from other people, and photos of what
people write beside digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is measured.

    Attributes:
        name: its file.
        ask: glyphs (n, 28, 28) uint8 -> probabilities (n, 10), as edge names them where the model is its own.
        page: sees where digits are.
        least: logit from which on it sees one, as in its card.
        refine: the refinement network that came with it.
        fusion: brings what both say together; None for a network that was not converted for the page network:
            what it says itself counts.
        reader: reads pictures with both; None likewise.
    """

    name: str
    ask: Callable[[ByteArray], FloatArray]
    page: PageNetwork
    least: float
    refine: Classifier
    fusion: Fusion | None
    reader: DigitReader | None

    def name_in(self, grey: ByteArray) -> list[tuple[int, Glyph, FloatArray]]:
        """Area in pixels, glyph and probabilities of all that may be a digit in a picture, however little."""
        found = find(self.page, grey, least=self.least)
        if not found.candidates:
            return []
        said = self.ask(np.array(found.glyphs))
        if self.fusion:
            asked = self.fusion.doubted(found.candidates, said)
            candidates = refined(found.candidates, found.grey, self.refine, asked)
            said = np.stack([each.probabilities for each in self.fusion(candidates, said)])
        areas = [candidate.box.area for candidate in found.candidates]
        return list(zip(areas, found.glyphs, said, strict=True))


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
        evaluation: of the glyphs that may be digits to edge, however little.
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
    page = load_page()
    seeing = open_page(page), page.card.least, open_refine(page.refine)
    if path.suffix == ".tflite":
        classifier = Classifier(load_model(path))

        def ask(glyphs: ByteArray) -> FloatArray:
            return np.stack([prediction.probabilities for prediction in name(glyphs, classifier.classify)])

        fusion = classifier.card.fusion
        return Model(
            path.name, ask, *seeing, fusion, DigitReader(classifier, thorough=True) if fusion else None
        )

    from training.network import probabilities
    from training.runs import load_network

    trained = load_network(path)
    return Model(path.name, lambda glyphs: probabilities(trained, glyphs), *seeing, None, None)


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
        data: as `training.dataset.load_mnist` takes it; photos and sets of characters are in `real/` in it,
            more photos in `pages/`.
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

    real = _folder(data, REAL)
    mnist = measure("mnist", lambda: Evaluation(test, model.ask(test.glyphs)))
    corruptions = measure("corruptions", lambda: _corrupt(model, test)) or {}
    digits, others = measure("glyphs", lambda: _ask_all_sets(model, real)) or ({}, {})
    drawn = measure("scenes", lambda: _draw_scenes(model, data, scenes))
    photos = measure("photos", lambda: _read_photos(model, data)) or {}
    accept = model.reader.thresholds.accept if model.reader else None
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
    folder = _folder(data, REAL)
    found = pooled(_ask_sets(open_model(load_model().path), folder, DIGITS_PATTERN)) if folder else None
    return found.evaluation.digits if found else None


class _SkippedError(Exception):
    """Why a part is not measured."""


def _folder(data: Path | None, name: str) -> Path | None:
    """A folder inside that of the data; None where it is not there."""
    if data is None and DATA_VARIABLE in os.environ:
        data = Path(os.environ[DATA_VARIABLE])
    return data / name if data is not None and (data / name).is_dir() else None


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
    """Each is the largest candidate in its picture; what is cut out is a glyph already."""
    if characters.cut_out:
        glyphs = np.array([to_glyph(picture) for picture in characters.pictures], np.uint8)
        return SetResult(Evaluation(Digits(glyphs, characters.labels), model.ask(glyphs)), missed=0)
    read: list[tuple[Glyph, FloatArray, np.uint8]] = []
    pages = tqdm(characters.pages(), characters.name, len(characters), leave=False, dynamic_ncols=True)
    for page, label in zip(pages, characters.labels, strict=True):
        named = model.name_in(page)
        if named:
            _, glyph, probabilities = max(named, key=lambda each: each[0])
            read.append((glyph, probabilities, label))
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


def _read_photos(model: Model, data: Path | None) -> dict[str, GroupResult]:
    """Those of `REAL` by group, those of `PAGES` by "pages/" and group."""
    found: dict[str, GroupResult] = {}
    for place, prefix in ((REAL, ""), (PAGES, f"{PAGES}/")):
        folder = _folder(data, place)
        if folder is not None and (folder / LABELS).is_file():
            photos = read_photos(_reader(model), load_photos(folder))
            found |= {prefix + group: result for group, result in photos.items()}
    if not found:
        raise _SkippedError(f"the data has neither {REAL}/{LABELS} nor {PAGES}/{LABELS}")
    return found


def _reader(model: Model) -> DigitReader:
    if model.reader is None:
        raise _SkippedError("it was not converted for a page network: python -m convert does it")
    return model.reader
