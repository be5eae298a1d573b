"""Drawn numbers know how they are written, and are kept as they are."""

import re

import numpy as np
import pytest
from drawn import numbers_of_scenes, scene_of

from edge.errors import UsageError
from training.page.numbers import Numbers, written


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
    with pytest.raises(UsageError, match=re.escape("delete it to draw them anew")):
        Numbers.load(path)
