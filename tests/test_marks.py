"""Marks are found between and before digits, and make numbers what they are, or doubtful."""

import numpy as np
import pytest
from drawn import Told
from samples import prediction

from edge.formats import MARKS
from edge.lines import Linking, numbers_of, to_reading
from edge.marks import FEATURES, Marking, MarkPeaks, features
from edge.types import SIGNS, Box, Digit, Line, Thresholds

THRESHOLDS = Thresholds(accept=0.5, digit=0.4, mark=0.8)

NEVER, ALWAYS = (Linking(constant, 0.0, 0.0, 0.0) for constant in (-1.0, 1.0))

SHAPE = len(SIGNS)
"""How many outcomes there are."""


def chances(sign, chance=0.95):
    """Probabilities that are sure of one sign."""
    told = np.full(SHAPE, (1 - chance) / (SHAPE - 1), np.float32)
    told[SIGNS.index(sign)] = chance
    return told


def number(*signs, chance=0.95):
    """Digits 1, 2, 3 with what stands before each."""
    return [
        Digit(Box(40 * k, 0, 40 * k + 25, 40), prediction(k + 1, 0.9), before=chances(sign, chance))
        for k, sign in enumerate(signs)
    ]


def read(*signs, chance=0.95):
    return to_reading(Line(tuple(number(*signs, chance=chance))), THRESHOLDS)


@pytest.mark.parametrize(
    "signs, text, value",
    [
        (("", "", ""), "123", 123),
        (("", "", "."), "12.3", 12.3),
        (("", ",", ""), "1,23", 1.23),
        (("minus", "", "."), "-12.3", -12.3),
        (("", ":", ""), "1:23", None),
        (("", "/", "/"), "1/2/3", None),
        (("", "-", "-"), "1-2-3", None),
    ],
)
def test_a_number_is_read_as_it_is_written(signs, text, value):
    reading = read(*signs)
    assert (reading.text, reading.value, reading.status) == (text, value, "accepted")
    assert reading.as_dict()["value"] == value


@pytest.mark.parametrize("sign", ["", "."])
def test_a_mark_in_doubt_makes_a_number_uncertain_and_gives_it_no_value(sign):
    reading = read("", "", sign, chance=0.7)
    assert (reading.status, reading.value) == ("uncertain", None)
    assert reading.confidence == pytest.approx(0.7)
    assert "?" not in reading.text  # each of its digits is certain


def test_a_mark_joins_what_links_would_part_and_a_minus_parts_what_they_would_join():
    texts = [to_reading(line, THRESHOLDS).text for line in numbers_of([number("", ":", "")], NEVER)]
    assert texts == ["1:2", "3"]
    texts = [to_reading(line, THRESHOLDS).text for line in numbers_of([number("", "", "minus")], ALWAYS)]
    assert texts == ["12", "-3"]


LEFT, RIGHT = (Digit(Box(x, 40, x + 24, 80), prediction(1)) for x in (40, 88))
"""Two digits, 40 pixels high, with a place for a mark around x = 76."""

LOGIT, KINDS, X, Y = 5, slice(6, 6 + len(MARKS)), -3, -2
"""Where features have the logit of a mark, its kind, and its place."""


def seen(*marks, left=LEFT, right=RIGHT):
    """What is to be seen between two digits, where these marks are."""
    grey = np.full((160, 640), 220, np.uint8)
    return features([left], [right], MarkPeaks.of(Told([], marks=marks).looks(grey)))[0]


@pytest.mark.parametrize("kind", MARKS)
def test_a_mark_between_two_digits_is_told_with_its_kind_and_its_place(kind):
    told = seen((76, 78, kind, 2.0))
    assert len(told) == FEATURES
    assert told[LOGIT] == pytest.approx(2, abs=0.3)
    assert told[KINDS].argmax() == MARKS.index(kind)
    assert (told[X], told[Y]) == pytest.approx((0.05, 0.05), abs=0.1)  # in heights, over the foot


def test_of_several_marks_the_surest_counts():
    told = seen((76, 78, ",", 1.0), (76, 44, ":", 3.0), (400, 78, "/", 4.0))
    assert told[KINDS].argmax() == MARKS.index(":")


@pytest.mark.parametrize("place", [(76, 10), (76, 150), (20, 78), (130, 78)])
def test_a_mark_elsewhere_is_none_of_theirs(place):
    nothing = seen()
    assert nothing[LOGIT] == -4.6
    assert np.allclose(np.exp(nothing[KINDS]), 1 / len(MARKS))
    assert seen((*place, ",", 3.0)) == pytest.approx(nothing)


def test_before_the_first_digit_there_is_room_for_a_minus():
    told = seen((64, 60, "-", 2.0), left=None)
    assert told[0] == 0 and told[KINDS].argmax() == MARKS.index("-")


def test_what_stands_too_far_away_is_no_neighbour():
    far = Digit(Box(500, 40, 525, 80), prediction(1))
    assert seen(right=far)[:2].tolist() == [0, 2.5]


def weights(**changed):
    values = {
        "hidden": np.zeros((FEATURES + 1, 3)),
        "outer": np.zeros((4, SHAPE)),
        "accept": 0.8,
    } | changed
    return Marking(**values)


def test_weights_are_read_again_as_they_were_written():
    random = np.random.default_rng(1)
    first = weights(hidden=random.normal(size=(FEATURES + 1, 3)), outer=random.normal(size=(4, SHAPE)))
    again = Marking.from_dict(first.as_dict())
    places = random.normal(size=(5, FEATURES))
    assert again(places) == pytest.approx(first(places), abs=0.01)
    assert again(places).sum(axis=1) == pytest.approx(np.ones(5))
    assert again.accept == first.accept


@pytest.mark.parametrize(
    "changed, found",
    [
        ({"outer": np.zeros((4, 3))}, "shapes"),
        ({"hidden": np.zeros((FEATURES, 3))}, f"by {FEATURES - 1} features"),
        ({"outer": np.full((4, SHAPE), np.nan)}, "no numbers"),
        ({"accept": 1.5}, "no numbers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(changed, found):
    with pytest.raises(ValueError, match=found):
        Marking.from_dict(weights(**changed).as_dict())
