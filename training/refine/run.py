"""A run folder of the refinement network: what it was made of, the pages, and what was found on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.model_file import REFINE_LABELS
from edge.refine import COLUMNS, ROWS
from edge.workers import Place
from training.augment import Distortion
from training.made import Made
from training.page.run import draw_sheaves, pages_of
from training.patches.network import Layout
from training.patches.places import Places
from training.refine.material import cut_places
from training.scenes.typefaces import Split

HELD_OUT_PAGES = 1000

LAYOUT = Layout(
    "refine", ROWS, COLUMNS, ((16, 2), (24, 1), (32, 2), (48, 1), (56, 2), (48, 1)), REFINE_LABELS
)
"""8 million multiplications for each candidate, less than twice as many as the digit network takes."""

DISTORTION = Distortion(rotation=7.0, shear=0.15, stretch=0.1, zoom=0.08, shift=1.0)
"""Less than digits are distorted by, as what stands beside them is farther from the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Made):
    """What a run was made of.

    Attributes:
        epochs: passes over the candidates.
        pages: to learn from.
        page: SHA-256 of the page network's file.
        seed: of the pages, the weights, the order of the candidates and their distortions.
    """

    epochs: int
    pages: int
    page: str
    seed: int


def prepare(folder: Path, data: Path | None, page: Path | None, config: Config, place: Place) -> None:
    """Draw the pages that are not yet in a run folder, and look at those that were not looked at.

    Args:
        folder: of the run.
        data: as `load_bank` takes it.
        page: the page network's `.tflite` file; None is the shipped one.
        config: how many, and their seed.
        place: where that is done.
    """
    held_out = min(HELD_OUT_PAGES, config.pages)
    splits: tuple[tuple[Split, int], ...] = (("test", held_out), ("train", config.pages))
    for split, count in splits:
        draw_sheaves(folder, data, split, count, seed=config.seed, place=place)
        for number, pages in enumerate(pages_of(folder, split)):
            path = folder / f"{split}-places" / f"{number:03d}.npz"
            if not path.exists():
                cut_places(page, pages, place=place).save(path)


def places_of(folder: Path, split: Split) -> Places:
    """What was found on the pages of a run, to learn from or, of the split "test", to measure on.

    Raises:
        UsageError: when it is missing or damaged.
    """
    files = sorted((folder / f"{split}-places").glob("???.npz"))
    return Places.together([Places.load(file) for file in files])
