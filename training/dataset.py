"""MNIST, found or downloaded, and checked by the SHA-256 of its contents."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import EdgeError
from edge.model_file import DIGITS
from edge.preprocess import GLYPH_SIZE
from edge.types import ByteArray, FloatArray

DATA_VARIABLE = "DIGITCAM_DATA"
"""Environment variable: a folder that holds `mnist/`."""

DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the decompressed contents of MNIST's four IDX files."""

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
"""The mirror that Keras itself uses: the same four arrays in one file."""

_ARRAYS = dict(zip(DIGESTS, ("x_train", "y_train", "x_test", "y_test"), strict=True))

VALIDATION_SHARE = 10
"""One training image in ten is for model selection: 54,000 and 6,000."""


NOT_A_DIGIT = 10
"""Label of a glyph that is no digit; MNIST has none, scenes do."""


class DataError(EdgeError, ValueError):
    """A data set that is missing, damaged or not what it should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Glyphs and what they are.

    Attributes:
        glyphs: shape (n, 28, 28), uint8, white ink on black.
        labels: shape (n,), uint8: 0 to 9, or `NOT_A_DIGIT`.
    """

    glyphs: ByteArray
    labels: ByteArray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | np.ndarray) -> Digits:
        return Digits(self.glyphs[which], self.labels[which])

    def __add__(self, other: Digits) -> Digits:
        return Digits(
            np.concatenate([self.glyphs, other.glyphs]), np.concatenate([self.labels, other.labels])
        )

    def repeated(self, times: int) -> Digits:
        """The same, so many times."""
        return self[np.tile(np.arange(len(self)), times)]

    @property
    def is_digit(self) -> npt.NDArray[np.bool_]:
        """Which are digits, shape (n,)."""
        digits: npt.NDArray[np.bool_] = self.labels != NOT_A_DIGIT
        return digits

    @property
    def targets(self) -> FloatArray:
        """What a network should say, shape (n, 10): all of a digit, and a tenth of each for what is none."""
        truth = np.concatenate([np.eye(DIGITS), np.full((1, DIGITS), 1 / DIGITS)])
        return truth.astype(np.float32)[self.labels]


@dataclass(frozen=True, slots=True, eq=False)
class Mnist:
    """MNIST's 60,000 training and 10,000 test images."""

    train: Digits
    test: Digits


def data_folder(folder: Path | None) -> Path | None:
    """`folder`, else the one that $DIGITCAM_DATA names, else None."""
    if folder is None and DATA_VARIABLE in os.environ:
        return Path(os.environ[DATA_VARIABLE])
    return folder


def load_mnist(folder: Path | None = None) -> Mnist:
    """MNIST from `folder`, else from $DIGITCAM_DATA, else from Keras' cache, else downloaded to it.

    Args:
        folder: holds the four IDX files, with or without gzip, or Keras' `mnist.npz`; or has a folder `mnist`
            that does.

    Raises:
        DataError: when it is not there, cannot be downloaded, or its contents are not MNIST's. A file of the
            cache that is damaged is deleted; your own are left alone.
    """
    folder = data_folder(folder)
    if folder is None:
        path = _download()
        try:
            return _checked(_read_npz(path), path)
        except DataError as error:
            path.unlink(missing_ok=True)
            raise DataError(f"{error}; it was deleted: try again to download it anew") from error
    for place in (folder, folder / "mnist"):
        if (place / "mnist.npz").is_file():
            return _checked(_read_npz(place / "mnist.npz"), place / "mnist.npz")
        if any(_idx_path(place, name) for name in DIGESTS):
            return _checked({name: _read_idx(place, name) for name in DIGESTS}, place)
    raise DataError(
        f"no MNIST in {folder}: expected mnist.npz or {', '.join(f'{name}.gz' for name in DIGESTS)}, "
        f"there or in a folder mnist; without --data and ${DATA_VARIABLE} it is downloaded"
    )


def split(digits: Digits, seed: int) -> tuple[Digits, Digits]:
    """Part digits 9:1 by chance into those to learn from and those to select a model with.

    Args:
        digits: MNIST's training images; their order is kept in both parts.
        seed: the same seed gives the same parts.
    """
    chosen = np.zeros(len(digits), bool)
    chosen[np.random.default_rng(seed).permutation(len(digits))[: len(digits) // VALIDATION_SHARE]] = True
    return digits[~chosen], digits[chosen]


def _download() -> Path:
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):  # it draws a progress bar
            return Path(keras.utils.get_file(origin=ORIGIN))
    except Exception as error:  # get_file raises bare Exception
        raise DataError(
            f"cannot download MNIST: {error}; put its four files into a folder and name it with --data"
        ) from error


def _idx_path(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _read_idx(folder: Path, name: str) -> bytes:
    path = _idx_path(folder, name)
    if path is None:
        raise DataError(f"{folder / name}.gz is missing")
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _read_npz(path: Path) -> dict[str, bytes]:
    """The arrays of `mnist.npz` as the contents of the IDX files they were made from."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return {name: _idx_header(arrays[key]) + arrays[key].tobytes() for name, key in _ARRAYS.items()}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _idx_header(array: np.ndarray) -> bytes:
    """Type 8 (unsigned byte), number of axes, length of each: big-endian, as the MNIST page describes it."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)


def _checked(contents: dict[str, bytes], where: Path) -> Mnist:
    for name, expected in DIGESTS.items():
        found = hashlib.sha256(contents[name]).hexdigest()
        if found != expected:
            raise DataError(
                f"{name} in {where} is not MNIST's: SHA-256 of its contents is {found}, expected {expected}"
            )
    arrays = []
    for name in DIGESTS:
        images = "images" in name
        pixels = np.frombuffer(contents[name], np.uint8, offset=16 if images else 8)
        arrays.append(pixels.reshape(-1, GLYPH_SIZE, GLYPH_SIZE) if images else pixels)
    return Mnist(Digits(arrays[0], arrays[1]), Digits(arrays[2], arrays[3]))
