"""Drawn pages -> what the page network finds on them, with its surroundings, and what it truly is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from edge.model_file import PAGE_MODEL, read_bytes, shipped_path
from edge.page import HEIGHTS, PageNetwork
from edge.recognizer import find
from edge.refine import COLUMNS, ROWS, surroundings
from edge.workers import Place
from training.page.lessons import STRIPS, Pages, Span, spans
from training.page.matching import IGNORED
from training.page.sized import SHRUNK, SizedPage
from training.patches.places import Places
from training.workers import ALONE, mapped

EASIEST = -1.5
"""Logit of a digit's centre, 18 %, from which on what the page network finds is a lesson: what is less likely
is hardly ever a digit, and would be the most of what is looked at."""

WAYS: tuple[tuple[float, ...], ...] = ((), HEIGHTS)
"""Heights of digits in the looks that are added, as at the frames of a stream and at separate pictures."""


def cut_places(page: Path | None, pages: Pages, *, place: Place = ALONE) -> Places:
    """What a page network finds on drawn pages.

    Args:
        page: its `.tflite` file; None is the shipped one.
        pages: to look at.
        place: where; what is found does not depend on it.

    Returns:
        As `edge.refine.surroundings` cuts it out, with what it is: 0 for no digit, else one more than the
        digit. What should not be asked is left out.

    Raises:
        ModelError: the page network cannot be used.
    """
    model, _ = read_bytes(shipped_path(PAGE_MODEL) if page is None else page, PAGE_MODEL)
    PageNetwork(model)  # what is wrong with it is said here
    keys = [(index, *_alone(pages, index, span)) for index, span in enumerate(spans(pages))]
    with mapped(_look, keys, place=place, prepare=partial(_open, model)) as parts:
        found = list(tqdm(parts, total=len(keys), unit="page", mininterval=10))
    return Places.together(found)


def _alone(pages: Pages, index: int, span: Span) -> tuple[Pages, Span]:
    """A page as the only one."""
    first, last = span.digits
    one = slice(index, index + 1)
    ink = np.zeros((1, 0, 0), np.uint8)  # is not asked for
    alone = Pages(
        np.array(pages.grey[one]),
        ink,
        np.array(pages.flags[one]),
        np.array(pages.outlines[first:last]),
        np.array(pages.digits[first:last]),
        np.zeros((0, 4), np.float32),
        np.zeros((0, 2), np.int32),
    )
    return alone, Span((0, last - first), (0, 0))


def _open(model: bytes) -> PageNetwork:
    cv2.setNumThreads(1)
    return PageNetwork(model)


def _look(network: PageNetwork, key: tuple[int, Pages, Span]) -> Places:
    index, pages, span = key
    page, random = SizedPage.of(pages, 0, span, turn=index), np.random.default_rng(index)
    if len(page.digits) and random.random() < STRIPS:
        page = page.strip(random)
    heights = WAYS[index // len(SHRUNK) % len(WAYS)]
    found = find(network, page.grey, least=EASIEST, heights=heights)
    candidates = [] if found.turned else found.candidates  # all pages stand upright
    labels = page.labels(page.match(candidates))
    asked = np.flatnonzero(labels != IGNORED)
    patches = surroundings(candidates, page.grey, asked.tolist())
    return Places(
        np.array(patches, np.uint8).reshape(-1, ROWS, COLUMNS, 3),
        labels[asked] + 1,
        np.zeros(len(asked), np.int64),
    )
