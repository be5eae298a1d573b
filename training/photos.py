"""Real photos with labels, and how well a reader reads them.

A folder of photos holds `labels.csv`, with the columns file, digits (in reading order, rows parted by "/";
empty where there is none) and notes. It may hold `boxes.json`: for each file [x, y, width, height, label] of
each digit, with the label "?" where nothing should be asked; and `numbers.csv`, with the columns file and
numbers: the whole numbers in a photo, parted by spaces.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tqdm import tqdm

from edge.decode import decode_image
from edge.reader import DigitReader
from edge.types import UNSURE, Box, Reading
from training.dataset import DataError
from training.evaluate import Reliability, pooled_reliability
from training.pictures import DigitRead, Mistake, Tally, compare, cut_mistakes, digits_read, reliability

LABELS, BOXES, NUMBERS = "labels.csv", "boxes.json", "numbers.csv"

ORDER_FREE, NOT_SCORED = "order free", "TRANSITION"
"""What the notes of a photo may say: its digits are scattered; its truth is not settled."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo and what is written on it.

    Attributes:
        path: where it is.
        group: the folder it belongs to.
        digits: in reading order; "" where there is none.
        order_free: the digits are scattered, so that their order says nothing.
        places: the digits with their boxes, as far as they are known.
        ignored: where nothing should be asked.
        numbers: the whole numbers that are written, in any order; None where they are not known.
    """

    path: Path
    group: str
    digits: str
    order_free: bool
    places: tuple[tuple[str, Box], ...]
    ignored: tuple[Box, ...]
    numbers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GroupResult:
    """How well a group of photos was read.

    Attributes:
        tally: what became of the digits.
        mistakes: in photos whose digits have boxes.
        reliability: how sure the reader was of all that it read, certain or not.
    """

    tally: Tally
    mistakes: tuple[Mistake, ...]
    reliability: Reliability


def load_photos(folder: Path) -> list[Photo]:
    """The photos that a folder lists.

    Raises:
        DataError: when the lists cannot be read, or a photo is missing.
    """
    try:
        rows = _rows(folder / LABELS)
        numbers = (
            {row["file"]: tuple(row["numbers"].split()) for row in _rows(folder / NUMBERS)}
            if (folder / NUMBERS).exists()
            else {}
        )
        boxes = json.loads((folder / BOXES).read_text(encoding="utf-8")) if (folder / BOXES).exists() else {}
        photos = [_photo(folder, row, boxes, numbers) for row in rows if NOT_SCORED not in row["notes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot read {LABELS}, {BOXES} or {NUMBERS} in {folder}: {error!r}") from error
    missing = [photo.path for photo in photos if not photo.path.is_file()]
    if missing:
        raise DataError(f"{LABELS} in {folder} lists {len(missing)} photos that are not there: {missing[0]}")
    return photos


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _photo(
    folder: Path,
    row: Mapping[str, str],
    boxes: Mapping[str, Sequence[tuple[int, int, int, int, str]]],
    numbers: Mapping[str, tuple[str, ...]],
) -> Photo:
    places = [
        (label, Box(left, top, left + width, top + height))
        for left, top, width, height, label in boxes.get(row["file"], ())
    ]
    return Photo(
        path=folder / row["file"],
        group=row["file"].partition("/")[0],
        digits=row["digits"].replace("/", ""),
        order_free=ORDER_FREE in row["notes"],
        places=tuple(place for place in places if place[0] != UNSURE),
        ignored=tuple(box for label, box in places if label == UNSURE),
        numbers=numbers.get(row["file"]),
    )


def read_photos(reader: DigitReader, photos: Sequence[Photo]) -> dict[str, GroupResult]:
    """Read photos; the results by group.

    Raises:
        ImageError: when a photo is no picture.
    """
    tallies: dict[str, Tally] = {}
    mistakes: dict[str, list[Mistake]] = {}
    reliabilities: dict[str, list[Reliability]] = {}
    for photo in tqdm(photos, "photos", leave=False, dynamic_ncols=True):
        image = decode_image(photo.path.read_bytes(), str(photo.path))
        result = reader.read_image(image, str(photo.path))
        read = [digit for digit in digits_read(result) if not _ignored(photo, digit.box)]
        counts = tally(photo, read) + tally_numbers(photo, result.readings)
        tallies[photo.group] = tallies.get(photo.group, Tally()) + counts
        reliabilities.setdefault(photo.group, []).append(reliability(read, right(photo, read)))
        if photo.places or not photo.digits:
            mistakes.setdefault(photo.group, []).extend(cut_mistakes(image, compare(photo.places, read)))
    return {
        group: GroupResult(counts, tuple(mistakes.get(group, ())), pooled_reliability(reliabilities[group]))
        for group, counts in tallies.items()
    }


def tally(photo: Photo, read: Sequence[DigitRead]) -> Tally:
    """What became of the digits of one photo, by the best alignment of what was read with the truth."""
    text = "".join(digit.text for digit in read)
    if not photo.digits:
        return Tally(pictures=1, empty=1, false_digits=len(text.replace(UNSURE, "")))
    truth = photo.digits
    if photo.order_free:
        truth, text = "".join(sorted(truth)), "".join(sorted(text))
    edits, confident = align(truth, text)
    return Tally(
        pictures=1, digits=len(truth), edits=edits, confident=confident, texts=1, exact_texts=int(edits == 0)
    )


def tally_numbers(photo: Photo, readings: Sequence[Reading]) -> Tally:
    """Which of the whole numbers in a photo come out, and how much else; nothing where they are not known.

    A number is right when one reading has its digits, all of them certain; marks such as points do not count.
    """
    if photo.numbers is None:
        return Tally()
    texts = [
        reading.text
        for reading in readings
        if reading.status != "rejected" and not _ignored(photo, reading.box)
    ]
    read = Counter("".join(filter(str.isdigit, text)) for text in texts if UNSURE not in text)
    right = (Counter(photo.numbers) & read).total()
    return Tally(numbers=len(photo.numbers), right_numbers=right, readings=len(texts))


def right(photo: Photo, read: Sequence[DigitRead]) -> list[bool]:
    """Which of the digits read in a photo are what is written there, certain or not."""
    order = list(range(len(read)))
    truth = photo.digits
    if photo.order_free:
        truth, order = "".join(sorted(truth)), sorted(order, key=lambda k: read[k].label)
    labels = "".join(read[k].label for k in order)
    matched = SequenceMatcher(None, truth, labels, autojunk=False).get_matching_blocks()
    found = {order[block.b + k] for block in matched for k in range(block.size)}
    return [k in found for k in range(len(read))]


def align(truth: str, read: str) -> tuple[int, int]:
    """The edit distance (Levenshtein), and how many of the edits were read as certain digits.

    Of alignments with the fewest edits, the one with the fewest certain mistakes counts.
    """
    # An edit costs one large unit; a certain mistake one small unit more, of which there are never too many.
    large = len(read) + 1
    extra = [large + (character != UNSURE) for character in read]
    row = [sum(extra[:count]) for count in range(len(read) + 1)]
    for missed, wanted in enumerate(truth, start=1):
        above, row = row, [missed * large]
        for place, character in enumerate(read):
            replaced = 0 if character == wanted else extra[place]
            row.append(min(above[place] + replaced, above[place + 1] + large, row[-1] + extra[place]))
    return divmod(row[-1], large)


def _ignored(photo: Photo, box: Box) -> bool:
    return any(_inside(box, zone) for zone in photo.ignored)


def _inside(box: Box, zone: Box) -> bool:
    x, y = box.centre
    return zone.left <= x <= zone.right and zone.top <= y <= zone.bottom
