"""A number of an expected format is read better: slots are filled, and what has none is left out."""

import math
from dataclasses import asdict, astuple, replace

import numpy as np
import pytest
from drawn import Signs, Told

from edge.expected import (
    Choices,
    Decoding,
    Seams,
    Steps,
    Whole,
    expected,
    labels_of,
    ranked,
    search,
    slots_of,
    told_of,
)
from edge.formats import MARKS, Format
from edge.fusion import Fusion, Weights
from edge.lines import to_reading
from edge.recognizer import Found, Seen
from edge.types import MINUS, SIGNS, Box, Candidate, Thresholds

WEIGHTS = Weights(
    page=1.0,
    glyph=0.0,
    refined_labels=0.0,
    constant=0.0,
    digit=1.0,
    writing=0.0,
    sure=0.0,
    agreed=0.0,
    refined=0.0,
)
PAGE_ALONE = Fusion(WEIGHTS, WEIGHTS, low=0.0, high=2.0)
STEPS = Steps(constant=2.0, link=0.0, gap=-0.2, size=-2.0, rise=-4.0, pitch=-8.0)
WHOLE = Whole(
    2.0,
    named=1.0,
    doubtful=0.0,
    rival=0.0,
    weakest=0.0,
    margin=0.5,
    uneven=-1.0,
    left_out=-1.0,
    signs=0.0,
    sign=1.0,
)
DECODING = Decoding(STEPS, WHOLE, accept=0.9)
THRESHOLDS = Thresholds(accept=0.5, digit=0.4, mark=0.8, number=0.9)


def seen(*what, pitch=50):
    """Candidates: label, logit of being a digit, and place in pitches of each."""
    candidates = []
    for label, logit, place in what:
        left = round(40 + pitch * place)
        labels = np.full(10, np.log(0.02 / 9), np.float32)
        labels[label] = np.log(0.98)
        candidates.append(Candidate(Box(left, 30, left + 25, 70), logit, labels, 0.0, (0.0, 0.0), 0, logit))
    grey = np.full((100, 700), 220, np.uint8)
    ink = np.zeros((40, 25), np.uint8)
    found = Found(candidates, [ink] * len(candidates), [], grey, Told([]).looks(grey))
    return Seen(found, np.full((len(candidates), 10), 0.1, np.float32))


def read(there, form, sign=""):
    line = expected(there, Format.parse(form), PAGE_ALONE, DECODING, Signs(sign))
    return None if line is None else to_reading(line, THRESHOLDS)


def sure(*labels):
    return [(label, 4.0, place) for place, label in enumerate(labels)]


def test_a_digit_that_is_hardly_seen_fills_the_slot_that_is_left():
    faint = [*sure(1, 2, 3), (4, -2.0, 3), (5, 4.0, 4)]
    reading = read(seen(*faint), "00000")
    assert (reading.text, reading.status, reading.value) == ("12345", "accepted", 12345)


def test_a_number_in_doubt_shows_which_digits_it_may_be():
    faint = [*sure(1, 2, 3), (4, -2.0, 3), (5, 4.0, 4), (6, 4.0, 4.4)]
    there = seen(*faint)
    there.found.candidates[1].labels[:] = -np.log(10)  # a digit, but which one?
    reading = read(there, "00000")
    assert reading.status == "uncertain"
    assert reading.text in ("1?345", "1?346")


def test_how_likely_another_digit_is_is_told_of_a_number():
    there = seen(*sure(1, 2, 3))
    there.found.candidates[1].labels[:] = np.log([0.02 / 8, 0.02 / 8, 0.9, 0.08, *[0.02 / 8] * 6])
    choices = Choices.of(there, PAGE_ALONE)
    hypotheses = search(choices, slots_of(Format.parse("000")), STEPS)
    told = told_of(choices, hypotheses, Seams(choices, there.found.grey, Signs("")))
    values = dict(zip(asdict(WHOLE), told, strict=True))
    assert math.exp(values["rival"]) == pytest.approx(0.08, rel=0.05)


def test_a_blot_between_two_cells_has_no_slot():
    blotted = [*sure(1, 2, 3, 4), (7, 0.5, 1.5)]
    assert read(seen(*blotted), "0000").text == "1234"


