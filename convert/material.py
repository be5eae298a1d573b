"""What a network is calibrated and proven with: digits, or a user's own pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from convert.formats import SCENES
from convert.original import Original
from convert.ready import OriginalFile
from edge.classifier import stretched
from edge.errors import UsageError
from edge.page_file import load_page, open_page
from edge.planes import to_grey
from edge.recognizer import find
from edge.sources.images import IMAGE_SUFFIXES, read_picture
from edge.types import ByteArray, FloatArray
from training.dataset import Digits, load_mnist, split
from training.harvest import load_scene_glyphs

MNIST = "mnist-test"
HELD_OUT, PICTURES = "mnist-validation", "pictures"
HALF, OTHER_HALF = "mnist-test-half", "mnist-test-other-half"

SHOWN = 2000
"""Glyphs or pictures, at most, that show the quantizer the range of every activation."""

MOST_BYTES = 256 << 20
"""Of a user's pictures, brought to the size of the network's input; of more, evenly spread ones are taken."""

MOST_FLOATS = 64 << 20
"""Of the pictures shown to the quantizer, all of which it takes at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures(Digits):
    """Labelled pictures of anything.

    Attributes:
        glyphs: shape (n, rows, columns) or (n, rows, columns, 3) BGR, uint8.
        labels: the number of each in the list of labels, from 0.
        classes: how many labels there are.
    """

    classes: int = field(kw_only=True)

    def __getitem__(self, which: slice | np.ndarray) -> Pictures:
        return Pictures(self.glyphs[which], self.labels[which], classes=self.classes)

    @property
    def is_digit(self) -> npt.NDArray[np.bool_]:
        """All of them: each is one of the labels."""
        return np.ones(len(self), bool)

    @property
    def targets(self) -> FloatArray:
        """What a network should say, shape (n, classes)."""
        return np.eye(self.classes, dtype=np.float32)[self.labels]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a network is calibrated and proven with.

    Attributes:
        shown: what shows the quantizer the range of every activation.
        sets: labelled glyphs or pictures that the network is asked, by name.
        tests: names of the sets whose accuracies are told; the limits hold for the first.
        calibrating: name of the set that temperature and thresholds come from.
        known: where the known answers come from.
    """

    shown: ByteArray
    sets: Mapping[str, Digits]
    tests: tuple[str, ...]
    calibrating: str
    known: Digits


def of_digits(
    run: Path,
    *,
    limit: int | None,
    seed: int,
    data: Path | None,
    calibrate: Path | None,
    foreign: bool = False,
) -> Material:
    """MNIST, and the glyphs of drawn scenes that the run has kept, where there are some.

    What a foreign network learned from is not known; likely it was all of MNIST's training digits. So its
    temperature and thresholds come from every second test digit, and it is proven on the others.

    Args:
        run: folder of the run, or of the network's file.
        limit: how many of MNIST's training digits the run used; None is all.
        seed: of the run: which of them it did not learn from.
        data: as `training.dataset.load_mnist` takes it.
        calibrate: pictures of handwriting to calibrate with, instead of what the run learned from.
        foreign: whether the network was trained elsewhere.

    Raises:
        DataError: when there is no MNIST.
        UsageError: when no digit is found on the pictures.
    """
    mnist = load_mnist(data)
    scenes_train, scenes = load_scene_glyphs(run)
    train, validation = split(mnist.train[:limit], seed)
    shown = glyphs_on(calibrate) if calibrate else (train + scenes_train).glyphs
    if len(scenes):
        sets = {MNIST: mnist.test, SCENES: scenes}
        return Material(spread(shown, SHOWN), sets, (MNIST, SCENES), SCENES, validation)
    if foreign:
        proof, others = mnist.test[1::2], mnist.test[::2]
        return Material(spread(shown, SHOWN), {HALF: proof, OTHER_HALF: others}, (HALF,), OTHER_HALF, others)
    return Material(
        spread(shown, SHOWN), {MNIST: mnist.test, HELD_OUT: validation}, (MNIST,), HELD_OUT, validation
    )


def of_pictures(original: Original | OriginalFile, test: Path, *, calibrate: Path | None) -> Material:
    """A user's labelled pictures: every second one is for the proof, the others calibrate.

    Args:
        original: the network.
        test: holds a folder of pictures for each label.
        calibrate: pictures to calibrate with, instead of those others.

    Raises:
        UsageError: when a label has fewer than two pictures.
        ImageError: when one of them is no picture.
    """
    pictures = _labelled(original, test)
    proof, others = pictures[1::2], pictures[::2]
    shown = (
        np.stack([_brought_to(original.shape, image) for image in _images(_some_files(calibrate))])
        if calibrate
        else others.glyphs
    )
    most = max(1, MOST_FLOATS // int(np.prod(original.shape)))
    return Material(
        spread(shown, min(SHOWN, most)),
        {PICTURES: proof, "calibration": others},
        (PICTURES,),
        "calibration",
        others,
    )


def glyphs_on(folder: Path) -> ByteArray:
    """The glyphs of all that may be a digit on pictures, as the reader cuts it out, shape (n, 28, 28).

    Raises:
        UsageError: when there are none.
        ImageError: when a file is no picture.
    """
    page, files = load_page(), _some_files(folder)
    network = open_page(page)
    glyphs = [
        glyph
        for image in _images(files)
        for glyph in find(network, to_grey(image), least=page.card.least).glyphs
    ]
    if not glyphs:
        raise UsageError(f"edge finds no digits on the {len(files)} pictures in {folder}: take others")
    return np.array(glyphs)


def _labelled(original: Original | OriginalFile, folder: Path) -> Pictures:
    paths = [_files(folder / label) for label in original.labels]
    few = [label for label, files in zip(original.labels, paths, strict=True) if len(files) < 2]
    if few:
        raise UsageError(
            f"{folder} must hold a folder with two or more pictures for each label, but has not for "
            f"{', '.join(few[:10])}"
        )
    each = max(2, MOST_BYTES // (int(np.prod(original.shape)) * len(paths)))
    taken = [spread(np.array(files), each) for files in paths]
    pictures = [_brought_to(original.shape, image) for files in taken for image in _images(list(files))]
    # Labels may be thousands; those of digits fit into a byte.
    labels: np.ndarray = np.repeat(np.arange(len(paths)), [len(files) for files in taken])
    return Pictures(np.stack(pictures), labels, classes=len(paths))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _some_files(folder: Path) -> list[Path]:
    files = _files(folder)
    if not files:
        raise UsageError(
            f"no pictures in {folder}: expected files that end in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return files


def _images(files: list[Path]) -> Iterator[ByteArray]:
    for file in files:
        yield read_picture(file)


def _brought_to(shape: tuple[int, int, int], image: ByteArray) -> ByteArray:
    """A picture of the size that a network takes, in grey (rows, columns) or BGR (rows, columns, 3)."""
    rows, columns, channels = shape
    if channels == 1:
        image = to_grey(image)
    elif image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return stretched(image, rows, columns)


def spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many, evenly spread."""
    chosen: np.ndarray = values[np.linspace(0, len(values) - 1, min(len(values), most)).astype(int)]
    return chosen
