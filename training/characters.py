"""Sets of single characters that other people wrote."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.types import ByteArray
from training.dataset import DIGESTS, NOT_A_DIGIT, DataError, Digits, data_folder
from training.scenes.bank import ALPHABETS, LOOKALIKES, OMNIGLOT
from training.scenes.typefaces import fonts_digest
from training.scenes.writers import writing_digest

DIGITS_PATTERN, OTHERS_PATTERN = "digits_*.npz", "nondigits_*.npz"
"""Names of the files: digits with their labels, and characters that are none.

Each holds `images` (n, rows, columns) uint8, `labels` (n,), and `ink`, which says "dark on …" or "white on
black"."""

OPTDIGITS = Path("real", "digits_optdigits32.npz")
"""In the folder of the data, UCI's Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998; CC
BY 4.0): 43 writers in Istanbul, whose ones and sevens MNIST has few of. Its array `split` says
"trainingDigits" for 30 writers, to learn from, or "testDigits" for the 13 others."""

LARGEST = 2000
"""Characters taken of a set, by chance but always the same: no set should outweigh all others."""

SIDE = 96
"""Pixels of the longer side that a picture is brought to: a digit as large as cameras often see it."""

MARGIN = 96
"""Pixels of paper put around it: ink that fills a picture is no digit to edge."""


@dataclass(frozen=True, slots=True, eq=False)
class CharacterSet:
    """One set: pictures that hold one character each.

    Attributes:
        name: of its file.
        pictures: shape (n, rows, columns), uint8.
        labels: what the characters are, shape (n,), uint8: `NOT_A_DIGIT` where it is no digit.
        cut_out: whether the pictures are white ink on black, cut out by whoever made the set; else they show
            paper.
    """

    name: str
    pictures: ByteArray
    labels: ByteArray
    cut_out: bool

    def __len__(self) -> int:
        return len(self.labels)

    def pages(self) -> Iterator[ByteArray]:
        """Each picture in the middle of a page of its own paper, as large as a camera may see it."""
        for picture in self.pictures:
            border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
            scale = SIDE / max(picture.shape)
            large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            page = np.full([length + 2 * MARGIN for length in large.shape], np.median(border), np.uint8)
            page[MARGIN:-MARGIN, MARGIN:-MARGIN] = large
            yield page


def load_optdigits(folder: Path | None) -> Digits:
    """The digits of those writers of optdigits that training may see; none where the set is not there.

    Args:
        folder: as `training.dataset.load_mnist` takes it.

    Raises:
        DataError: when the file cannot be read.
    """
    folder = data_folder(folder)
    if folder is None or not (folder / OPTDIGITS).is_file():
        return Digits(np.zeros((0, GLYPH_SIZE, GLYPH_SIZE), np.uint8), np.zeros(0, np.uint8))
    arrays = _read(folder / OPTDIGITS, "images", "labels", "split")
    ours = arrays["split"] == "trainingDigits"
    glyphs = np.stack([to_glyph(image) for image in arrays["images"][ours]])
    return Digits(glyphs, arrays["labels"][ours].astype(np.uint8))


def material_digests(folder: Path | None) -> dict[str, str]:
    """SHA-256 of each file that pages are drawn from, and of the list of fonts.

    Args:
        folder: of the data, as `training.dataset.load_mnist` takes it.

    Raises:
        DataError: when one cannot be read.
    """
    return {**DIGESTS, **fonts_digest(), **optdigits_digest(folder), **writing_digest(folder)}


def optdigits_digest(folder: Path | None) -> dict[str, str]:
    """Its name and the SHA-256 of its pictures, decompressed; empty where the set is not there.

    Raises:
        DataError: when the file cannot be read.
    """
    folder = data_folder(folder)
    if folder is None or not (folder / OPTDIGITS).is_file():
        return {}
    images = _read(folder / OPTDIGITS, "images")["images"]
    return {f"{OPTDIGITS.stem}, images": hashlib.sha256(images.tobytes()).hexdigest()}


def _read(path: Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}; expected the arrays {', '.join(names)}") from error


def load_character_sets(folder: Path, pattern: str) -> list[CharacterSet]:
    """The sets in a folder, by name.

    Of Omniglot only the alphabets are taken that training does not see, without those characters that anybody
    would read as a digit, and of optdigits only the writers that it does not see.

    Args:
        folder: holds the files.
        pattern: `DIGITS_PATTERN` or `OTHERS_PATTERN`.

    Raises:
        DataError: when a file cannot be read or is not such a set.
    """
    return [_load(path, pattern == DIGITS_PATTERN) for path in sorted(folder.glob(pattern))]


def _load(path: Path, are_digits: bool) -> CharacterSet:
    arrays = _read(path, "images", "labels", "ink")
    pictures, labels, ink = arrays["images"], arrays["labels"], str(arrays["ink"])
    if pictures.ndim != 3 or pictures.dtype != np.uint8 or labels.shape != pictures.shape[:1]:
        raise DataError(
            f"{path}: expected images (n, rows, columns) uint8 with as many labels, found {pictures.shape} "
            f"{pictures.dtype} with {labels.shape}"
        )
    if path.name == OMNIGLOT.name:
        kept = np.array([_is_test(name) for name in labels], bool)
        pictures, labels = pictures[kept], labels[kept]
    if path.name == OPTDIGITS.name:
        kept = _read(path, "split")["split"] == "testDigits"
        pictures, labels = pictures[kept], labels[kept]
    taken = np.sort(np.random.default_rng(0).permutation(len(pictures))[:LARGEST])
    known = labels[taken].astype(np.uint8) if are_digits else np.full(len(taken), NOT_A_DIGIT, np.uint8)
    return CharacterSet(path.stem, pictures[taken], known, cut_out=ink.startswith("white on black"))


def _is_test(name: str) -> bool:
    """Whether a character, "alphabet/character01", is kept from training and cannot be taken for a digit."""
    alphabet, _, character = name.partition("/")
    return alphabet in ALPHABETS["test"] and int(character[-2:]) not in LOOKALIKES[alphabet]
