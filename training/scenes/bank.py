"""The glyph bank: what the scenes' hands can write, by split."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.types import ByteArray, FloatArray
from training.dataset import Digits, data_folder, load_mnist
from training.scenes.archive import Archive, load_archive
from training.scenes.draws import Random, between, chance, floats, pick
from training.scenes.shapes import Shape, Strokes, Word, shape_of, smooth_curve, trace
from training.scenes.typefaces import Split, Typeface, handwriting_fonts, stroke_fonts
from training.scenes.writers import HALVES, WRITING, Half, Writers, load_writers, mnist_writers

OMNIGLOT = Path("real", "nondigits_omniglot.npz")

ALPHABETS: dict[Split, tuple[str, ...]] = {
    "train": ("Balinese", "Early_Aramaic", "Latin", "Korean"),
    "test": ("Greek", "Japanese_(katakana)", "Sanskrit", "Tagalog"),
}
"""Omniglot's alphabets: those that training may see, and those that are kept for the test."""

LOOKALIKES: dict[str, tuple[int, ...]] = {
    "Balinese": (5, 14),
    "Early_Aramaic": (2, 3, 4, 5, 7, 10, 12, 14, 16, 17, 20),
    "Korean": (5, 20, 21, 22, 33, 37),
    "Latin": (2, 7, 9, 12, 15, 17, 19, 26),
    "Greek": (4, 6, 8, 9, 14, 15, 18),
    "Japanese_(katakana)": (1, 24, 27, 30, 37, 45, 46),
    "Sanskrit": (13, 36, 37),
    "Tagalog": (3, 16),
}
"""Characters that anybody would read as a digit: they are no lesson and no test."""

WORD_LETTERS = "eeeeaaaarrrriiinnntttlloossdduukmmpphhgvvyfbwcjzxqEANRTSKMDLWHPFG"  # as common as they are
PLAIN_LETTERS = "eeeeaaaarrrrnnnntttdduukkmmpphhvvyyffwwccxxEANRTKMDLWPFH"
"""For words whose letters stand apart: without those that look like digits."""
AMBIGUOUS_LETTERS = "oooolllliiisssbgzqOISZB"
"""Those that do; in a word, the others tell."""
LEAST_LETTERS, MOST_AMBIGUOUS = 4, 0.4
"""Letters of the shortest word that has ambiguous ones, and the share of them, at most."""

FONT_SHARE = 0.8
"""Of letters and words, where there are handwriting fonts; the others are of OpenCV's few."""

FONT_DIGITS = 0.25
"""Of the digits of writers who were not taught as MNIST's were, where there are handwriting fonts."""

WRITTEN_SHARE = 0.8
"""Of the pages, where UNIPEN is there: those whose words are its strokes; the others are of fonts."""

LONE_LETTERS = "aAcdDeEfFGhHjJkKmMnNpPrRtTuUvVwWxXyY"  # those that cannot be taken for a digit

