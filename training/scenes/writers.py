"""Writers: letters, signs, words and lines of text as pen strokes, each with who wrote it.

They come from the folder `writing` of the data: UNIPEN's strokes and who wrote
each digit of MNIST. What a hand writes on a page is all by one of them. One writer in eight, and one word in
eight, is kept for tests.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge.types import ByteArray, FloatArray
from training.dataset import data_folder
from training.scenes.draws import Random, floats
from training.scenes.shapes import Shape, Strokes, Word, rounded, shape_of
from training.scenes.typefaces import Split

WRITING = Path("writing")
HELD_OUT = 8  # one in so many writers and words is for tests
FEWEST_DIGITS = 7  # labels that a writer must have written to write a page's digits
FEWEST_WORDS = 20  # words that a writer must have written to write a page's words
LONGEST_TEXT = 80  # characters of a line of text
ASCENDING = set("bdfhklt0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!?()/&")
DESCENDING = set("gjpqy")
ZONES = {(False, False): 0.55, (True, False): 1.0, (False, True): 0.9, (True, True): 1.35}
"""Height of a word in heights of a capital, by whether it has ascenders and descenders."""
BELOW = 0.35
"""How far descenders go below the line, in heights of a capital."""
OPTDIGITS = Path("real", "digits_optdigits32.npz")
OPTDIGITS_WRITERS = 30  # of its training digits; the 13 others are for measuring

Half = Literal["first", "last"]
HALVES: dict[Half, slice] = {"first": slice(0, None, 2), "last": slice(1, None, 2)}
"""Of the writers of a split: what is fitted on the one half is measured on the other."""


def held_out(name: str) -> bool:
    """True for the one in eight writers or words that training never sees."""
    return zlib.crc32(name.lower().encode()) % HELD_OUT == 0


class Strokebook:
    """Samples of handwriting as pen strokes.

    Args:
        path: an .npz file as `writing/README.md` of the data describes it.

    Attributes:
        labels: what each sample says.
        writers: shape (n,), who wrote it.
        agree: shape (n,), whether what it says is to be trusted.
        widths: shape (n,), of its box, in the tablet's units.
        heights: likewise.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self._steps = np.stack([arrays["dx"], arrays["dy"]], axis=1)
            self._ends = np.cumsum(arrays["stroke_len"].astype(np.int64))
            self._last = np.cumsum(arrays["n_strokes"].astype(np.int64))
            self.labels: list[str] = [str(label) for label in arrays["label"]]
            self.writers: npt.NDArray[np.int64] = arrays["writer"].astype(np.int64)
            agree = arrays["agree_loose"] if "agree_loose" in arrays else np.ones(len(self.writers))
        self.agree: npt.NDArray[np.bool_] = np.asarray(agree) > 0
        stops = self._ends[self._last - 1]
        starts = np.concatenate([[0], stops[:-1]])
        at = np.cumsum(self._steps, axis=0, dtype=np.int64)
        at -= np.repeat(at[starts] - self._steps[starts], stops - starts, axis=0)
        extent = np.maximum.reduceat(at, starts) - np.minimum.reduceat(at, starts)
        self.widths: npt.NDArray[np.int64] = extent[:, 0]
        self.heights: npt.NDArray[np.int64] = extent[:, 1]

    def strokes(self, index: int) -> Strokes:
        """The strokes of a sample, in the tablet's units."""
        first = int(self._last[index - 1]) if index else 0
        low = int(self._ends[first - 1]) if first else 0
        last = int(self._last[index])
        points = np.cumsum(self._steps[low : self._ends[last - 1]], axis=0, dtype=np.float32)
        parts = np.split(points, self._ends[first : last - 1] - low)
        return tuple(rounded(floats(part)) if len(part) > 1 else _dot(part) for part in parts if len(part))


def _dot(point: npt.ArrayLike) -> FloatArray:
    return floats(np.concatenate([np.asarray(point), np.asarray(point) + 1]))


