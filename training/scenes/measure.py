"""How well a reader reads drawn scenes, and under which conditions it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from edge.reader import DigitReader
from edge.types import UNSURE, Box, Result
from training.evaluate import Reliability, pooled_reliability
from training.pictures import (
    DigitRead,
    Mistake,
    Outcome,
    Tally,
    compare,
    cut_mistakes,
    digits_read,
    pair,
    reliability,
)
from training.scenes.bank import GlyphBank
from training.scenes.scene import Scene, draw_scene

SEED = 2019
"""Of the scenes to test with, whatever was trained."""

IGNORED = 0.1
"""What was read in a box of which at least this share should not be asked is left out."""


@dataclass(frozen=True, slots=True, eq=False)
class ScenesResult:
    """How well scenes were read.

    Attributes:
        tally: of all; its texts are numbers.
        conditions: of the scenes in which a condition was drawn, by the condition's name.
        mistakes: all of them.
        reliability: how sure the reader was of all that it read, certain or not.
    """

    tally: Tally
    conditions: Mapping[str, Tally]
    mistakes: tuple[Mistake, ...]
    reliability: Reliability


def read_scenes(reader: DigitReader, bank: GlyphBank, count: int) -> ScenesResult:
    """Draw scenes of 640x480 pixels, read them, and compare with the truth; the scenes are always the same.

    Args:
        reader: what is measured.
        bank: what to write with; of the split "test".
        count: how many scenes.
    """
    total, conditions = Tally(), dict[str, Tally]()
    mistakes: list[Mistake] = []
    reliabilities: list[Reliability] = []
    for number in tqdm(range(count), "scenes", leave=False, dynamic_ncols=True):
        scene = draw_scene(np.random.default_rng([SEED, number]), bank)
        result = reader.read_image(scene.image, f"scene {number}")
        outcomes = outcomes_of(scene, result)
        counts = tally(scene, result, outcomes)
        total += counts
        for name in scene.conditions:
            conditions[name] = conditions.get(name, Tally()) + counts
        mistakes += cut_mistakes(scene.image, outcomes)
        reliabilities.append(reliability_of(scene, digits_read(result)))
    return ScenesResult(total, conditions, tuple(mistakes), pooled_reliability(reliabilities))


def outcomes_of(scene: Scene, result: Result) -> list[Outcome]:
    """What became of each digit, and what was read where none is but where it counts."""
    truth = [(str(digit.label), digit.box) for digit in scene.digits]
    outcomes = compare(truth, digits_read(result))
    return [each for each in outcomes if each.truth or not _is_ignored(scene, each.box)]


def reliability_of(scene: Scene, read: Sequence[DigitRead]) -> Reliability:
    """How sure a reader was of what it read in a scene, but where nothing counts that is no digit."""
    pairs = pair([digit.box for digit in scene.digits], [digit.box for digit in read])
    truth = {r: str(scene.digits[t].label) for t, r in pairs.items()}
    asked = [k for k, digit in enumerate(read) if k in truth or not _is_ignored(scene, digit.box)]
    return reliability([read[k] for k in asked], [read[k].label == truth.get(k) for k in asked])


def tally(scene: Scene, result: Result, outcomes: list[Outcome]) -> Tally:
    """The counts of one scene.

    Args:
        scene: the truth.
        result: all that was read, number by number.
        outcomes: of its digits.
    """
    edits = [each for each in outcomes if not each.right]
    confident = sum(each.read not in ("", UNSURE) for each in edits)
    if not scene.digits:
        return Tally(pictures=1, empty=1, false_digits=confident)
    return Tally(
        pictures=1,
        digits=len(scene.digits),
        edits=len(edits),
        confident=confident,
        texts=len(scene.numbers),
        exact_texts=_exact_numbers(scene, result),
    )


def _exact_numbers(scene: Scene, result: Result) -> int:
    """How many of the numbers were read as one number, digit for digit, where they stand."""
    places: dict[int, Box] = {}
    for digit in scene.digits:
        places[digit.line] = places.get(digit.line, digit.box).union(digit.box)
    read = [reading for reading in result.readings if reading.status != "rejected"]
    pairs = pair(list(places.values()), [reading.box for reading in read])
    return sum(read[r].text == scene.numbers[t] for t, r in pairs.items())


def _is_ignored(scene: Scene, box: Box) -> bool:
    return bool((box.of(scene.ignore) > 0).mean() >= IGNORED)