# Digits as written where MNIST was not: corner points, x and y down; a curve where the first item is True.
Drawing = tuple[tuple[bool, tuple[tuple[float, float], ...]], ...]
VARIANTS: dict[int, tuple[Drawing, ...]] = {
    0: (
        (
            (True, ((0.3, 0), (0.02, 0.35), (0.06, 0.8), (0.3, 1), (0.55, 0.75), (0.56, 0.25), (0.3, 0))),
            (False, ((0.08, 0.9), (0.52, 0.1))),
        ),
    ),
    1: (
        ((False, ((0, 0.45), (0.42, 0), (0.42, 1))),),
        ((False, ((0, 0.62), (0.5, 0), (0.46, 1))),),
        ((False, ((0.1, 0.3), (0.32, 0), (0.32, 1))), (False, ((0.05, 1), (0.62, 1)))),
        ((False, ((0, 0.25), (0.25, 0), (0.25, 1))),),
        ((True, ((0, 0.4), (0.22, 0.24), (0.42, 0))), (False, ((0.42, 0), (0.36, 1)))),
        ((False, ((0.1, 0), (0, 1))),),
        ((True, ((0.1, 0), (0.03, 0.5), (0.06, 1))),),
    ),
    4: (
        ((False, ((0.35, 0), (0, 0.62), (0.62, 0.62))), (False, ((0.45, 0.35), (0.42, 1)))),
        ((False, ((0.5, 1), (0.5, 0), (0, 0.68), (0.68, 0.68))),),
        ((True, ((0.05, 0), (0, 0.3), (0.1, 0.5), (0.5, 0.48))), (False, ((0.5, 0), (0.47, 1)))),
    ),
    7: (
        ((False, ((0, 0), (0.62, 0), (0.22, 1))), (False, ((0.16, 0.5), (0.6, 0.46)))),
        (
            (True, ((0, 0.12), (0.2, 0.02), (0.45, 0.08), (0.66, 0))),
            (True, ((0.66, 0), (0.35, 0.5), (0.25, 1))),
            (False, ((0.15, 0.52), (0.62, 0.5))),
        ),
        ((False, ((0, 0.18), (0.02, 0), (0.6, 0), (0.25, 1))),),
        ((False, ((0, 0.16), (0, 0), (0.58, 0), (0.2, 1))), (False, ((0.1, 0.55), (0.55, 0.48)))),
        ((True, ((0, 0.02), (0.3, 0.06), (0.6, 0))), (True, ((0.6, 0), (0.42, 0.4), (0.4, 1)))),
    ),
    9: (
        (
            (True, ((0.55, 0.25), (0.35, 0), (0.05, 0.14), (0.06, 0.4), (0.35, 0.46), (0.55, 0.22))),
            (False, ((0.56, 0.08), (0.54, 1))),
        ),
        (
            (
                True,
                (
                    (0.5, 0.2),
                    (0.28, 0),
                    (0.03, 0.2),
                    (0.2, 0.46),
                    (0.52, 0.24),
                    (0.5, 0.7),
                    (0.3, 1),
                    (0.04, 0.9),
                ),
            ),
        ),
    ),
}
VARIANT_SHARE = {0: 0.04, 1: 0.4, 4: 0.15, 7: 0.4, 9: 0.1}

