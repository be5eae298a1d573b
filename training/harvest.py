"""Scenes -> glyphs: what the camera path hands the classifier, with what it truly is.

Digits come out with the breaks, merged neighbours and remains of ruling that segmentation leaves; what is no
digit (letters, fragments, merged pairs, shadows) comes out too, for the classifier to learn to be unsure of.
"""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge.errors import UsageError
from edge.files import write_whole
from edge.ink import InkMarker
from edge.parting import SLIMMEST, runs, strips
from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.segment import Marker, segment, to_grey
from edge.types import Ink
from training.dataset import NOT_A_DIGIT, Digits
from training.scenes import GlyphBank, Scene, draw_scene, load_bank
from training.workers import mapped

GLYPHS = "scene-glyphs.npz"
"""In a run folder: what was harvested for it."""

PARTS, ARRAYS = ("train", "validation"), ("glyphs", "labels", "marked")

WORKERS = 2
"""Processes that draw scenes and read them."""

LIKE_1 = 0.3
"""Share kept of what is no digit but as slim as a 1: nobody can tell it from one by itself, and to learn that
it is none costs the ones their confidence."""

VIEWS = 3
"""Ways, at most, in which the same digit was found and cut out that are kept."""

MOST_OTHERS = 8
"""Pieces of a scene, at most, that are kept of what is no digit."""

SIGNS = 3
"""Letters and signs that are written alone for each scene."""

LETTERS = 0.8
"""Share of letters among them."""

FOREIGN = 2
"""Digits of hands that MNIST has few of, likewise."""

CANVAS, PENS = 96, (3, 15)
"""Pixels of the picture that each is written in, both ways, and the range of the pen's width in it."""

WHOLE = 0.75
"""A piece is a digit when it holds at least this share of its ink, and of the digits' ink that it holds at
least this share is that one's."""

PART = 0.35
"""A piece that holds less than this share of every digit is none, and so is one that holds more of two."""

IGNORED = 0.2
"""A piece of which more than this share lies where nothing should be asked is left out."""


def harvest(scene: Scene, mark: Marker, random: np.random.Generator) -> Digits:
    """The glyphs that edge finds in a scene and those that it tries, and what each is.

    Args:
        scene: a picture and its truth.
        mark: finds the ink.
        random: chooses among the ways in which the same digit was found, and among what is no digit.

    Returns:
        Glyphs with their labels, `NOT_A_DIGIT` among them; pieces between digit and no digit are left out.
    """
    whole = np.bincount(scene.instances.ravel(), scene.ink.ravel()).astype(np.float64)
    found = segment(to_grey(scene.image), mark)
    views: dict[int, list[Ink]] = {digit.instance: [] for digit in scene.digits}
    others: list[Ink] = []
    height = float(np.median([digit.box.height for digit in scene.digits] or [scene.image.shape[0]]))
    for ink in found.marked + found.doubted(()) + found.again(()):
        splinters: list[Ink] = []
        lines = strips(ink, height)
        for piece in [ink, *lines, *(run.ink for line in (ink, *lines) for run in runs(line))]:
            instance = _instance(scene, piece, whole)
            if instance:
                views[instance].append(piece)
            elif instance == 0 and (not _like_1(piece) or random.random() < LIKE_1):
                (others if piece is ink else splinters).append(piece)
        if splinters:
            others.append(splinters[random.integers(len(splinters))])
    labels = {digit.instance: digit.label for digit in scene.digits}
    kept = [(piece, labels[key]) for key, seen in views.items() for piece in _some(seen, VIEWS, random)]
    kept += [(piece, NOT_A_DIGIT) for piece in _some(others, MOST_OTHERS, random)]
    glyphs = np.array([to_glyph(piece.pixels) for piece, _ in kept], np.uint8)
    return Digits(
        glyphs.reshape(-1, GLYPH_SIZE, GLYPH_SIZE),
        np.array([label for _, label in kept], np.uint8),
        np.array([piece.marked for piece, _ in kept], np.float32),
    )


def _some(inks: list[Ink], most: int, random: np.random.Generator) -> list[Ink]:
    """So many of them, by chance."""
    return [inks[k] for k in random.permutation(len(inks))[:most]]


def _like_1(ink: Ink) -> bool:
    return ink.box.width < SLIMMEST * ink.box.height


