"""Marks are found between and before digits, and make numbers what they are, or doubtful."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import Signs, scene_of
from samples import prediction

from edge.lines import Linking, numbers_of, to_reading
from edge.marks import marked, open_marks, signs_before
from edge.page_file import load_page
from edge.patches import CONTRAST, LEFT
from edge.types import SIGNS, Box, Digit, Line, Prediction, Thresholds

THRESHOLDS = Thresholds(accept=0.5, digit=0.4, mark=0.8, nothing=0.8)

NEVER, ALWAYS = (Linking(constant, 0.0, 0.0, 0.0) for constant in (-1.0, 1.0))

SHAPE = len(SIGNS)


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


class Slashes:
    """Takes the place of the mark network: says that a slash is where the middle of a patch is inked."""

    def classify(self, patches):
        told = []
        for patch in patches:
            middle = patch[9:14, 26:30, CONTRAST]
            told.append(Prediction(chances("/" if middle.max() > 150 else "", 0.9)))
        return told


def row(label):
    """A 3, a slim stroke that is taken for a digit, and an 8, and their page."""
    scene = scene_of([("3", 100, 200), ("8", 172, 200)], marks=[("/", 0, 136, 200)])
    boxes = [scene.digits[0].box, scene.marks[0].box, scene.digits[1].box]
    return [
        Digit(box, prediction(what, 0.9)) for box, what in zip(boxes, (3, label, 8), strict=True)
    ], scene.image[..., 0]


def test_a_slash_that_is_taken_for_a_1_is_no_digit():
    digits, grey = row(1)
    (left,) = marked([digits], grey, Slashes())
    assert [digit.prediction.label for digit in left] == [3, 8]
    assert to_reading(Line(tuple(left)), THRESHOLDS).text == "3/8"


def test_what_is_read_as_another_digit_is_no_slash():
    digits, grey = row(7)
    (left,) = marked([digits], grey, Slashes())
    assert [digit.prediction.label for digit in left] == [3, 7, 8]


def test_a_1_between_digits_stays_one_where_the_network_sees_no_slash():
    digits, grey = row(1)
    assert [len(left) for left in marked([digits], grey, Signs())] == [3]


def test_nothing_is_asked_of_an_empty_page():
    assert marked([], np.zeros((10, 10), np.uint8), Signs()) == []


def test_what_stands_too_far_away_is_no_neighbour():
    asked = []

    class Asked(Signs):
        def classify(self, patches):
            asked.extend(patches)
            return super().classify(patches)

    grey = np.full((100, 600), 220, np.uint8)
    left, right = (Digit(Box(x, 30, x + 25, 70), prediction(1)) for x in (20, 500))
    signs_before([(left, right), (None, right)], grey, Asked())
    assert np.array_equal(*asked) and not asked[0][..., LEFT].any()


@pytest.mark.parametrize("kind, sign", [(".", "."), (",", ","), (":", ":"), ("/", "/")])
def test_the_shipped_network_tells_the_marks(kind, sign):
    scene = scene_of([("4", 100, 200), ("7", 146, 200)], marks=[(kind, 0, 138, 200)])
    digits = [Digit(digit.box, prediction(digit.label)) for digit in scene.digits]
    (told,) = signs_before([tuple(digits)], scene.image[..., 0], open_marks(load_page().marks))
    assert SIGNS[told.argmax()] == sign


def test_that_there_is_no_mark_need_not_be_as_sure_as_that_there_is_one():
    thresholds = replace(THRESHOLDS, mark=0.9, nothing=0.6)
    plain, marked_ = (Line(tuple(number("", "", sign, chance=0.7))) for sign in ("", "."))
    assert to_reading(plain, thresholds).status == "accepted"
    assert to_reading(marked_, thresholds).status == "uncertain"