SYMBOLS: dict[str, Drawing] = {
    "plus": ((False, ((0, 0.5), (1, 0.5))), (False, ((0.5, 0), (0.5, 1)))),
    "minus": ((False, ((0, 0), (1, 0.03))),),
    "equals": ((False, ((0, 0), (1, 0))), (False, ((0, 0.4), (1, 0.4)))),
    "divide": (
        (False, ((0, 0.5), (1, 0.5))),
        (False, ((0.49, 0.1), (0.51, 0.1))),
        (False, ((0.49, 0.9), (0.51, 0.9))),
    ),
    "times": ((False, ((0, 0), (1, 1))), (False, ((1, 0), (0, 1)))),
    "slash": ((False, ((0.45, 0), (0, 1))),),
    "open": ((True, ((0.25, 0), (0.03, 0.3), (0.03, 0.7), (0.25, 1))),),
    "close": ((True, ((0, 0), (0.22, 0.3), (0.22, 0.7), (0, 1))),),
    "dot": ((False, ((0, 0), (0.1, 0.1))),),
    "comma": ((True, ((0.1, 0), (0.12, 0.5), (0, 1))),),
    "colon": ((False, ((0, 0.2), (0.03, 0.22))), (False, ((0, 0.8), (0.03, 0.82)))),
    "percent": (
        (True, ((0.2, 0), (0, 0.2), (0.2, 0.4), (0.35, 0.2), (0.2, 0))),
        (False, ((0.9, 0), (0.1, 1))),
        (True, ((0.8, 0.6), (0.62, 0.8), (0.8, 1), (0.98, 0.8), (0.8, 0.6))),
    ),
    "hash": (
        (False, ((0.35, 0), (0.2, 1))),
        (False, ((0.75, 0), (0.6, 1))),
        (False, ((0, 0.35), (1, 0.35))),
        (False, ((0, 0.7), (1, 0.7))),
    ),
    "euro": (
        (True, ((0.9, 0.1), (0.5, 0), (0.2, 0.5), (0.5, 1), (0.9, 0.9))),
        (False, ((0, 0.4), (0.7, 0.4))),
        (False, ((0, 0.6), (0.65, 0.6))),
    ),
    "dollar": (
        (True, ((0.6, 0.15), (0.3, 0.1), (0.1, 0.3), (0.5, 0.6), (0.5, 0.85), (0.05, 0.85))),
        (False, ((0.35, 0), (0.3, 1))),
    ),
    "tick": ((False, ((0, 0.6), (0.3, 1), (0.9, 0))),),
    "cross": ((False, ((0, 0), (0.8, 1))), (False, ((0.8, 0.05), (0, 0.95)))),
    "arrow": ((False, ((0, 0.3), (1, 0.25))), (False, ((0.75, 0), (1, 0.25), (0.78, 0.55)))),
    "root": ((False, ((0, 0.6), (0.1, 0.5), (0.25, 1), (0.45, 0), (1, 0))),),
    "question": (
        (True, ((0, 0.2), (0.25, 0), (0.5, 0.2), (0.25, 0.5), (0.25, 0.72))),
        (False, ((0.24, 0.97), (0.27, 1))),
    ),
    "exclamation": ((False, ((0.02, 0), (0, 0.7))), (False, ((0, 0.97), (0.02, 1)))),
    "asterisk": (
        (False, ((0, 0.3), (0.9, 0.7))),
        (False, ((0.9, 0.3), (0, 0.7))),
        (False, ((0.45, 0), (0.45, 1))),
    ),
    "middot": ((False, ((0, 0), (0.1, 0.1))),),
    "sum": ((False, ((0.7, 0.08), (0.6, 0), (0, 0), (0.38, 0.5), (0, 1), (0.65, 1), (0.72, 0.9))),),
    "integral": (
        (True, ((0.42, 0.06), (0.33, 0), (0.24, 0.12), (0.2, 0.5), (0.16, 0.88), (0.08, 1), (0, 0.93))),
    ),
    "implies": (
        (False, ((0, 0.3), (1, 0.28))),
        (False, ((0, 0.55), (1, 0.55))),
        (False, ((0.8, 0), (1.15, 0.42), (0.8, 0.85))),
    ),
    "degree": ((True, ((0.5, 0), (0.1, 0.3), (0.4, 0.9), (0.9, 0.5), (0.5, 0))),),
    "bullet": ((True, ((0, 0), (0.1, 0.05), (0.05, 0.1), (0.0, 0.03))),),
    "infinity": (
        (
            True,
            (
                (0.5, 0.2),
                (0.2, 0),
                (0, 0.2),
                (0.2, 0.4),
                (0.5, 0.2),
                (0.8, 0),
                (1, 0.2),
                (0.8, 0.4),
                (0.5, 0.2),
            ),
        ),
    ),
    "at most": ((False, ((0.8, 0), (0, 0.35), (0.8, 0.65))), (False, ((0, 0.9), (0.8, 0.92)))),
    "at least": ((False, ((0, 0), (0.8, 0.35), (0, 0.65))), (False, ((0, 0.9), (0.8, 0.92)))),
    "pi": (
        (False, ((0, 0.05), (1, 0))),
        (False, ((0.3, 0.05), (0.22, 1))),
        (True, ((0.7, 0.05), (0.68, 0.85), (0.85, 0.95))),
    ),
    "ohm": (
        (
            True,
            ((0, 0.95), (0.33, 1), (0.08, 0.6), (0.15, 0.2), (0.5, 0), (0.85, 0.2), (0.92, 0.6), (0.67, 1)),
        ),
        (False, ((0.67, 1), (1, 0.97))),
    ),
    "delta": ((False, ((0, 1), (0.45, 0), (0.9, 1), (0, 1))),),
    "mu": (
        (True, ((0, 1.5), (0.12, 0.7), (0.15, 0))),
        (True, ((0.13, 0.6), (0.4, 1), (0.75, 0.6), (0.8, 0))),
        (True, ((0.78, 0.5), (0.8, 0.9), (1, 0.95))),
    ),
    "theta": (
        (True, ((0.35, 0), (0.05, 0.2), (0, 0.6), (0.25, 1), (0.6, 0.75), (0.65, 0.3), (0.35, 0))),
        (False, ((0.05, 0.5), (0.6, 0.48))),
    ),
    "phi": (
        (True, ((0.5, 0.2), (0.1, 0.3), (0.05, 0.65), (0.45, 0.8), (0.9, 0.6), (0.85, 0.3), (0.5, 0.2))),
        (False, ((0.6, 0), (0.4, 1))),
    ),
    "lambda": ((True, ((0, 0.05), (0.25, 0.05), (0.5, 0.5), (0.85, 1))), (False, ((0.45, 0.42), (0.02, 1)))),
    "alpha": ((True, ((1, 0.05), (0.7, 0.7), (0.3, 1), (0, 0.55), (0.25, 0.05), (0.6, 0.3), (1, 0.95))),),
    "beta": (
        (False, ((0.1, 0.2), (0, 1.4))),
        (True, ((0.1, 0.25), (0.35, 0), (0.6, 0.15), (0.55, 0.4), (0.2, 0.48))),
        (True, ((0.2, 0.48), (0.6, 0.55), (0.65, 0.85), (0.4, 1), (0.08, 0.95))),
    ),
    "star": ((False, ((0.2, 1), (0.5, 0), (0.8, 1), (0, 0.38), (1, 0.38), (0.2, 1))),),
    "heart": ((True, ((0.5, 0.3), (0.25, 0), (0, 0.3), (0.5, 1), (1, 0.3), (0.75, 0), (0.5, 0.3))),),
}
LOOKALIKE_SIGNS = ("slash", "open", "close", "exclamation", "comma", "question")
"""Signs that can be taken for a digit where they stand by themselves, as a slash can for a 1."""

