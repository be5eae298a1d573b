"""A run folder of the mark network: what it was made of, and the pages drawn for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge.model_file import MARK_LABELS
from edge.patches import COLUMNS, ROWS
from edge.workers import Place
from training.made import Made
from training.marks.material import mark_places
from training.page.numbers import Numbers, draw_numbers
from training.patches.network import Layout
from training.patches.places import Places

NUMBERS, OTHERS, HELD_OUT = "numbers.npz", "others.npz", "test-numbers.npz"
"""Pages of numbers in rows and of all that people write, and pages of numbers by hands to validate with."""

HELD_OUT_PAGES = 600

LAYOUT = Layout("marks", ROWS, COLUMNS, ((16, 2), (24, 1), (32, 2), (48, 2)), MARK_LABELS)
"""2.5 million multiplications for each place, half as many as the digit network takes for a glyph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Made):
    """What a run was made of.

    Attributes:
        epochs: passes over the places.
        numbers: pages of numbers to learn from.
        others: pages of all that people write.
        seed: of the pages, the weights, the order of the places and their distortions.
    """

    epochs: int
    numbers: int
    others: int
    seed: int


def draw_missing(folder: Path, data: Path | None, config: Config, place: Place) -> None:
    """Draw the pages that are not yet in a run folder.

    Args:
        folder: of the run.
        data: as `load_bank` takes it.
        config: how many, and their seed.
        place: where they are drawn.
    """
    seed = config.seed
    held_out = min(HELD_OUT_PAGES, config.numbers)
    if not (folder / HELD_OUT).exists():
        drawn = draw_numbers(data, "test", held_out, seed=seed, half="first", place=place)
        drawn.save(folder / HELD_OUT)
    if not (folder / NUMBERS).exists():
        draw_numbers(data, "train", config.numbers, seed=seed, place=place).save(folder / NUMBERS)
    if config.others and not (folder / OTHERS).exists():
        draw_numbers(data, "train", config.others, seed=seed, plan=None, place=place).save(folder / OTHERS)


def places_to_learn_from(folder: Path, seed: int) -> Places:
    """Those on the pages of a run.

    Raises:
        UsageError: when the pages are missing or damaged.
    """
    places = mark_places(Numbers.load(folder / NUMBERS), seed=seed)
    if (folder / OTHERS).exists():
        places += mark_places(Numbers.load(folder / OTHERS), seed=seed)
    return places


def held_out_places(folder: Path, seed: int) -> Places:
    """Those on pages by hands that the network does not learn from.

    Raises:
        UsageError: when the pages are missing or damaged.
    """
    return mark_places(Numbers.load(folder / HELD_OUT), seed=seed)
