import numpy as np
import pytest

from edge.ink import BLOCK, flatten, from_blocks, to_blocks

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
