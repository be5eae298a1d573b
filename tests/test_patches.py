"""The place between two digits is cut out so that the mark network sees all digits alike."""

import tracemalloc

import cv2
import numpy as np
import pytest
from drawn import STROKES, scene_of

from edge.patches import CONTRAST, LEFT, RIGHT, patch
from edge.types import Box


def page(kind=None, **how):
    scene = scene_of([("12", 100, 200)], marks=[(kind, 0, 120, 200)] if kind else (), **how)
    return scene.image[..., 0], [digit.box for digit in scene.digits]


def apart(planes):
    """The ink in a patch that is in no digit's box."""
    return np.where(planes[..., :CONTRAST].any(axis=2), 0, planes[..., CONTRAST])


def test_both_digits_are_as_high_in_it_as_all_others():
    for height in (14, 40, 90):
        grey, boxes = page(height=height)
        planes = patch(grey, *boxes)
        assert planes.shape == (28, 56, 3) and planes.dtype == np.uint8
        for plane in (LEFT, RIGHT):
            rows = np.nonzero(planes[..., plane])[0]
            assert np.ptp(rows) + 1 == pytest.approx(16, abs=2)
        assert np.nonzero(planes[..., LEFT])[1].max() < 28 < np.nonzero(planes[..., RIGHT])[1].min()


@pytest.mark.parametrize("kind", STROKES)
def test_a_mark_is_seen_where_it_stands(kind):
    grey, boxes = page(kind)
    without, _ = page()
    assert apart(patch(without, *boxes)).max() < 100 < apart(patch(grey, *boxes)).max()


def test_neither_the_colour_of_the_ink_nor_the_light_changes_it():
    grey, boxes = page(".")
    seen = patch(grey, *boxes).astype(int)
    falling = np.linspace(1, 0.4, grey.shape[1])
    for other in (255 - grey, grey // 2, np.round(grey * falling).astype(np.uint8)):
        assert np.abs(patch(other, *boxes).astype(int) - seen).mean() < 6


def test_before_the_first_digit_there_is_no_left_box():
    grey, (first, _) = page("-")
    planes = patch(grey, None, first)
    assert not planes[..., LEFT].any() and planes[..., RIGHT].any()
    assert np.nonzero(planes[..., RIGHT])[1].min() == pytest.approx(36, abs=2)


@pytest.mark.parametrize("box", [Box(-30, 5, -10, 45), Box(590, 80, 640, 120), Box(0, 0, 1, 1)])
def test_at_the_border_of_the_picture_and_beyond_it_goes_on(box):
    grey = cv2.randu(np.zeros((100, 600), np.uint8), 0, 255)
    assert patch(grey, None, box).shape == (28, 56, 3)
    assert patch(grey, Box(20, 10, 40, 50), box).shape == (28, 56, 3)


def test_a_digit_as_large_as_the_picture_takes_no_more_than_the_picture():
    """What lies beyond the border is made up in the patch, not in the picture."""
    grey = np.full((3000, 2000), 220, np.uint8)
    tracemalloc.start()
    patch(grey, None, Box(100, 10, 1900, 2990))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < grey.nbytes
