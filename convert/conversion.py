"""Network -> model file: quantize, calibrate, prove, fit to the page network, and put the card in."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.calibrate import choose_thresholds, fit_temperature
from convert.formats import MISREAD_SHARE
from convert.layers import LayerError, layer_errors
from convert.material import Material, spread
from convert.metadata import embed, identity
from convert.original import Original
from convert.pair import fit_to
from convert.quantize import Quantizer
from convert.ready import AsItCame, OriginalFile
from convert.verify import Comparison, Limits, Reading, compare, outputs, prove
from edge.classifier import calibrate, stretched
from edge.errors import ModelError
from edge.model_file import METADATA_NAME, Card, KnownAnswers, ModelFile
from edge.page_file import PageFile
from edge.preprocess import PREPROCESSING_VERSION
from edge.types import ByteArray, FloatArray, Thresholds
from training.dataset import Digits
from training.evaluate import Evaluation
from training.page.lessons import Pages

CLEAR = 0.9
"""Confidence from which a glyph is clear enough for its answer to be known on every runtime."""

PROVEN = 1000
"""Pictures, at most, that the finished file is asked once more: int16x8 takes milliseconds for each."""

KNOWN_ANSWERS = 10
KNOWN_SIDE = 64
"""How many known answers a card holds at most, and pixels of the longer side of their pictures: the card has
to stay small."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a network comes from, for its card.

    Attributes:
        version: of the model.
        training_data: name of each data file and the SHA-256 of its decompressed contents.
        command: the command line that trained it.
        commit: the commit of the code that trained it.
    """

    version: str
    training_data: Mapping[str, str]
    command: str
    commit: str


@dataclass(frozen=True, slots=True, eq=False)
class Partner:
    """The page network that a digit network is to work with.

    Attributes:
        page: the page network.
        held_out: pages to fit both together on, of hands that neither has learned from.
    """

    page: PageFile
    held_out: Pages


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """A model file that edge's classifier opens and reads with, its card, and what the proof found.

    Attributes:
        model: the `.tflite` file.
        card: the one inside it; its `failure` says why the model is refused, where it is.
        comparisons: with the float network, by test set.
    """

    model: bytes
    card: Card
    comparisons: Mapping[str, Comparison]


class Converter:
    """Converts a network into the formats asked for; a context manager, as its `Quantizer` is.

    Args:
        original: the float network.
        material: what it is calibrated and proven with.
        origin: for the card.
        limits: what a converted model must reach.
        partner: what finds the digits that the network is to name; None for a network that names other
            things.
        misread: of the digits shown as certain, the share that may be misread; where there are glyphs of
            drawn scenes to choose thresholds by, it is not asked.

    Attributes:
        original: what the float network makes of each set, calibrated in its own right.
    """

    def __init__(
        self,
        original: Original | OriginalFile,
        material: Material,
        origin: Origin,
        limits: Limits,
        partner: Partner | None = None,
        *,
        misread: float = MISREAD_SHARE,
    ) -> None:
        self._network, self._material = original, material
        self._origin, self._limits, self._partner = origin, limits, partner
        self._shown = original.fitted(material.shown)
        self._quantizer: Quantizer | AsItCame = (
            AsItCame(original)
            if isinstance(original, OriginalFile)
            else Quantizer(original.network, self._shown)
        )
        self._misread = misread
        asked = {name: original(pictures.glyphs) for name, pictures in material.sets.items()}
        _, _, self.original = _calibrated(material, asked, original, misread)
        known = material.known
        self._known = known_pictures(Evaluation(known, original(known.glyphs)))

    def __enter__(self) -> Converter:
        self._quantizer.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._quantizer.__exit__(*error)

    def to(self, form: str) -> Conversion:
        """The model file in one of `convert.formats.FORMATS`.

        Raises:
            ModelError: when there is no such file, or edge's classifier cannot use it at all.
            UsageError: when a package that it needs is not installed.
        """
        network, material = self._network, self._material
        quantized = self._quantizer.to(form)

        def ask(pictures: ByteArray) -> FloatArray:
            return outputs(quantized, pictures, shape=network.shape, labels=len(network.labels))

        asked = _together(material.sets, ask)
        temperature, thresholds, readings = _calibrated(material, asked, ask, self._misread)
        comparisons = {name: compare(self.original[name], readings[name]) for name in material.tests}
        test = material.tests[0]
        card = Card(
            name=f"{network.name}-{form}",
            version=self._origin.version,
            format=form,
            input=network.shape,
            labels=network.labels,
            preprocessing=PREPROCESSING_VERSION,
            temperature=temperature,
            thresholds=thresholds,
            training_data=self._origin.training_data,
            accuracies={name: found.accuracy for name, found in comparisons.items()},
            command=self._origin.command,
            commit=self._origin.commit,
            failure=self._limits.broken_by(comparisons[test]),
            known_answers=KnownAnswers(self._known, ask(self._known)),
            id=identity(quantized),
        )
        model = embed(quantized, METADATA_NAME, card.to_bytes())
        some = spread(np.arange(len(asked[test])), PROVEN)
        prove(model, material.sets[test].glyphs[some], asked[test][some])
        if self._partner:
            file = ModelFile(Path(card.name), model, card, sha256(model).hexdigest(), shipped=False)
            card = fit_to(self._partner.page, file, self._partner.held_out)
            model = embed(quantized, METADATA_NAME, card.to_bytes())
        return Conversion(model, card, comparisons)

    @property
    def quantizes(self) -> bool:
        """Whether the network is converted here, so that its layers can be compared with those in floats."""
        return isinstance(self._quantizer, Quantizer)

    @property
    def name(self) -> str:
        """What the network is called."""
        return self._network.name

    def sample(self, count: int) -> tuple[ByteArray, npt.NDArray[np.int64]]:
        """The first pictures of the first test set, as the network takes them, and what it says of them."""
        test = self._material.tests[0]
        pictures = self._material.sets[test].glyphs[:count]
        return self._network.fitted(pictures), self.original[test].calibrated.said[:count]

    def layer_errors(self, model: bytes) -> list[LayerError]:
        """How far each layer of a model made here is off."""
        return layer_errors(self._quantizer.to("float32"), model, self._shown)


def known_pictures(original: Evaluation) -> ByteArray:
    """For each label one picture that the network is sure of: of these, the one that takes least room.

    Raises:
        ModelError: when it reads none right.
    """
    chosen = []
    for label in np.unique(original.digits.labels):
        of_label = original.right & (original.digits.labels == label)
        clear = np.flatnonzero(of_label & (original.confidence >= CLEAR))
        if len(clear):
            chosen.append(
                min(clear, key=lambda i: len(zlib.compress(original.digits.glyphs[i].tobytes(), 9)))
            )
    if not chosen:
        raise ModelError(
            f"the float network reads nothing right with a confidence of {CLEAR} or more: do its pixels go "
            "from black to white as --pixels says, and are the labels in the order of its outputs (--labels)?"
        )
    pictures = original.digits.glyphs[np.array(chosen[:KNOWN_ANSWERS])]
    rows, columns = pictures.shape[1:3]
    scale = min(1.0, KNOWN_SIDE / max(rows, columns))
    size = max(1, round(rows * scale)), max(1, round(columns * scale))
    return np.stack([stretched(picture, *size) for picture in pictures])


def _together(sets: Mapping[str, Digits], ask: Callable[[ByteArray], FloatArray]) -> dict[str, FloatArray]:
    """Ask all sets at once, and part the answers."""
    answers = ask(np.concatenate([pictures.glyphs for pictures in sets.values()]))
    ends = np.cumsum([len(pictures) for pictures in sets.values()])[:-1]
    return dict(zip(sets, np.split(answers, ends), strict=True))


def _calibrated(
    material: Material,
    asked: Mapping[str, FloatArray],
    ask: Callable[[ByteArray], FloatArray],
    misread: float,
) -> tuple[float, Thresholds, dict[str, Reading]]:
    """Temperature and thresholds of a network by itself, and what it makes of each set with them."""
    calibrating = material.sets[material.calibrating]
    temperature = fit_temperature(Evaluation(calibrating, asked[material.calibrating]))
    calibrated = {
        name: Evaluation(material.sets[name], calibrate(raw, temperature)) for name, raw in asked.items()
    }

    thresholds = choose_thresholds(calibrated[material.calibrating], misread)
    return (
        temperature,
        thresholds,
        {name: Reading(raw, calibrated[name], thresholds.accept) for name, raw in asked.items()},
    )