def _instance(scene: Scene, ink: Ink, whole: npt.NDArray[np.float64]) -> int | None:
    """Which digit a piece is, 0 for none, or None where it is neither.

    Args:
        scene: where it was found.
        ink: the piece.
        whole: ink of each instance, in units of `Scene.ink`.
    """
    # The border of a stroke, a pixel wide, is ink that nobody misses.
    covered = cv2.dilate((ink.pixels > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if (ink.box.of(scene.ignore)[covered] > 0).mean() > IGNORED:
        return None
    box = ink.box
    instances = scene.instances[box.top : box.bottom, box.left : box.right][covered]
    own = np.bincount(instances, box.of(scene.ink)[covered], minlength=len(whole))
    shares = {digit.instance: own[digit.instance] / whole[digit.instance] for digit in scene.digits}
    parts = [instance for instance, share in shares.items() if share >= PART]
    if len(parts) != 1:
        return 0  # nothing of a digit, splinters, or two that were not parted
    (instance,) = parts
    pure = own[instance] / own[1:].sum()
    return instance if shares[instance] >= WHOLE and pure >= WHOLE else None


def alone(random: np.random.Generator, bank: GlyphBank) -> Digits:
    """Letters and signs, and digits of hands that MNIST has few of, each by itself.

    The marker takes most letters in a scene away, but not all of them; foreign digits are rare in a scene.

    Args:
        random: the source of all draws.
        bank: knows letters and signs that cannot be taken for a digit.
    """
    glyphs, labels = [], [NOT_A_DIGIT] * SIGNS + [int(label) for label in random.integers(10, size=FOREIGN)]
    for label in labels:
        if label != NOT_A_DIGIT:
            shape = bank.foreign_digit(random, label)
        else:
            shape = bank.letter(random) if random.random() < LETTERS else bank.symbol(random)
        picture = np.zeros((CANVAS, CANVAS), np.uint8)
        slanted = np.array([[1, random.normal(0, 0.15)], [random.normal(0, 0.1), 1]])
        size, pen = CANVAS / 2, int(random.integers(*PENS))
        for stroke in shape.strokes:
            points = stroke @ slanted.T * size + CANVAS / 5
            cv2.polylines(picture, [np.round(points).astype(np.int32)], False, 255, pen, cv2.LINE_AA)
        glyphs.append(to_glyph(picture))
    return Digits(np.array(glyphs), np.array(labels, np.uint8))


def scene_glyphs(
    folder: Path, train: Digits, validation: Digits, *, seed: int, scenes: int, data: Path | None = None
) -> tuple[Digits, Digits]:
    """The glyphs of drawn scenes, to learn from and to validate with; drawn once for a run, then kept in it.

    Args:
        folder: of the run.
        train: the digits to write with in scenes to learn from.
        validation: those to write with in a tenth as many scenes more.
        seed: the same seed gives the same glyphs.
        scenes: how many to draw, of 640x480 pixels.
        data: as `training.dataset.load_mnist` takes it.

    Raises:
        UsageError: when what is kept in the run cannot be read.
        OutputError: when it cannot be written.
    """
    path = folder / GLYPHS
    if path.exists():
        return load_scene_glyphs(folder)
    parts = []
    for part, (digits, count) in enumerate(((train, scenes), (validation, max(1, scenes // 10)))):
        bank = load_bank(data, "train", digits=digits)
        parts.append(_harvest_all(bank, [(seed, part, number) for number in range(count)]))
    buffer = io.BytesIO()
    arrays = {
        f"{name}_{what}": getattr(part, what)
        for name, part in zip(PARTS, parts, strict=True)
        for what in ARRAYS
    }
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_whole(path, buffer.getvalue())
    return parts[0], parts[1]


def load_scene_glyphs(folder: Path) -> tuple[Digits, Digits]:
    """The glyphs to learn from and to validate with that a run has kept; none of a run without scenes.

    Raises:
        UsageError: when they cannot be read.
    """
    path = folder / GLYPHS
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            train, validation = (Digits(*(arrays[f"{name}_{what}"] for what in ARRAYS)) for name in PARTS)
            return train, validation
    except FileNotFoundError:
        nothing = Digits(np.zeros((0, GLYPH_SIZE, GLYPH_SIZE), np.uint8), np.zeros(0, np.uint8))
        return nothing, nothing
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"cannot read {path}: {error}; delete it and train again") from error


def _harvest_all(bank: GlyphBank, keys: list[tuple[int, int, int]]) -> Digits:
    with mapped(_harvest_one, keys, processes=WORKERS, prepare=partial(_open_worker, bank)) as harvests:
        found = list(tqdm(harvests, "scenes", len(keys), dynamic_ncols=True))
    return Digits(*(np.concatenate([getattr(part, what) for part in found]) for what in ARRAYS))


_worker: tuple[GlyphBank, InkMarker]


def _open_worker(bank: GlyphBank) -> None:
    global _worker
    cv2.setNumThreads(1)
    _worker = bank, InkMarker()


def _harvest_one(key: tuple[int, int, int]) -> Digits:
    bank, mark = _worker
    random = np.random.default_rng(key)
    return harvest(draw_scene(random, bank), mark, random) + alone(random, bank)