SIGN_NAMES = {
    "+": "plus",
    "-": "minus",
    "=": "equals",
    "÷": "divide",
    "×": "times",
    "/": "slash",
    "(": "open",
    ")": "close",
    ".": "dot",
    ",": "comma",
    ":": "colon",
    "%": "percent",
    "#": "hash",
    "€": "euro",
    "$": "dollar",
    "✓": "tick",
    "✗": "cross",
    "→": "arrow",
    "√": "root",
    "?": "question",
    "!": "exclamation",
    "*": "asterisk",
    "·": "middot",
    "Σ": "sum",
    "∫": "integral",
    "⇒": "implies",
    "°": "degree",
    "•": "bullet",
    "∞": "infinity",
    "≤": "at most",
    "≥": "at least",
    "π": "pi",
    "Ω": "ohm",
    "Δ": "delta",
    "μ": "mu",
    "θ": "theta",
    "φ": "phi",
    "λ": "lambda",
    "α": "alpha",
    "β": "beta",
}
"""Signs that can be drawn, by the character that they are."""

WRITTEN_SIGNS = set("+-=/().,:%#$?!*")
"""Those of them that UNIPEN's writers wrote."""

ALONE = tuple(name for name in SYMBOLS if name not in LOOKALIKE_SIGNS)

OPERATORS = ("plus", "minus", "equals", "divide", "times", "slash", "open", "close", "root")


Exemplar = tuple[str, int]
"""One way to write a digit: whose, and which."""

SCRIPTS = {"mnist": 3.4, "unipen": 3.0, "font": 1.3, "europe": 0.9}
"""Whose digits a page has, by weight."""

FEWEST_LABELS = 7
"""Digits of which a writer must have written one, to write a page."""

MOST_EXEMPLARS = 4
"""Ways in which one hand writes one digit on a page."""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """How one hand writes.

    Attributes:
        source: whose digits it has.
        digits: for each label the ways in which this hand writes it.
        words: UNIPEN writer of its words, None for a font's.
        texts: UNIPEN writer of its lines of text, likewise.
        letters: UNIPEN writer of its single letters and signs, likewise.
        typeface: for what no writer wrote.
    """

    source: str
    digits: tuple[tuple[Exemplar, ...], ...]
    words: int | None
    texts: int | None
    letters: int | None
    typeface: Typeface


