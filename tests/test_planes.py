"""Planes at other sizes."""

import cv2
import numpy as np
import pytest

from edge.planes import enlarged, magnified, shrunk


def plane(rows, columns):
    return np.random.default_rng(1).integers(0, 256, (rows, columns), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(12, 20), (18, 30), (6, 10), (13, 20), (12, 21), (15, 25), (24, 20)])
def test_each_pixel_becomes_a_block(shape):
    small = plane(6, 10)
    large = enlarged(small, shape)
    assert (large == cv2.resize(small, shape[::-1], interpolation=cv2.INTER_NEAREST)).all()


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
