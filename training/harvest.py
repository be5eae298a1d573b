"""Scenes -> glyphs: what the reader hands the digit network, with what it truly is.

Digits come out as the page network and `edge.cutting` give them, with broken strokes and remains of ruling
and neighbours; what is no digit and is taken for one (letters, signs, shadows) comes out too, for the network
to learn to be unsure of.
"""

from __future__ import annotations

import io
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from edge.errors import UsageError
from edge.files import write_whole
from edge.page import PageNetwork
from edge.page_file import load_page, open_page
from edge.planes import to_grey
from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.recognizer import find
from edge.types import Candidate
from edge.workers import Place
from training.dataset import NOT_A_DIGIT, Digits
from training.page.matching import IGNORED, NONE, as_array, boxes_of, match, shares
from training.scenes import GlyphBank, Scene, draw_scene, load_bank
from training.workers import ALONE, mapped

GLYPHS = "scene-glyphs.npz"
"""In a run folder: what was harvested for it."""

PARTS, ARRAYS = ("train", "validation"), ("glyphs", "labels")

SLIM, LIKE_1 = 0.5, 0.3
"""Of what is no digit but as slim as a 1 (width over height below the first), this share is kept: nobody can
tell it from one by itself, and to learn that it is none costs the ones their confidence."""

MOST_OTHERS = 8
"""Candidates of a scene, at most, that are kept of what is no digit."""

SIGNS = 3
"""Letters and signs that are written alone for each scene."""

LETTERS = 0.8
"""Share of letters among them."""

FOREIGN = 2
"""Digits of hands that MNIST has few of, likewise."""

CANVAS, PENS = 96, (3, 15)
"""Pixels of the picture that each is written in, both ways, and the range of the pen's width in it."""


def harvest(scene: Scene, network: PageNetwork, least: float, random: np.random.Generator) -> Digits:
    """The glyphs that the reader finds in a scene, and what each is.

    Args:
        scene: a picture and its truth.
        network: sees where digits are.
        least: logit of a digit's centre from which on a place is a candidate, as in the network's card.
        random: chooses among what is no digit.

    Returns:
        Glyphs with their labels, `NOT_A_DIGIT` among them; what should not be asked is left out.
    """
    found = find(network, to_grey(scene.image), least=least)
    glyphs = np.array(found.glyphs, np.uint8).reshape(-1, GLYPH_SIZE, GLYPH_SIZE)
    if found.turned:  # what is found is not where it stands in the scene
        return Digits(glyphs[:0], np.zeros(0, np.uint8))
    boxes = boxes_of(found.candidates)
    true = as_array([digit.box for digit in scene.digits])
    matched = match(boxes, true, shares(found.candidates, scene.ignore))
    matched[~glyphs.any(axis=(1, 2))] = IGNORED  # a place without ink
    others = [
        k
        for k in random.permutation(np.flatnonzero(matched == NONE))
        if not _slim(found.candidates[k]) or random.random() < LIKE_1
    ]
    kept = np.array([*np.flatnonzero(matched >= 0), *others[:MOST_OTHERS]], np.intp)
    labels = np.array([*(digit.label for digit in scene.digits), NOT_A_DIGIT], np.uint8)
    return Digits(glyphs[kept], labels[matched[kept]])  # NONE is -1: the last


def _slim(candidate: Candidate) -> bool:
    return candidate.box.width < SLIM * candidate.box.height


def alone(random: np.random.Generator, bank: GlyphBank) -> Digits:
    """Letters and signs, and digits of hands that MNIST has few of, each by itself.

    The page network takes most letters in a scene away, but not all of them; foreign digits are rare in a
    scene.

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
    folder: Path,
    train: Digits,
    validation: Digits,
    *,
    seed: int,
    scenes: int,
    data: Path | None = None,
    place: Place = ALONE,
) -> tuple[Digits, Digits]:
    """The glyphs of drawn scenes, to learn from and to validate with; drawn once for a run, then kept in it.

    Args:
        folder: of the run.
        train: the digits to write with in scenes to learn from.
        validation: those to write with in a tenth as many scenes more.
        seed: the same seed gives the same glyphs.
        scenes: how many to draw, of 640x480 pixels.
        data: as `training.dataset.load_mnist` takes it.
        place: where they are drawn; the glyphs do not depend on it.

    Raises:
        WorkerError: there are no workers.
        UsageError: when what is kept in the run cannot be read.
        OutputError: when it cannot be written.
    """
    path = folder / GLYPHS
    if path.exists():
        return load_scene_glyphs(folder)
    parts = []
    for part, (digits, count) in enumerate(((train, scenes), (validation, max(1, scenes // 10)))):
        bank = load_bank(data, "train", digits=digits)
        parts.append(_harvest_all(bank, [(seed, part, number) for number in range(count)], place))
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


def _harvest_all(bank: GlyphBank, keys: list[tuple[int, int, int]], place: Place) -> Digits:
    with mapped(_harvest_one, keys, place=place, prepare=partial(_open_worker, bank)) as harvests:
        found = list(tqdm(harvests, "scenes", len(keys), dynamic_ncols=True))
    return Digits(*(np.concatenate([getattr(part, what) for part in found]) for what in ARRAYS))


def _open_worker(bank: GlyphBank) -> tuple[GlyphBank, PageNetwork, float]:
    cv2.setNumThreads(1)
    page = load_page()
    return bank, open_page(page), page.card.least


def _harvest_one(worker: tuple[GlyphBank, PageNetwork, float], key: tuple[int, int, int]) -> Digits:
    bank, network, least = worker
    random = np.random.default_rng(key)
    return harvest(draw_scene(random, bank), network, least, random) + alone(random, bank)
