import cv2
import numpy as np
import pytest
from samples import dark, written

from edge.ink import InkMarker
from edge.segment import WORK_SIZE, segment, to_grey

RANDOM = np.random.default_rng(7)
MARK = InkMarker()


def boxes(grey, mark=MARK):
    return sorted((ink.box for ink in segment(grey, mark)), key=lambda box: box.left)


def in_place(found, text):
    """Whether there is one box for each digit of `written(text)`, around its middle."""
    return len(found) == len(text) and all(
        box.left < 30 + 45 * k + 20 < box.right and box.top < 115 < box.bottom for k, box in enumerate(found)
    )


def test_each_digit_is_found():
    assert in_place(boxes(written("2468")), "2468")


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (40, 120), (30, 70), (150, 210)])
def test_dark_and_pale_pens_in_good_and_bad_light_are_found(ink, paper):
    assert in_place(boxes(written("507", ink=ink, paper=paper)), "507")


def test_half_the_sheet_in_shadow_changes_nothing():
    image = written("23579").astype(np.float32)
    image *= np.interp(np.arange(320), [138, 146], [1, 0.45])[None]  # the edge of the shadow is across the 5
    assert in_place(boxes(image.astype(np.uint8)), "23579")


def test_light_that_falls_off_towards_the_corners_changes_nothing():
    image = written("86420").astype(np.float32)
    image *= np.linspace(0.35, 1, 320)[None] * np.linspace(0.6, 1, 240)[:, None]
    assert in_place(boxes(image.astype(np.uint8)), "86420")


@pytest.mark.parametrize("deviation", [3, 8])
def test_noise_alone_is_no_ink_and_does_not_hide_any(deviation):
    grain = RANDOM.normal(0, deviation, (240, 320))
    assert segment(np.clip(200 + grain, 0, 255).astype(np.uint8), MARK) == []
    assert in_place(boxes(np.clip(written("904") + grain, 0, 255).astype(np.uint8)), "904")


def test_an_empty_page_holds_nothing():
    assert segment(np.full((480, 640), 200, np.uint8), MARK) == []


def test_the_flag_of_a_five_that_does_not_touch_belongs_to_it():
    image = np.full((240, 320), 220, np.uint8)
    cv2.ellipse(image, (150, 140), (22, 24), 0, -120, 130, 40, 5)
    cv2.line(image, (138, 118), (138, 96), 40, 5)
    cv2.line(image, (146, 90), (172, 90), 40, 5)
    (box,) = boxes(image)
    assert box.top <= 90
    assert box.bottom >= 164


def test_a_ruled_line_and_a_minus_are_no_digits():
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (0, 60), (319, 62), 90, 2)
    cv2.line(image, (100, 150), (140, 150), 40, 5)
    assert boxes(image) == []


def test_the_desk_beside_the_page_is_no_one():
    image = written("407")
    image[:, :8] = 60
    image[:150, 314:] = 60
    assert in_place(boxes(image), "407")


def test_digits_inside_a_frame_are_found():
    image = written("407")
    cv2.rectangle(image, (10, 60), (300, 180), 40, 3)
    assert in_place(boxes(image), "407")


def test_a_large_photo_is_searched_smaller_but_its_boxes_are_in_its_own_pixels():
    small, large = written("38"), cv2.resize(written("38"), None, fx=10, fy=10)
    assert max(large.shape) > WORK_SIZE
    for a, b in zip(boxes(small), boxes(large), strict=True):
        assert b.scaled(0.1).overlap(a) > 0.8


def test_the_ink_of_a_neighbour_in_the_same_box_is_left_out():
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (100, 60), (160, 160), 40, 5)
    cv2.line(image, (130, 60), (190, 160), 40, 5)
    first, second = sorted(segment(image, dark), key=lambda ink: ink.box.left)
    assert second.box.left < first.box.right
    corner = first.box.right - second.box.left
    assert not first.pixels[:20, -corner:].any()
    assert first.pixels.max() == 255


def test_colour_becomes_grey():
    assert to_grey(np.zeros((4, 5, 3), np.uint8)).shape == (4, 5)
    assert to_grey(np.ones((4, 5), np.uint8)).shape == (4, 5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2), (16, 16), (3000, 20)])
def test_odd_sizes_do_not_matter(shape):
    assert segment(np.full(shape, 128, np.uint8), MARK) == []
