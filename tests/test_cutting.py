import cv2
import numpy as np
import pytest

from edge.cutting import cut_out, strokes
from edge.page import CHANNELS, DEPTH, Look, paper_brightness, to_blocks
from edge.types import Box, Candidate

SIDE = 128


def look_at(grey: np.ndarray, ink: np.ndarray, scale: float = 1.0) -> Look:
    """A look of a network that marks exactly this ink."""
    said = np.zeros((grey.shape[0] // 4, grey.shape[1] // 4, DEPTH), np.int8)
    said[..., CHANNELS["ink"]] = np.where(to_blocks(ink[np.newaxis])[0] > 0, 60, -60)
    return Look(grey, paper_brightness(grey), scale, said, 0.1, 0)


def candidate(box: Box) -> Candidate:
    return Candidate(box, 3.0, np.zeros(10, np.float32), -3.0, (0.0, 0.0), 0, 3.0)


def page(*strokes_at: tuple[int, int, int, int], dark: int = 60, paper: int = 200):
    grey, ink = np.full((SIDE, SIDE), paper, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    for left, top, right, bottom in strokes_at:
        cv2.rectangle(grey, (left, top), (right - 1, bottom - 1), dark, -1)
        cv2.rectangle(ink, (left, top), (right - 1, bottom - 1), 255, -1)
    return grey, ink


@pytest.mark.parametrize(("dark", "paper"), [(60, 200), (170, 200), (230, 60)])
def test_ink_comes_out_white_on_black_whatever_its_colour(dark, paper):
    grey, ink = page((40, 30, 46, 90), dark=dark, paper=paper)
    (cut,) = cut_out(grey, [look_at(grey, ink)], [candidate(Box(38, 28, 48, 92))])
    width, height = cv2.boundingRect(cut)[2:]
    assert (width, height) == (6, 60)
    assert cut.max() == 255
    assert (cut == 0).mean() > 0.5


def test_what_belongs_to_a_neighbour_is_left_to_it():
    # A long bar under two digits: each gets its half.
    grey, ink = page((20, 80, 100, 86), (38, 30, 44, 86), (78, 30, 84, 86))
    left, right = candidate(Box(20, 30, 60, 86)), candidate(Box(60, 30, 100, 86))
    cuts = cut_out(grey, [look_at(grey, ink)], [left, right])
    for cut in cuts:
        assert cv2.boundingRect(cut)[2] == pytest.approx(40, abs=1)
    (alone,) = cut_out(grey, [look_at(grey, ink)], [left])
    assert cv2.boundingRect(alone)[2] > 44


def test_what_is_not_marked_is_not_cut_out():
    grey, ink = page((40, 30, 46, 90))
    cv2.line(grey, (0, 60), (SIDE, 60), 80, 2)  # ruling that the network leaves out
    (cut,) = cut_out(grey, [look_at(grey, ink)], [candidate(Box(30, 28, 56, 92))])
    assert cv2.boundingRect(cut)[2] == 6


def test_small_digits_are_cut_out_of_the_frame_where_that_is_finer():
    grey, ink = page((40, 30, 44, 60))
    small, small_ink = (cv2.resize(plane, None, fx=0.5, fy=0.5) for plane in (grey, ink))
    (cut,) = cut_out(grey, [look_at(small, small_ink, 0.5)], [candidate(Box(38, 28, 46, 62))])
    assert cv2.boundingRect(cut)[3] == pytest.approx(30, abs=2)


def test_a_box_beyond_the_border_gives_what_is_inside():
    grey, ink = page((120, 30, 128, 90))
    (cut,) = cut_out(grey, [look_at(grey, ink)], [candidate(Box(118, 28, 140, 92))])
    assert cv2.boundingRect(cut)[2] == 8
    (nothing,) = cut_out(grey, [look_at(grey, ink)], [candidate(Box(128, 0, 128, 0))])
    assert not nothing.any()


def test_faint_ink_is_as_white_as_any_other():
    own = np.zeros((20, 20), np.uint8)
    own[5:15, 8:12] = 255
    faint, strong = (strokes(own, (own // 255 * level).astype(np.uint8)) for level in (12, 180))
    assert faint.max() == strong.max() == 255
