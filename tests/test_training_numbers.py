"""Drawn numbers know how they are written, and are kept as they are."""

import re

import numpy as np
import pytest
from drawn import numbers_of_scenes, scene_of

from convert.whole import another_format
from edge.errors import UsageError
from training.dataset import Digits
from training.page.matching import NONE, match, overlaps
from training.page.numbers import Numbers, written
from training.scenes.bank import _half_of


@pytest.fixture(scope="module")
def numbers():
    """12.5 and -3 and 1/2 over each other; then 47 and 8, a minus between them, on a page of its own."""
    first = scene_of(
        [("125", 60, 100), ("3", 60, 200), ("1", 60, 300), ("2", 110, 300)],
        marks=[(".", 0, 127, 100), ("-", 1, 40, 200), ("/", 2, 95, 300)],
    )
    second = scene_of([("47", 60, 100), ("8", 200, 100)], marks=[("-", 1, 180, 100)])
    return numbers_of_scenes([first, second])


def texts(numbers, page):
    rows = (values[values[:, 0] == page] for values in (numbers.digits, numbers.marks))
    return [number.text for number in written(*rows)]


def test_numbers_are_told_as_they_are_written(numbers):
    assert texts(numbers, 0) == ["12.5", "-3", "1/2"]
    assert texts(numbers, 1) == ["47", "-8"]


def test_pages_are_read_again_as_they_were_kept(numbers, tmp_path):
    numbers.save(tmp_path / "some.npz")
    again = Numbers.load(tmp_path / "some.npz")
    assert np.array_equal(again.grey, numbers.grey) and np.array_equal(again.marks, numbers.marks)
    assert [path.name for path in tmp_path.iterdir()] == ["some.npz"]


def test_pages_of_two_are_counted_on(numbers):
    both = Numbers.together(numbers, numbers)
    assert len(both) == 4
    assert texts(both, 2) == texts(numbers, 0) and texts(both, 3) == texts(numbers, 1)


def test_a_file_that_is_damaged_is_told(tmp_path):
    path = tmp_path / "some.npz"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UsageError, match=re.escape("delete it to draw the numbers anew")):
        Numbers.load(path)


def test_numbers_of_both_halves_are_written_by_different_hands():
    hands = np.repeat(np.arange(9), 10)
    digits = Digits(np.zeros((90, 28, 28), np.uint8), np.tile(np.arange(10, dtype=np.uint8), 9))
    digits.glyphs[:, 0, 0] = hands
    first, last = (_half_of(digits, hands, half) for half in ("first", "last"))
    assert set(first[1]) == {0, 2, 4, 6, 8} and set(last[1]) == {1, 3, 5, 7}
    assert set(first[0].glyphs[:, 0, 0]) == set(first[1]) and len(first[0].labels) == 50
    unknown, _ = _half_of(digits, None, "last")
    assert len(unknown.labels) == 45


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("407", ["0000", "00", "00.0"]),
        ("-12", ["-000", "-0", "00"]),
        ("1/2", ["00/0", "00/0", "00"]),
        ("7", ["00", "00", "-0"]),
    ],
)
def test_another_format_is_never_the_one_that_a_number_has(text, forms):
    assert [another_format(text, which).text for which in range(3)] == forms


def test_a_slim_box_a_pixel_beside_a_digit_is_in_its_place():
    slim, beside, far = ([[x, y, x + wide, 30]] for x, y, wide in ((10, 0, 2), (12, 1, 3), (26, 0, 2)))
    true, unasked = np.array(slim, np.float32), np.zeros(1, np.float32)
    assert overlaps(np.array(beside, np.float32), true)[0, 0] == 0
    assert match(np.array(beside, np.float32), true, unasked).tolist() == [0]
    assert match(np.array(far, np.float32), true, unasked).tolist() == [NONE]
