import cv2
import numpy as np
import pytest
from inked import by_width, inked, touching_zeros
from samples import prediction

from edge.by_ink.parting import SLIMMEST, STACKED, Run, best, part, runs, strips
from edge.by_ink.pieces import Ink
from edge.types import Box

SURE = 0.6


def ink(*lines, size=(60, 90), left=200, top=100):
    """Strokes five pixels wide, in a piece of ink of this many rows and columns."""
    pixels = np.zeros(size, np.uint8)
    for line in lines:
        cv2.polylines(pixels, [np.array(line)], False, 255, 5)
    return Ink(Box(left, top, left + size[1], top + size[0]), pixels, inked(pixels))


def test_touching_digits_are_cut_where_they_touch():
    halves = [run.ink.box for run in runs(touching_zeros()) if 35 <= run.ink.box.width <= 50]
    assert any(abs(box.right - 242) <= 3 and box.left <= 202 for box in halves)
    assert any(abs(box.left - 242) <= 3 and box.right >= 282 for box in halves)


def test_a_part_holds_its_own_ink_alone():
    for run in runs(touching_zeros()):
        box = run.ink.box
        assert run.ink.pixels.shape == (box.height, box.width)
        assert run.ink.pixels[:, 0].any()
        assert run.ink.pixels[:, -1].any()


def test_a_slanted_cut_goes_between_slanted_digits():
    ones = ink([(30, 2), (10, 57)], [(52, 2), (32, 57)], [(26, 15), (47, 15)], size=(60, 60))
    slim = [run.ink for run in runs(ones) if run.start == 0]
    assert any(piece.box.right <= 200 + 42 and piece.box.height >= 55 for piece in slim)


@pytest.mark.parametrize(
    "piece", [ink([(5, 3), (5, 57)], size=(60, 12)), ink([(3, 3), (57, 57)], size=(60, 20))]
)
def test_slim_ink_is_not_cut(piece):
    assert piece.box.width < SLIMMEST * piece.box.height
    assert runs(piece) == []


def candidates(*spans):
    piece = ink([(3, 3), (57, 57)])
    return [Run(start, end, piece) for start, end in spans]


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [
        ([0.3, 0.95, 0.99], [1, 2]),
        ([0.9, 0.4, 0.6], [0]),
        ([0.95, 0.95, 0.95], [0]),
    ],
    ids=["two digits", "one digit", "as good as one"],
)
def test_the_most_probable_way_is_taken(confidences, expected):
    assert best(candidates((0, 2), (0, 1), (1, 2)), confidences) == expected


def test_ink_stays_whole_where_no_way_covers_it():
    assert best(candidates((0, 1), (2, 3)), [0.9, 0.9]) == []


def test_a_part_has_its_share_of_the_weight():
    piece = touching_zeros()
    heavy = Ink(piece.box, piece.pixels, weight=100.0)  # of all of it
    left = next(run.ink for run in runs(heavy) if run.start == 0 and 35 <= run.ink.box.width <= 50)
    assert left.weight == pytest.approx(50, abs=5)


def test_only_what_is_no_clear_digit_is_divided():
    pair = touching_zeros()
    name = by_width({(35, 50): (0, 0.97)})
    assert part([(pair, prediction(8, 0.9))], name, SURE) == []
    assert [answer.label for _, answer in part([(pair, prediction(8, 0.3))], name, SURE)] == [0, 0]


def stacked(*, slope=0.0, lines=3, columns=2):
    """Nines, 40 pixels high, whose tails touch the line below; lines fall by `slope` pixels for each."""
    pixels = np.zeros((50 * lines + 20, 40 * columns + 10), np.uint8)
    for line in range(lines):
        for column in range(columns):
            x, y = 20 + 40 * column, 25 + round(50 * line + slope * 40 * column)
            cv2.ellipse(pixels, (x, y), (12, 10), 0, 0, 360, 255, 4)
            tail = 27 if column or line == lines - 1 else 40
            cv2.line(pixels, (x + 12, y), (x + 12, y + tail), 255, 4)
    return Ink(Box(200, 100, 200 + pixels.shape[1], 100 + pixels.shape[0]), pixels, inked(pixels))


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.1])
def test_lines_that_touch_are_cut_across(slope):
    lines = strips(stacked(slope=slope), 40)
    for top in (112, 162, 212):
        assert any(
            abs(line.box.top - top) <= 12 and line.box.width > 60 and 32 <= line.box.height <= 56
            for line in lines
        )


def test_what_is_about_as_high_as_a_digit_is_no_stack():
    pair = stacked(lines=2, columns=1)
    assert strips(pair, 40)
    assert strips(pair, 1 + pair.box.height / STACKED) == []


def test_what_the_marker_takes_for_no_digits_has_no_lines():
    written = stacked()
    assert strips(written, 40)
    assert strips(Ink(written.box, written.pixels, 0.4 * written.weight), 40) == []


def test_a_stroke_has_no_gap_to_cut():
    assert strips(ink([(10, 3), (10, 117)], size=(120, 20)), 40) == []
