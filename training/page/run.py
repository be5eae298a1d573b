"""A run folder of the page network: what it was made of, the pages drawn for it, and the weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError
from edge.workers import Place
from training.loop import CHECKPOINT
from training.made import Made
from training.page.lessons import LAST, Pages, draw_pages
from training.scenes.typefaces import Split

SHEAF = 1000
"""Pages that are drawn and kept together: drawing that is interrupted goes on with the next sheaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Made):
    """What a run was made of.

    Attributes:
        epochs: passes over the pages.
        steps: batches in one; 0 looks at every page once.
        pages: to learn from.
        rate: highest learning rate.
        seed: of the pages, the weights, the order of the pages and the views of them.
        start: SHA-256 of the weights it began with, of each run where that was the mean of several, of the
            file where that was a converted network; "" for fresh ones.
    """

    epochs: int
    steps: int
    pages: int
    rate: float
    seed: int
    start: str


def draw_sheaves(
    folder: Path, data: Path | None, split: Split, count: int, *, seed: int, place: Place
) -> None:
    """Draw the pages of a split that are not yet in a run folder: that takes minutes.

    Args:
        folder: of the run.
        data: as `load_bank` takes it.
        split: whose hands write.
        count: of pages.
        seed: of the pages.
        place: where they are drawn.
    """
    for first in range(0, count, SHEAF):
        sheaf = folder / f"{split}-pages" / f"{first // SHEAF:03d}"
        if not (sheaf / LAST).exists():
            some = min(SHEAF, count - first)
            draw_pages(data, split, some, seed=seed, first=first, place=place).save(sheaf)


def pages_of(folder: Path, split: Split) -> list[Pages]:
    """The pages of a split that were drawn for a run, in sheaves.

    Raises:
        UsageError: when there are none, or they are damaged.
    """
    sheaves = sorted((folder / f"{split}-pages").glob(f"*/{LAST}"))
    if not sheaves:
        raise UsageError(
            f"{folder} holds no pages of the split {split!r}: train in it, python -m training.page"
        )
    return [Pages.load(sheaf.parent) for sheaf in sheaves]


def digest_of_weights(run: Path) -> str:
    """SHA-256 of what a run has learned so far, or of a converted network, in hex.

    Raises:
        UsageError: when it has learned nothing.
    """
    try:
        return hashlib.sha256((run if run.is_file() else run / CHECKPOINT).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{run} has no weights to begin with: {error}") from error
