from dataclasses import replace

import cv2
import numpy as np
import pytest
from samples import THRESHOLDS, number

from edge.errors import UsageError
from edge.lines import to_reading
from edge.overlay import draw, encode
from edge.types import Line


@pytest.mark.parametrize("shape", [(240, 320), (240, 320, 3), (1200, 1600, 3)])
def test_the_frame_is_left_as_it_is_and_the_copy_is_in_colour(shape):
    image = np.full(shape, 200, np.uint8)
    drawn = draw(image, [to_reading(number("407"), THRESHOLDS)])
    assert (image == 200).all()
    assert drawn.shape == (*shape[:2], 3)
    assert (drawn != 200).any()


@pytest.mark.parametrize(("confidence", "colour"), [(0.99, (0, 158, 115)), (0.6, (230, 159, 0))])
def test_the_colour_tells_the_status(confidence, colour):
    drawn = draw(
        np.zeros((240, 320), np.uint8), [to_reading(number("407", confidence=confidence), THRESHOLDS)]
    )
    red, green, blue = colour
    assert (drawn == (blue, green, red)).all(axis=2).sum() > 500


def test_what_is_inside_the_digits_stays_visible():
    drawn = draw(np.zeros((240, 320), np.uint8), [to_reading(number("407"), THRESHOLDS)])
    assert not drawn[105:145, 105:125].any()


@pytest.mark.parametrize(("left", "top"), [(0, 0), (290, 0), (0, 195), (290, 195)])
def test_labels_stay_in_the_picture_at_every_corner(left, top):
    drawn = draw(np.zeros((240, 320), np.uint8), [to_reading(number("7", left, top), THRESHOLDS)])
    assert (drawn == 255).all(axis=2).sum() > 20


def test_labels_of_small_writing_in_a_large_photo_are_small():
    line = number("7", 600, 600)
    drawn = draw(np.zeros((1200, 1600), np.uint8), [to_reading(line, THRESHOLDS)])
    rows = np.flatnonzero(drawn.any(axis=(1, 2)))
    assert rows[-1] - rows[0] < 2.5 * line.box.height  # the number, its frame and its label


def test_labels_of_slanting_rows_are_as_small_as_those_of_level_ones():
    def label(fall):
        digits = number("40781", 60, 100).digits
        fallen = (replace(digit, box=digit.box.moved(0, fall * k)) for k, digit in enumerate(digits))
        drawn = draw(np.zeros((480, 640), np.uint8), [to_reading(Line(tuple(fallen)), THRESHOLDS)])
        return (drawn == 255).all(axis=2).sum()  # what is written on the plate

    assert label(fall=30) == label(fall=0)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG"])
def test_a_picture_is_encoded(suffix):
    data = encode(np.full((20, 30, 3), 90, np.uint8), suffix)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (20, 30, 3)


def test_an_unknown_kind_of_picture_is_refused():
    with pytest.raises(UsageError, match=r"cannot write a picture as '.xyz': use .png"):
        encode(np.zeros((2, 2), np.uint8), ".xyz")


def test_labels_cover_no_other_number_where_there_is_room_beside():
    rows = [to_reading(number("407", 60, 40 + 62 * row), THRESHOLDS) for row in range(5)]
    paper = np.full((400, 640), 255, np.uint8)
    together = draw(paper, rows)
    for row in rows:
        np.testing.assert_array_equal(row.box.of(together), row.box.of(draw(paper, [row])))
