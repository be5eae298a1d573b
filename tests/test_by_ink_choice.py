import cv2
import numpy as np
import pytest
from inked import by_width, inked, touching_zeros
from samples import prediction

from edge.by_ink.choice import (
    CLEAR,
    ENOUGH,
    THETA,
    believed,
    choose,
    in_company,
    read_ink,
)
from edge.by_ink.pieces import Ink
from edge.by_ink.segment import Found
from edge.types import Box, Prediction

SURE = 0.6


def nothing(clear):
    return []


def found(*marked, doubted=nothing, again=nothing):
    """Ink at the first look, and how it is found otherwise."""
    return Found(list(marked), doubted, again)


def test_touching_digits_that_are_no_clear_digit_are_parted():
    pair = touching_zeros()
    halves_are_zeros = by_width({(35, 50): (0, 0.97), (80, 90): (8, 0.3)})
    named = read_ink(found(pair), halves_are_zeros, SURE)
    assert [answer.label for _, answer in sorted(named, key=lambda each: each[0].box.left)] == [0, 0]


def test_a_clear_digit_is_not_parted_and_has_no_rival():
    pair = touching_zeros()
    asked = []

    def name(inks):
        asked.extend(inks)
        return [prediction(2, 0.99) for _ in inks]

    assert [ink for ink, _ in read_ink(found(pair, doubted=lambda clear: [pair]), name, SURE)] == [pair]
    assert asked == [pair]


def two_lines():
    """Two bars, 40 pixels high, of which a thread hangs the one on the other."""
    pixels = np.zeros((100, 30), np.uint8)
    pixels[:40] = pixels[60:] = pixels[:, 20:22] = 255
    return Ink(Box(300, 100, 330, 200), pixels, inked(pixels))


@pytest.mark.parametrize(("small", "expected"), [(ENOUGH, [7, 7]), (ENOUGH - 2, [8])])
def test_a_digit_twice_as_high_as_the_others_may_be_two(small, expected):
    others = [box_of_ink(left=40 * k, height=40) for k in range(small)]

    def name(inks):
        return [prediction(8, 0.95) if ink.box.height > 60 else prediction(7, 0.96) for ink in inks]

    named = read_ink(found(*others, two_lines()), name, SURE)
    right = sorted((ink.box.top, answer.label) for ink, answer in named if ink.box.left >= 300)
    assert [label for _, label in right] == expected


def broken_five():
    """The flag and the body of a 5, three pixels apart."""
    return (
        Ink(Box(100, 100, 130, 106), np.full((6, 30), 255, np.uint8), weight=180),
        Ink(Box(98, 109, 128, 150), np.full((41, 30), 255, np.uint8), weight=1230),
    )


def by_height(answers):
    def name(inks):
        return [prediction(*answers[ink.box.height]) for ink in inks]

    return name


def test_a_broken_digit_is_put_together_where_it_reads_better():
    flag, body = broken_five()
    name = by_height({6: (7, 0.3), 41: (6, 0.55), 50: (5, 0.97)})
    ((whole, answer),) = read_ink(found(flag, body), name, SURE)
    assert whole.box == flag.box.union(body.box)
    assert (answer.label, whole.pixels[0].max(), whole.pixels[7].max()) == (5, 255, 0)
    assert whole.pixels[9:].max() == 255
    assert whole.weight == flag.weight + body.weight


def test_what_reads_better_apart_stays_apart():
    flag, body = broken_five()
    name = by_height({6: (7, 0.5), 41: (6, 0.95), 50: (5, 0.5)})
    assert {ink.box for ink, _ in read_ink(found(flag, body), name, SURE)} == {
        flag.box,
        body.box,
    }


def box_of_ink(left, width=30, height=50):
    pixels = np.full((height, width), 255, np.uint8)
    return Ink(Box(left, 100, left + width, 100 + height), pixels, weight=float(width * height))


def test_of_ink_found_in_two_ways_the_one_that_reads_better_is_kept():
    found = choose(
        [
            (box_of_ink(100), prediction(3, 0.5)),
            (box_of_ink(200), prediction(7, 0.95)),
            (box_of_ink(101), prediction(8, 0.8)),
            (box_of_ink(201), prediction(4, 0.7)),
            (box_of_ink(300), prediction(7, 0.7)),
        ]
    )
    labels = {ink.box.left: int(answer.label) for ink, answer in found}
    assert labels == {101: 8, 200: 7, 300: 7}


@pytest.mark.parametrize(
    ("whole", "kept"), [(0.9, {(100, 50)}), (0.45, {(100, 22), (125, 25)})], ids=["whole", "two digits"]
)
def test_fragments_give_way_to_the_whole_and_a_blot_to_clear_digits(whole, kept):
    left, right, both = box_of_ink(100, 22), box_of_ink(125, 25), box_of_ink(100, 50)
    found = choose([(left, prediction(1, 0.8)), (right, prediction(7, 0.8)), (both, prediction(4, whole))])
    assert {(ink.box.left, ink.box.width) for ink, _ in found} == kept


