import numpy as np
import pytest
from samples import THRESHOLDS, number, result_of
from test_scenes import small_bank

from edge.lines import to_reading
from edge.reader import DigitReader
from edge.types import Box, Digit, Line
from training.pictures import Tally, digits_read
from training.scenes import Scene, SceneDigit
from training.scenes.measure import outcomes_of, read_scenes, reliability_of, tally


def scene(text, *, ignored=None):
    """A scene in which `text` stands as `samples.number` places it, each word a line of its own."""
    digits = []
    for line, word in enumerate(text.split()):
        for position, digit in enumerate(number(word, top=100 + 100 * line).digits):
            digits.append(SceneDigit(int(word[position]), digit.box, line, position, len(digits) + 1))
    blank = np.zeros((400, 400), np.uint8)
    ignore = blank.copy()
    if ignored:
        ignored.of(ignore)[:] = 255
    return Scene(
        np.zeros((400, 400, 3), np.uint8), blank, blank, ignore, blank.astype(np.uint16), tuple(digits), {}
    )


def reading(text, *, top=100, unsure=()):
    """A number as read, with an uncertain digit at each index of `unsure`."""
    digits = [
        Digit(
            digit.box, number(text, confidence=0.6).digits[k].prediction if k in unsure else digit.prediction
        )
        for k, digit in enumerate(number(text, top=top).digits)
    ]
    return to_reading(Line(tuple(digits)), THRESHOLDS)


def tally_of(truth, *readings, ignored=None):
    result = result_of(*readings)
    drawn = scene(truth, ignored=ignored)
    return tally(drawn, result, outcomes_of(drawn, result))


@pytest.mark.parametrize(
    ("truth", "readings", "expected"),
    [
        ("407", [reading("407")], Tally(1, 3, 0, 0, 1, 1)),
        ("407", [reading("467")], Tally(1, 3, 1, 1, 1, 0)),
        ("407", [reading("407", unsure=[1])], Tally(1, 3, 1, 0, 1, 0)),
        ("407", [reading("40")], Tally(1, 3, 1, 0, 1, 0)),
        ("40", [reading("407")], Tally(1, 2, 1, 1, 1, 0)),
        ("407 12", [reading("12", top=200), reading("407")], Tally(1, 5, 0, 0, 2, 2)),
        ("407", [], Tally(1, 3, 3, 0, 1, 0)),
        ("", [reading("11", unsure=[0])], Tally(1, empty=1, false_digits=1)),
        ("", [], Tally(1, empty=1)),
    ],
    ids=[
        "exact",
        "misread",
        "unsure",
        "missed",
        "extra",
        "two rows",
        "nothing",
        "false digits",
        "rightly empty",
    ],
)
def test_a_scene_is_counted(truth, readings, expected):
    assert tally_of(truth, *readings) == expected


def test_what_lies_where_nothing_is_asked_is_no_false_digit():
    assert tally_of("", reading("5"), ignored=Box(105, 105, 125, 145)).false == 0
    assert tally_of("5", reading("5"), ignored=Box(105, 105, 125, 145)).error == 0


def test_a_number_read_in_two_parts_is_not_exact():
    left, right = number("407").digits[:1], number("407").digits[1:]
    parts = [to_reading(Line(tuple(digits)), THRESHOLDS) for digits in (left, right)]
    assert tally_of("407", *parts) == Tally(1, 3, 0, 0, 1, 0)


def test_what_was_read_is_right_where_it_stands():
    drawn = scene("407", ignored=Box(105, 305, 125, 345))
    result = result_of(reading("467", unsure=[2]), reading("5", top=200), reading("8", top=300))
    told = reliability_of(drawn, digits_read(result))
    assert told.right.tolist() == [True, False, True, False]  # not asked of the 8
    assert told.confidence[2] == pytest.approx(0.6)


def test_the_same_scenes_are_read_each_time_and_sorted_by_condition(classifier):
    reader = DigitReader(classifier)
    first, again = (read_scenes(reader, small_bank("test"), 4) for _ in range(2))
    assert first.tally == again.tally
    assert first.tally.pictures == 4
    assert first.conditions == again.conditions
    assert any(name.startswith("layout") for name in first.conditions)
    assert all(counts.pictures <= 4 for counts in first.conditions.values())