class GlyphBank:
    """Digits, letters and signs to write, of one split. Shapes are traced when first drawn, and kept.

    Args:
        images: digits, shape (n, 28, 28), uint8, white on black: MNIST's training images for the split
            "train", its test images for "test".
        labels: shape (n,), 0 to 9.
        letters: other characters, shape (m, rows, columns), uint8, dark on white; Omniglot's, of which only
            the alphabets of the split are taken, less those characters that look like digits.
        names: shape (m,), "alphabet/character01" and so on.
        split: which half of alphabets and stroke fonts to write with.
        hands: shape (n,), who wrote each digit; None where it is not known, and then each digit of a page is
            by another writer.
        writers: of letters, words and other digits.
        archive: photographed writing.

    Raises:
        UsageError: when there is not a label for each image or a name for each letter, or a digit is missing.
    """

    def __init__(
        self,
        images: ByteArray,
        labels: npt.NDArray[np.uint8],
        letters: ByteArray | None = None,
        names: npt.NDArray[np.str_] | None = None,
        *,
        split: Split = "train",
        hands: npt.NDArray[np.int64] | None = None,
        writers: Writers | None = None,
        archive: Archive | None = None,
    ) -> None:
        if len(images) != len(labels):
            raise UsageError(f"expected a label for each of the {len(images)} digits, found {len(labels)}")
        self.split = split
        self._images = images
        self._by_label = [np.flatnonzero(labels == label) for label in range(10)]
        missing = [str(label) for label, found in enumerate(self._by_label) if not len(found)]
        if missing:
            raise UsageError(f"expected images of all ten digits, found none of {', '.join(missing)}")
        self._letters = np.zeros((0, 1, 1), np.uint8)
        if letters is not None:
            if names is None or len(names) != len(letters):
                found = "no names" if names is None else f"{len(names)}"
                raise UsageError(f"expected a name for each of the {len(letters)} letters, found {found}")
            usable = [
                f"{alphabet}/character{number:02d}"
                for alphabet in ALPHABETS[split]
                for number in range(1, 60)
                if number not in LOOKALIKES[alphabet]
            ]
            self._letters = letters[np.isin(names, usable)]
        self.writers = writers
        self.archive = archive or Archive((), np.zeros((0, 1, 1), np.uint8))
        self._hands: list[list[list[int]]] = []  # writer, label, images
        if hands is not None:
            order = np.argsort(hands, kind="stable")
            cuts = np.flatnonzero(np.diff(hands[order])) + 1
            for own in np.split(order, cuts):
                by_label = [own[labels[own] == label].tolist() for label in range(10)]
                if sum(map(bool, by_label)) >= FEWEST_LABELS:
                    self._hands.append(by_label)
        self._shapes: dict[object, Shape | None] = {}
        self._handwriting = handwriting_fonts() if split == "train" else ()

    def digit(self, random: Random, label: int, *, own: bool = True) -> Shape:
        """A digit of this label, by some hand; `own` allows the European forms that MNIST has few of."""
        candidates = self._by_label[label]
        if own and self._handwriting and chance(random, FONT_DIGITS):
            return self.foreign_digit(random, label)
        if own and chance(random, VARIANT_SHARE.get(label, 0.0)):
            return _drawn(random, VARIANTS[label][random.integers(len(VARIANTS[label]))])
        while True:
            index = int(candidates[random.integers(len(candidates))])
            if index not in self._shapes:
                self._shapes[index] = trace(self._images[index])
            shape = self._shapes[index]
            if shape is not None:
                return shape

    def script(self, random: Random, *, european: bool) -> Script:
        """How some hand writes: its digits agree over a page, and its words are one writer's."""
        source = pick(random, SCRIPTS)
        writers = self.writers
        chosen: list[list[Exemplar]] = [[] for _ in range(10)]
        letters: int | None = None
        if source == "font" and self._handwriting:
            font = int(random.integers(len(self._handwriting)))
            chosen = [[("font", font)] for _ in range(10)]
        elif source == "unipen" and writers is not None:
            letters = _any(random, writers.digit_writers)
            chosen = [[("unipen", i) for i in writers.characters(letters, str(n))] for n in range(10)]
        elif source == "europe" and writers is not None and writers.europe:
            own = writers.europe[int(random.integers(len(writers.europe)))]
            chosen = [[("europe", i) for i in found] for found in own]
        else:
            source = "mnist"
        if self._hands:
            other = self._hands[int(random.integers(len(self._hands)))]
            for label in range(10):
                chosen[label] = chosen[label] or [("mnist", i) for i in other[label]]
        digits: list[tuple[Exemplar, ...]] = []
        for label, found in enumerate(chosen):
            variants = VARIANTS.get(label, ())
            share = VARIANT_SHARE.get(label, 0.0) if european and source == "mnist" else 0.0
            if variants and chance(random, share):
                found = [("variant", int(random.integers(len(variants))))]
            elif len(found) > 1:
                count = min(len(found), int(random.integers(1, MOST_EXEMPLARS + 1)))
                found = [found[i] for i in random.choice(len(found), count, replace=False)]
            digits.append(tuple(found))
        words = texts = None
        if writers is not None and chance(random, WRITTEN_SHARE):
            words = letters if letters in writers.word_writers else _any(random, writers.word_writers)
            texts = words if words in writers.text_writers else _any(random, writers.text_writers)
            if letters is None:
                letters = words if words in writers.letter_writers else _any(random, writers.letter_writers)
        joined = chance(random, 0.3)
        return Script(source, tuple(digits), words, texts, letters, self.typeface(random, joined=joined))

    def written(self, random: Random, script: Script, label: int) -> Shape:
        """A digit as this hand writes it."""
        ways = script.digits[label]
        if not ways:
            return self.digit(random, label)
        source, index = ways[int(random.integers(len(ways)))]
        if source == "variant":
            return _drawn(random, VARIANTS[label][index])
        if source == "font":
            return _bent(random, self._handwriting[index].shape(str(label)))
        if source == "unipen":
            assert self.writers is not None
            return self.writers.character(index)
        key: object = index if source == "mnist" else (source, index)
        if key not in self._shapes:
            assert source == "mnist" or self.writers is not None
            image = (
                self._images[index]
                if self.writers is None or source == "mnist"
                else self.writers.europe_images[index]
            )
            self._shapes[key] = trace(image)
        return self._shapes[key] or self.digit(random, label)

    def written_character(self, random: Random, script: Script, character: str) -> Shape:
        """A letter or a sign as this hand writes it."""
        name = SIGN_NAMES.get(character)
        if name is not None and (
            self.writers is None or character not in WRITTEN_SIGNS or chance(random, 0.3)
        ):
            return self.symbol(random, name)
        if self.writers is not None and (script.letters is not None or not character.isalpha()):
            found = self.writers.characters(script.letters, character) or self.writers.characters(
                None, character
            )
            if found:
                return self.writers.character(found[int(random.integers(len(found)))])
        return _bent(random, script.typeface.shape(character))

    def written_word(self, random: Random, script: Script) -> Word:
        """Some word in this hand's writing."""
        if self.writers is None or script.words is None:
            joined = script.typeface.joined
            return self.word(random, int(random.integers(2, 10)), script.typeface, joined=joined)
        found = self.writers.words[script.words]
        return self.writers.word("word", script.words, found[int(random.integers(len(found)))])

    def written_line(self, random: Random, script: Script) -> Word | None:
        """A line of text in this hand's writing; None when it has none."""
        if self.writers is None or script.texts is None:
            return None
        found = self.writers.texts[script.texts]
        return self.writers.word("text", script.texts, found[int(random.integers(len(found)))])

    def foreign_digit(self, random: Random, label: int) -> Shape:
        """A digit as it is written where MNIST was not: of a handwriting font where there are any."""
        if not self._handwriting:
            return self.digit(random, label)
        font = self._handwriting[random.integers(len(self._handwriting))]
        return _bent(random, font.shape(str(label)))

    def letter(self, random: Random) -> Shape:
        """A character that is no digit and cannot be taken for one."""
        if len(self._letters) and chance(random, 0.7):
            index = int(random.integers(len(self._letters)))
            key = ("letter", index)
            if key not in self._shapes:
                self._shapes[key] = trace(255 - self._letters[index])
            shape = self._shapes[key]
            if shape is not None:
                return shape
        return self.typeface(random).shape(LONE_LETTERS[random.integers(len(LONE_LETTERS))])

    def word(self, random: Random, count: int, font: Typeface, *, joined: bool) -> Word:
        """A word of so many letters in one hand; `joined`: each letter runs on into the next."""
        if joined and chance(random, 0.3):
            return _word_of(_scrawl(random, count))
        strokes: list[FloatArray] = []
        end = floats([0, 0])
        x, apart = 0.0, between(random, 0, 0.25) if joined else between(random, -0.03, 0.2)
        capitals = not joined and chance(random, 0.15)
        ambiguous: set[int] = set()
        if not joined and count >= LEAST_LETTERS and chance(random, 0.7):
            ambiguous.update(
                random.choice(count, int(random.integers(1, 1 + int(MOST_AMBIGUOUS * count))), False)
            )
        for i in range(count):
            letters = WORD_LETTERS if joined else AMBIGUOUS_LETTERS if i in ambiguous else PLAIN_LETTERS
            name = letters[random.integers(len(letters))]
            letter, advance = font.character(name if capitals or i == 0 else name.lower())
            change = floats(np.eye(2) + random.normal(0, 0.06, (2, 2)))
            moved = [stroke @ change + floats([x, random.normal(0, 0.02)]) for stroke in letter]
            points = np.concatenate(moved)
            start = points[points[:, 0].argmin()]
            if joined and i:
                strokes.append(smooth_curve(np.stack([end, (end + start) / 2 + floats([0, 0.05]), start])))
            end = points[points[:, 0].argmax()]
            strokes += moved
            x += advance + apart
        return _word_of(tuple(strokes))

    def typeface(self, random: Random, *, joined: bool = False) -> Typeface:
        """A font to write words with; `joined`: one whose letters run on into each other."""
        usual = stroke_fonts(self.split)
        fonts = self._handwriting if self._handwriting and chance(random, FONT_SHARE) else usual
        fonts = tuple(font for font in fonts if font.joined or not joined)
        return fonts[random.integers(len(fonts))]

    def symbol(self, random: Random, name: str | None = None) -> Shape:
        """A sign: an operator, punctuation, an arrow; any that can stand alone when it is not named."""
        return _drawn(random, SYMBOLS[name or ALONE[random.integers(len(ALONE))]])


