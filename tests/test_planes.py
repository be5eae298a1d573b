"""Planes at other sizes."""

import numpy as np
import pytest

from edge.planes import magnified, shrunk, to_grey


def plane(rows, columns):
    return np.random.default_rng(1).integers(0, 256, (rows, columns), dtype=np.uint8)


def test_blocks_are_averaged():
    large = plane(12, 20)
    assert np.abs(shrunk(large, 2) - large.reshape(6, 2, 10, 2).mean(axis=(1, 3))).max() <= 0.5
    assert shrunk(large, 1) is large


def test_a_magnified_plane_is_smooth():
    slope = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (6, 1))
    large = magnified(slope, 1.5)
    assert large.shape == (9, 30)
    assert (np.diff(large[4, 2:-2].astype(int)) > 0).all()


@pytest.mark.parametrize(("shape", "times", "expected"), [((9, 31), 2, (4, 16)), ((1, 3), 8, (1, 1))])
def test_a_pixel_stays(shape, times, expected):
    assert shrunk(plane(*shape), times).shape == expected


def test_a_grey_picture_is_not_copied_and_one_in_colour_is_made_grey():
    grey = plane(4, 5)
    assert to_grey(grey) is grey
    assert np.array_equal(to_grey(np.dstack([grey, grey, grey])), grey)