def test_neighbours_whose_boxes_overlap_a_little_are_both_kept():
    named = [(box_of_ink(100), prediction(7, 0.8)), (box_of_ink(122), prediction(1, 0.8))]
    assert choose(named) == named


def test_what_is_likely_no_digit_is_left_out_and_nothing_is_nothing():
    assert choose([(box_of_ink(100), prediction(7, THETA - 0.05))]) == []
    assert choose([]) == []


def test_where_the_first_look_is_not_clear_others_are_asked_for():
    clear, unclear, better = box_of_ink(100), box_of_ink(200, 29), box_of_ink(202, 24)
    asked = []

    def again(boxes):
        asked.append(list(boxes))
        return [better]

    name = by_width({(30, 30): (5, CLEAR + 0.01), (29, 29): (9, 0.5), (24, 24): (4, 0.95)})
    read = {ink.box: answer.label for ink, answer in read_ink(found(clear, unclear, again=again), name, SURE)}
    assert read == {clear.box: 5, better.box: 4}
    assert asked == [[clear.box]]
    asked.clear()
    read_ink(found(clear, again=again), name, SURE)
    assert asked == []


def word():
    """Four arches that hang together."""
    pixels = np.zeros((60, 240), np.uint8)
    for k in range(4):
        cv2.ellipse(pixels, (30 + 60 * k, 30), (28, 26), 0, 0, 360, 255, 5)
    return Ink(Box(200, 100, 440, 160), pixels, inked(pixels))


@pytest.mark.parametrize(("digits", "kept"), [(1, 0), (3, 3), (4, 4)])
def test_a_digit_cut_out_of_a_word_is_none(digits, kept):
    def name(inks):
        """The first so many arches look like a 0."""
        return [
            prediction(0, 0.97)
            if ink.box.width < 75 and (ink.box.left + ink.box.right) / 2 < 200 + 60 * digits
            else prediction(8, 0.15)
            for ink in inks
        ]

    assert len(read_ink(found(word()), name, SURE)) == kept


@pytest.mark.parametrize(
    ("share", "least", "most"),
    [(1.0, 0.9, 0.9), (0.96, 0.9, 0.9), (0.5, 0.7, 0.8), (0.02, 0.3, 0.4), (0, 0.1, 0.3)],
)
def test_what_the_marker_doubts_is_less_certain(share, least, most):
    said = believed(Prediction(np.array([0.01, 0.9, 0.02, *[0.01] * 7], np.float32)), share)
    assert least - 1e-6 <= said.confidence <= most + 1e-6
    assert said.probabilities.sum() == pytest.approx(1)
    assert [label for label, _ in said.top_k()] == [1, 2]


def stands(height, confidence, *, second=0.0):
    """Ink of this height that looks like a 1, and a little like a 7."""
    probabilities = np.full(10, (1 - confidence - second) / 8, np.float32)
    probabilities[[1, 7]] = confidence, second
    box = Box(0, 0, 20, height)
    return Ink(box, np.full((height, 20), 255, np.uint8), weight=20.0 * height), Prediction(probabilities)


def test_among_sure_digits_of_its_size_a_faint_one_is_surer():
    faint = stands(40, 0.6, second=0.3)
    ((_, said), *_) = in_company([faint, *[stands(42, 0.99)] * 20])
    assert 0.75 < said.confidence < 0.9
    assert said.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert [label for label, _ in said.top_k()] == [1, 7]
    ((_, small), *_) = in_company([faint, *[stands(160, 0.99)] * 20])
    assert small.confidence < 0.6  # none of its size


def test_among_letters_what_looks_like_a_digit_is_less_sure():
    digit = stands(40, 0.9)
    letters = [stands(40, 0.3)] * 12
    ((_, alone),) = in_company([digit])
    ((_, said),) = in_company([digit], letters)
    ((_, unrelated),) = in_company([digit], [stands(200, 0.3)] * 12)
    assert said.confidence < 0.75 < alone.confidence
    assert unrelated.confidence == pytest.approx(alone.confidence, abs=0.01)
    assert said.label == 1


def test_ink_that_was_not_taken_for_digits_is_company_too():
    word = [
        Ink(Box(x, 100, x + 30, 140), np.full((40, 30), 255, np.uint8), 1200.0) for x in range(0, 900, 45)
    ]

    def name(inks):
        return [prediction(8, 0.95 if ink.box.left == 0 else 0.2) for ink in inks]

    ((_, lone),) = read_ink(found(*word[:1]), name, SURE)
    ((_, among),) = read_ink(found(*word), name, SURE)
    assert among.confidence < 0.85 < lone.confidence


def test_nothing_has_no_company():
    assert in_company([]) == []
