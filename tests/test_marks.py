"""Marks are found between and before digits, and make numbers what they are, or doubtful."""

import numpy as np
import pytest
from drawn import STROKES, Told, scene_of
from samples import prediction

from edge.formats import MARKS
from edge.lines import Linking, numbers_of, to_reading
from edge.marks import FACTS, FEATURES, Marking, Places
from edge.types import SIGNS, Box, Digit, Line, Thresholds

THRESHOLDS = Thresholds(accept=0.5, digit=0.4, mark=0.8)

NEVER, ALWAYS = (Linking(constant, 0.0, 0.0, 0.0) for constant in (-1.0, 1.0))

SHAPE, POINT = len(SIGNS), 9 + len(MARKS)
"""How many outcomes there are, and where the facts of the lowest piece of ink begin."""


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


def seen(kind=None):
    """What is to be seen before the 2 of a drawn 1 2."""
    scene = scene_of([("12", 100, 200)], marks=[(kind, 0, 120, 200)] if kind else ())
    grey = scene.image[..., 0]
    digits = [Digit(digit.box, prediction(digit.label)) for digit in scene.digits]
    places = Places(grey, Told([(digit.box, digit.label) for digit in scene.digits]).looks(grey))
    return places.features(*digits)


@pytest.mark.parametrize("kind", STROKES)
def test_the_ink_of_a_mark_is_seen_where_it_stands(kind):
    features = seen(kind)
    assert len(features) == FEATURES
    strokes = STROKES[kind]
    assert features[-2] == len(strokes) / 2
    there, x, foot, head, wide, high, _, _ = features[POINT : POINT + FACTS]
    lowest = max(strokes, key=lambda stroke: stroke[3])
    assert there == 1 and abs(x) < 0.25
    assert foot == pytest.approx(-max(lowest[1], lowest[3]), abs=0.15)
    assert high == pytest.approx(abs(lowest[3] - lowest[1]), abs=0.2) and head == pytest.approx(foot + high)
    assert wide == pytest.approx(abs(lowest[2] - lowest[0]), abs=0.2)


def test_between_digits_without_a_mark_there_is_no_ink_that_is_not_theirs():
    assert not seen()[POINT:].any()


def test_what_stands_too_far_away_is_no_neighbour():
    grey = np.full((100, 600), 220, np.uint8)
    left, right = (Digit(Box(x, 30, x + 25, 70), prediction(1)) for x in (20, 500))
    features = Places(grey, Told([]).looks(grey)).features(left, right)
    assert features[:2].tolist() == [0, 2.5]


def weights(**changed):
    values = {
        "hidden": np.zeros((FEATURES + 1, 3)),
        "outer": np.zeros((4, SHAPE)),
        "accept": 0.8,
        "least": -9.0,
    } | changed
    return Marking(**values)


def test_weights_are_read_again_as_they_were_written():
    random = np.random.default_rng(1)
    first = weights(hidden=random.normal(size=(FEATURES + 1, 3)), outer=random.normal(size=(4, SHAPE)))
    again = Marking.from_dict(first.as_dict())
    features = random.normal(size=(5, FEATURES))
    assert again(features) == pytest.approx(first(features), abs=0.01)
    assert again(features).sum(axis=1) == pytest.approx(np.ones(5))
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