def test_a_digit_of_another_size_that_stands_off_the_line_is_left_out():
    there = seen(*sure(1, 2, 3), (9, 2.0, 3.0))
    low = there.found.candidates[-1]
    there.found.candidates[-1] = replace(low, box=Box(low.box.left, 75, low.box.left + 12, 95))
    assert read(there, "000").text == "123"


def test_too_few_candidates_are_no_number():
    assert read(seen(*sure(1, 2)), "000") is None
    assert read(seen(), "0") is None


def test_a_slot_that_may_be_empty_is_filled_where_there_is_a_digit():
    assert read(seen(*sure(1, 2, 3)), "??000").text == "123"
    assert read(seen(*sure(1, 2, 3, 4)), "?000").text == "1234"


@pytest.mark.parametrize("form, text", [("00.0", "12.3"), ("0:00", "1:23"), ("-000", "-123"), ("0.?0", None)])
def test_marks_are_written_as_the_format_has_them(form, text):
    line = expected(seen(*sure(1, 2, 3)), Format.parse(form), PAGE_ALONE, DECODING, Signs())
    written = to_reading(line, THRESHOLDS).text
    assert Format.parse(form).matches(written)
    assert text in (None, written)


def test_a_mark_that_is_seen_and_that_the_format_has_not_makes_the_number_uncertain():
    assert read(seen(*sure(1, 2)), "00").status == "accepted"
    reading = read(seen(*sure(1, 2)), "00", sign=".")
    assert (reading.status, reading.value) == ("uncertain", None)


def test_a_mark_that_is_seen_decides_which_candidates_the_digits_are():
    """A slash looks like a 1, and is one of three candidates for two slots."""
    there = Choices.of(seen(*sure(3, 1, 4)), PAGE_ALONE)

    class Between(Seams):
        """Sees a slash between the outer two, and nothing beside the middle one."""

        def _before(self, left, right):
            chances = np.full(len(SIGNS), np.log(1e-4))
            chances[SIGNS.index("/") if (left, right) == (0, 2) else 0] = 0.0
            return chances

    found = search(there, slots_of(Format.parse("0/0")), STEPS)
    assert labels_of(there, found[0]) != "34"  # by their pitch alone
    marks = Between(there, np.zeros((1, 1), np.uint8), Signs())
    best, *_ = ranked(found, marks)
    assert labels_of(there, best) == "34"
    assert ranked(found, marks)[0].score >= ranked(found, marks)[-1].score


def test_a_mark_that_the_format_has_and_that_is_not_seen_does_so_too():
    assert read(seen(*sure(1, 2)), "0.0").status == "uncertain"


def test_two_digits_for_one_slot_make_the_number_less_certain():
    def chance(*what):
        return expected(seen(*what), Format.parse("000"), PAGE_ALONE, DECODING, Signs()).chance

    assert chance(*sure(1, 2, 3), (4, 3.9, 3)) < chance(*sure(1, 2, 3))


def test_slots_know_what_stands_before_them():
    dash, point = 1 + MARKS.index("-"), 1 + MARKS.index(".")
    assert [slot.sign for slot in slots_of(Format.parse("-00.0"))] == [MINUS, 0, point]
    assert [(slot.needed, slot.sign) for slot in slots_of(Format.parse("0-?0"))] == [
        (True, 0),
        (False, dash),
        (True, 0),
    ]


def test_a_mark_before_an_empty_slot_stands_before_the_next_digit():
    there = Choices.of(seen(*sure(1, 2)), PAGE_ALONE)
    best = search(there, slots_of(Format.parse("0.?0")), STEPS)[0]
    assert [SIGNS[sign] for sign in best.signs] == ["", "."]


def test_hypotheses_are_the_likeliest_first():
    there = Choices.of(seen(*sure(1, 2, 3), (4, 1.0, 3)), PAGE_ALONE)
    scores = [one.score for one in search(there, slots_of(Format.parse("000")), STEPS)]
    assert scores == sorted(scores, reverse=True) and len(scores) > 1


def test_weights_are_read_again_as_they_were_written():
    assert Decoding.from_dict(asdict(DECODING)) == DECODING
    broken = asdict(DECODING)
    broken["steps"]["pitch"] = float("nan")
    with pytest.raises(ValueError, match="weights for expected formats"):
        Decoding.from_dict(broken)
    assert len(astuple(WHOLE)) == 10