def load_bank(
    folder: Path | None = None,
    split: Split = "train",
    *,
    digits: Digits | None = None,
    half: Half | None = None,
) -> GlyphBank:
    """The bank of a split from the data folder: MNIST and, where it is there, Omniglot.

    Args:
        folder: as `load_mnist` takes it; Omniglot is `real/nondigits_omniglot.npz` in it.
        split: "train" for MNIST's training images and the first half of the alphabets, "test" for the others.
        digits: those of the split to write with; None is all of them.
        half: of those who write digits, "first" or "last"; None is all of them.

    Raises:
        DataError: when MNIST is not there or damaged.
    """
    place = data_folder(folder)
    writers = load_writers(place, split) if place is not None else None
    archive = load_archive(place / WRITING, split) if place is not None else None
    known = mnist_writers(place / WRITING, split) if place is not None else np.zeros(0, np.uint16)
    hands: npt.NDArray[np.int64] | None = None
    if digits is None or len(known):
        mnist = load_mnist(folder)
        whole = mnist.train if split == "train" else mnist.test
        digits = whole if digits is None else digits
        if len(known):
            hands = _hands_of(digits.glyphs, whole.glyphs, known)
    if half is not None:
        digits, hands = _half_of(digits, hands, half)
        writers = None if writers is None else writers.half(half)
    letters = names = None
    if place is not None and (place / OMNIGLOT).is_file():
        with np.load(place / OMNIGLOT, allow_pickle=False) as arrays:
            letters, names = arrays["images"], arrays["labels"]
    return GlyphBank(
        digits.glyphs,
        digits.labels,
        letters,
        names,
        split=split,
        hands=hands,
        writers=writers,
        archive=archive,
    )


