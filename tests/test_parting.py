import cv2
import numpy as np
import pytest
from samples import prediction

from edge.parting import SLIMMEST, Run, best, join, part, runs, settle
from edge.types import Box, Ink


def ink(*lines, size=(60, 90), left=200, top=100):
    """Strokes five pixels wide, in a piece of ink of this many rows and columns."""
    pixels = np.zeros(size, np.uint8)
    for line in lines:
        cv2.polylines(pixels, [np.array(line)], False, 255, 5)
    return Ink(Box(left, top, left + size[1], top + size[0]), pixels)


def touching_zeros():
    """Two ovals that share a little ink."""
    pixels = np.zeros((60, 84), np.uint8)
    for x in (21, 63):
        cv2.ellipse(pixels, (x, 30), (19, 27), 0, 0, 360, 255, 5)
    return Ink(Box(200, 100, 284, 160), pixels)


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


def answering(answers):
    """A classifier that gives these answers, (label, confidence), whatever it sees."""

    def name(inks):
        assert len(inks) == len(answers)
        return [prediction(*answer) for answer in answers]

    return name


def test_only_ink_that_is_no_clear_digit_is_parted():
    pair = touching_zeros()
    answers = [(0, 0.97) if run.ink.box.width < 50 else (8, 0.2) for run in runs(pair)]
    named = [(pair, prediction(8, 0.3)), (pair, prediction(2, 0.99))]
    found = part(named, answering(answers), sure=0.9)
    assert [int(answer.label) for _, answer in found] == [0, 0, 2]
    assert found[-1] == named[-1]
    assert found[0][0].box.left < found[1][0].box.left


def broken_five():
    """The flag and the body of a 5, three pixels apart."""
    return (
        Ink(Box(100, 100, 130, 106), np.full((6, 30), 255, np.uint8)),
        Ink(Box(98, 109, 128, 150), np.full((41, 30), 255, np.uint8)),
    )


def test_a_broken_digit_is_put_together_where_it_reads_better():
    flag, body = broken_five()
    named = [(flag, prediction(7, 0.3)), (body, prediction(6, 0.6))]
    ((whole, answer),) = join(named, answering([(5, 0.97)]), sure=0.9)
    assert whole.box == flag.box.union(body.box)
    assert (answer.label, whole.pixels[0].max(), whole.pixels[7].max()) == (5, 255, 0)
    assert whole.pixels[9:].max() == 255


@pytest.mark.parametrize(
    ("confidences", "whole"),
    [((0.3, 0.6), 0.4), ((0.85, 0.95), 0.5)],
    ids=["no digit either way", "two digits"],
)
def test_what_reads_better_apart_stays_apart(confidences, whole):
    named = [(ink, prediction(1, c)) for ink, c in zip(broken_five(), confidences, strict=True)]
    assert join(named, answering([(5, whole)]), sure=0.9) == named


def test_clear_digits_and_those_far_apart_are_left_alone():
    flag, body = broken_five()
    clear = [(flag, prediction(1, 0.99)), (body, prediction(6, 0.99))]
    assert join(clear, answering([]), sure=0.9) == clear
    far = [(flag, prediction(1, 0.3)), (Ink(body.box.moved(0, 40), body.pixels), prediction(6, 0.6))]
    assert join(far, answering([]), sure=0.9) == far


def box_of_ink(left, width=30, height=50):
    return Ink(Box(left, 100, left + width, 100 + height), np.full((height, width), 255, np.uint8))


def test_of_ink_found_in_two_ways_the_one_that_reads_better_is_kept():
    named = [(box_of_ink(100), prediction(3, 0.5)), (box_of_ink(200), prediction(7, 0.95))]
    rivals = [box_of_ink(101), box_of_ink(201), box_of_ink(300)]
    found = settle(named, rivals, answering([(8, 0.8), (4, 0.7)]), sure=0.9)
    labels = {ink.box.left: int(answer.label) for ink, answer in found}
    assert labels == {101: 8, 200: 7, 300: 4}


def test_fragments_give_way_to_the_whole_and_a_whole_to_clear_digits():
    fragments = [(box_of_ink(100, 12), prediction(1, 0.6)), (box_of_ink(115, 15, 20), prediction(7, 0.5))]
    whole = box_of_ink(100)
    assert [ink for ink, _ in settle(fragments, [whole], answering([(4, 0.9)]), sure=0.9)] == [whole]
    assert settle(fragments, [whole], answering([(4, 0.2)]), sure=0.9) == sorted(
        fragments, key=lambda each: -each[1].confidence
    )


def test_neighbours_whose_boxes_overlap_are_both_kept():
    named = [(box_of_ink(100), prediction(7, 0.8)), (box_of_ink(110), prediction(1, 0.8))]
    assert len(settle(named, [box_of_ink(300)], answering([(2, 0.9)]), sure=0.9)) == 3