class Writers:
    """Who can write on the pages of a split, and what.

    Args:
        folder: with the folder `unipen` and the others.
        split: which half of the writers and words.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        test = split == "test"
        chars = Strokebook(folder / "unipen" / "chars.npz")
        self._chars = chars
        self._words = Strokebook(folder / "unipen" / "words.npz")
        self._texts = Strokebook(folder / "unipen" / "texts.npz")
        mine = {
            int(writer): held_out(f"writer {writer}") == test
            for book in (chars, self._words, self._texts)
            for writer in np.unique(book.writers)
        }
        self._by_writer: dict[int, dict[str, list[int]]] = {}
        self._by_label: dict[str, list[int]] = {}
        for index, (label, writer) in enumerate(zip(chars.labels, chars.writers.tolist(), strict=True)):
            if chars.agree[index] and mine[writer]:
                self._by_writer.setdefault(writer, {}).setdefault(label, []).append(index)
                self._by_label.setdefault(label, []).append(index)
        digits = {w: sum(str(i) in found for i in range(10)) for w, found in self._by_writer.items()}
        self.digit_writers: tuple[int, ...] = tuple(w for w, n in digits.items() if n >= FEWEST_DIGITS)
        self.letter_writers: tuple[int, ...] = tuple(
            w for w, found in self._by_writer.items() if sum(label.isalpha() for label in found) >= 20
        )
        self._capital: dict[tuple[str, int], float] = {}
        self.words: dict[int, list[int]] = self._readable(self._words, mine, test, "word")
        self.texts: dict[int, list[int]] = self._readable(self._texts, mine, test, "text")
        self.word_writers: tuple[int, ...] = tuple(
            w for w, found in self.words.items() if len(found) >= FEWEST_WORDS
        )
        self.text_writers: tuple[int, ...] = tuple(w for w, found in self.texts.items() if len(found) >= 6)
        self.europe_images: ByteArray = np.zeros((0, 32, 32), np.uint8)
        self.europe: list[list[list[int]]] = []
        if (folder.parent / OPTDIGITS).is_file():
            self._read_optdigits(folder.parent / OPTDIGITS, test)

    def half(self, half: Half) -> Writers:
        """The same, of whose writers of digits only half are there."""
        other = copy.copy(self)
        other.digit_writers = self.digit_writers[HALVES[half]]
        other.europe = self.europe[HALVES[half]]
        return other

    def _read_optdigits(self, path: Path, test: bool) -> None:
        """The digits of the writers whom training may see, by writer and label.

        The set tells no writers, but its digits of each label are in the order of the 30 that wrote them.
        """
        with np.load(path, allow_pickle=False) as arrays:
            ours = arrays["split"] == "trainingDigits"
            self.europe_images, labels = arrays["images"][ours], arrays["labels"][ours]
        by_label = [np.array_split(np.flatnonzero(labels == label), OPTDIGITS_WRITERS) for label in range(10)]
        for writer in range(OPTDIGITS_WRITERS):
            own = [groups[writer].tolist() for groups in by_label]
            if held_out(f"optdigits {writer}") == test and sum(map(bool, own)) >= FEWEST_DIGITS:
                self.europe.append(own)

    def _readable(
        self, book: Strokebook, mine: Mapping[int, bool], test: bool, kind: str
    ) -> dict[int, list[int]]:
        """Words or lines of text by writer: without digits, of a possible size, of this split."""
        zones = np.array([_zone(label) for label in book.labels])
        unit = book.heights / zones
        found: dict[int, list[int]] = {}
        for writer in np.unique(book.writers).tolist():
            if not mine[writer]:
                continue
            own = np.flatnonzero(book.writers == writer)
            capital = float(np.median(unit[own]))
            self._capital[kind, writer] = max(capital, 1.0)
            for index in own.tolist():
                label = book.labels[index]
                fits = 0.55 * capital < unit[index] < 1.8 * capital
                # A letter is a quarter to two capitals wide; else lines stand below each other.
                apart = 0.2 * capital < book.widths[index] / max(len(label), 1) < 1.6 * capital
                if not fits or not apart or any(c.isdigit() for c in label):
                    continue
                if kind == "word" and (
                    len(label) < 2 or not label[0].isalpha() or held_out(f"word {label}") != test
                ):
                    continue
                if kind == "text" and not 8 <= len(label) <= LONGEST_TEXT:
                    continue
                found.setdefault(writer, []).append(index)
        return found

    @functools.cached_property
    def _shapes(self) -> dict[tuple[str, int], Shape]:
        return {}

    def characters(self, writer: int | None, label: str) -> list[int]:
        """The samples of a character by a writer, by all where it is None; none when there are none."""
        if writer is None:
            return self._by_label.get(label, [])
        return self._by_writer.get(writer, {}).get(label, [])

    def character(self, index: int) -> Shape:
        """A sample of a character."""
        if ("char", index) not in self._shapes:
            self._shapes["char", index] = shape_of(self._chars.strokes(index))
        return self._shapes["char", index]

    def word(self, kind: str, writer: int, index: int) -> Word:
        """A sample of a word or a line of text, sized by how large its writer writes."""
        book = self._words if kind == "word" else self._texts
        capital = self._capital[kind, writer]
        key = (kind, index)
        if key not in self._shapes:
            self._shapes[key] = shape_of(book.strokes(index))
        shape = self._shapes[key]
        size = max(book.widths[index], book.heights[index]) / capital
        below = BELOW if set(book.labels[index]) & DESCENDING else 0.0
        return Word(shape, float(size), float(shape.height * size - below))

    def any_word(self, random: Random) -> str:
        """What any of the words says."""
        writer = self.word_writers[int(random.integers(len(self.word_writers)))]
        found = self.words[writer]
        return self._words.labels[found[int(random.integers(len(found)))]]

    def text_of(self, kind: str, index: int) -> str:
        """What a word or a line of text says."""
        return (self._words if kind == "word" else self._texts).labels[index]


def _zone(label: str) -> float:
    letters = set(label)
    return ZONES[bool(letters & ASCENDING), bool(letters & DESCENDING)]


def mnist_writers(folder: Path, split: Split) -> npt.NDArray[np.uint16]:
    """Who wrote each digit of MNIST's split, in its order; shape (n,), or (0,) where it is not known."""
    path = folder / "mnist_writers" / "mnist_writers.npz"
    if not path.is_file():
        return np.zeros(0, np.uint16)
    with np.load(path, allow_pickle=False) as arrays:
        writers: npt.NDArray[np.uint16] = arrays[f"{split}_writer"]
    return writers


@functools.cache
def load_writers(folder: Path, split: Split) -> Writers | None:
    """The writers of a split from `writing` in the data folder; None, said once, where it is not there."""
    writing = folder / WRITING
    if not (writing / "unipen" / "chars.npz").is_file():
        print(
            f"no handwriting in {writing}: pages will be of fonts and of MNIST's digits alone",
            file=sys.stderr,
        )
        return None
    return Writers(writing, split)


LEARNED_FROM = (
    "unipen/chars.npz",
    "unipen/words.npz",
    "unipen/texts.npz",
    "dhsd/words.npz",
    "mnist_writers/mnist_writers.npz",
    "testaments/lines.json",
)
"""Files of `writing` that pages are drawn from, besides pictures."""


def writing_digest(folder: Path | None) -> dict[str, str]:
    """SHA-256 of each file of handwriting that pages are drawn from; nothing where there is none.

    Args:
        folder: of the data, as `training.dataset.load_mnist` takes it.
    """
    folder = data_folder(folder)
    if folder is None:
        return {}
    paths = {name: folder / WRITING / name for name in LEARNED_FROM}
    return {
        f"writing/{name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in paths.items()
        if path.is_file()
    }