def _half_of(
    digits: Digits, hands: npt.NDArray[np.int64] | None, half: Half
) -> tuple[Digits, npt.NDArray[np.int64] | None]:
    """The digits of half of their writers; where these are not known, half of the digits."""
    of = np.arange(len(digits.labels)) if hands is None else hands
    mine = np.isin(of, np.unique(of)[HALVES[half]])
    return Digits(digits.glyphs[mine], digits.labels[mine]), None if hands is None else hands[mine]


def _hands_of(glyphs: ByteArray, whole: ByteArray, known: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
    """Who wrote each of some digits of MNIST; one that is not MNIST's has a writer of its own."""
    by_picture = {image.tobytes(): int(writer) for image, writer in zip(whole, known, strict=True)}
    found = [by_picture.get(image.tobytes(), -1 - i) for i, image in enumerate(glyphs)]
    return np.array(found, np.int64)


def _any(random: Random, writers: tuple[int, ...]) -> int | None:
    return writers[int(random.integers(len(writers)))] if writers else None


def _word_of(strokes: Strokes) -> Word:
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    return Word(shape_of(strokes), float((high - low).max()), -float(low[1]))


def _scrawl(random: Random, count: int) -> Strokes:
    """Cursive that nobody can read: loops, arches and long strokes in one line, on y = 0, 1 high at most."""
    t = np.linspace(0, count, 12 * count, dtype=np.float32)
    kinds = random.choice(np.array([(0.0, 0.5), (0.0, 1.0), (-0.5, 0.5)]), count + 1, p=[0.66, 0.2, 0.14])
    low, high = (np.interp(t, np.arange(count + 1), side) for side in kinds.T)
    turn = 2 * np.pi * t
    y = -(low + (high - low) * (1 - np.cos(turn)) / 2)
    loop = between(random, -0.25, 0.3) + 0.06 * np.sin(t * between(random, 0.5, 2))
    x = t * between(random, 0.35, 0.7) + loop * np.sin(turn)
    return (floats(np.stack([x, y], axis=1)),)


def _bent(random: Random, shape: Shape) -> Shape:
    """A font's character as it comes out this time: a little wider, skewed and bowed."""
    change = floats(np.eye(2) + random.normal(0, 0.06, (2, 2)))
    bow = floats(random.normal(0, 0.05, 2))
    return shape_of(
        tuple(points @ change + np.sin(np.pi * points[:, ::-1]) * bow for points in shape.strokes)
    )


def _drawn(random: Random, drawing: Drawing) -> Shape:
    """A shape from corner points, each of them put a little elsewhere."""
    strokes: list[FloatArray] = []
    for curved, corners in drawing:
        points = floats(corners)
        if len(points) > 2 or np.hypot(*(points[1] - points[0])) > 0.2:
            points = points + random.normal(0, 0.03, points.shape).astype(np.float32)
        if curved:
            strokes.append(smooth_curve(points))
        else:
            strokes.append(_lines(random, points))
    return shape_of(tuple(strokes))


def _lines(random: Random, corners: FloatArray) -> FloatArray:
    """Nearly straight lines from corner to corner."""
    t = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    pieces = []
    for start, end in itertools.pairwise(corners):
        across = (end - start)[::-1] * floats([-1, 1])
        pieces.append(
            start + t * (end - start) + t * (1 - t) * 4 * across * np.float32(between(random, -0.05, 0.05))
        )
    return np.concatenate(pieces).astype(np.float32)
