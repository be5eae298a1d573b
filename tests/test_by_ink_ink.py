import cv2
import numpy as np
import pytest
from samples import handwriting

from edge.by_ink.ink import BLOCK, InkMarker, flatten, from_blocks, to_blocks

RANDOM = np.random.default_rng(2)


def test_blocks_hold_the_pixels_of_a_square_in_reading_order():
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    blocks = to_blocks(picture)
    assert blocks.shape == (1, 2, 2, BLOCK**2)
    assert list(blocks[0, 0, 1, :5]) == [4, 5, 6, 7, 12]


def test_pictures_come_back_from_blocks():
    pictures = RANDOM.integers(0, 256, (3, 32, 64), np.uint8)
    assert (from_blocks(to_blocks(pictures)) == pictures).all()


@pytest.mark.parametrize("light", [60, 120, 240])
def test_even_paper_is_flat_in_any_light(light):
    flat = flatten(np.full((64, 96), light, np.uint8))
    assert np.abs(flat.astype(int) - 128).max() <= 1


def test_ink_is_as_dark_in_shadow_as_in_light():
    bright = np.full((128, 128), 200, np.uint8)
    bright[60:68, 20:100] = 80
    dark = bright // 2
    assert np.abs(flatten(bright).astype(int) - flatten(dark)).max() <= 3
    assert flatten(bright)[64, 60] < 64


@pytest.fixture(scope="module")
def mark():
    return InkMarker()


def digit(height, *, rows=480, columns=640):
    """A handwritten 5 of this height, and where its ink is."""
    left, base = round((columns - 0.6 * height) / 2), (rows + height) // 2
    ink = handwriting("5", height, (rows, columns), left, base, 0)
    return np.where(ink > 127, 60, 200).astype(np.uint8), ink > 127


@pytest.mark.parametrize("height", [20, 60, 150, 400])
def test_digits_are_marked_whether_they_are_small_or_fill_the_picture(mark, height):
    grey, ink = digit(height)
    marked = mark(grey).ink > 127
    assert marked.shape == grey.shape
    assert (marked & ink).sum() > 0.6 * ink.sum()
    assert (marked & ~cv2.dilate(ink.astype(np.uint8), np.ones((7, 7))).astype(bool)).sum() < 0.1 * ink.sum()


def test_ruled_and_squared_paper_is_not_marked(mark):
    grey = np.full((480, 640), 210, np.uint8)
    grey[20::24] = 150
    grey[:, 20::24] = 150
    assert (mark(grey).ink > 127).mean() < 0.002


def test_pictures_of_changing_sizes_are_marked_as_ever(mark):
    pictures = [digit(60, rows=rows, columns=320)[0] for rows in (240, 250, 480, 300, 240)]
    for grey in pictures:
        assert (mark(grey).ink == InkMarker()(grey).ink).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (200, 7), (33, 65)])
def test_a_picture_of_any_size_is_marked_pixel_by_pixel(mark, shape):
    assert mark(np.full(shape, 128, np.uint8)).ink.shape == shape


def with_ruling(grey):
    grey[20::40] = 150


def with_a_margin(grey):
    grey[:, 100:102] = 120


def with_a_smaller_digit(grey):
    grey[40:80, 40:80] = digit(16, rows=40, columns=40)[0]


def with_a_blot(grey):
    cv2.circle(grey, (100, 100), 12, 60, cv2.FILLED)


def with_a_faint_box(grey):
    cv2.rectangle(grey, (40, 60), (90, 140), 180, 4)


@pytest.mark.parametrize("change", [lambda grey: None, with_ruling])
def test_a_page_of_nothing_but_large_digits_is_seen_whole_from_further_away(mark, change):
    grey, ink = digit(80)
    change(grey)
    marked = mark(grey)
    assert marked.complete
    assert ((marked.ink > 127) & ink).sum() > 0.8 * ink.sum()


@pytest.mark.parametrize(
    "change",
    [with_a_margin, with_a_smaller_digit, with_a_blot, with_a_faint_box, lambda grey: grey.fill(200)],
)
def test_a_page_with_something_else_on_it_or_nothing_is_looked_at_from_nearer(mark, change):
    grey, _ = digit(80)
    change(grey)
    assert not mark(grey).complete


def test_chalk_is_looked_at_from_nearer(mark):
    assert not mark(255 - digit(80)[0]).complete
