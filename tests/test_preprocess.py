import gzip

import cv2
import numpy as np
import pytest

from edge.preprocess import to_glyph


def stroke(height: int, width: int) -> np.ndarray:
    ink = np.zeros((height, width), np.uint8)
    cv2.line(ink, (2, 2), (width - 3, height - 3), 255, max(1, height // 12))
    return ink


def test_mnist_comes_out_as_it_is(data_dir):
    raw = gzip.decompress((data_dir / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    images = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    same = sum(bool((to_glyph(image) == image).all()) for image in images)
    assert same == 9997  # three of MNIST's test digits are 19 pixels long, not 20


@pytest.mark.parametrize(("height", "width"), [(100, 60), (60, 100), (12, 5), (700, 300), (20, 20)])
def test_the_longer_side_is_twenty_pixels_and_the_shape_is_kept(height, width):
    _, _, w, h = cv2.boundingRect(to_glyph(stroke(height, width)))
    assert max(w, h) == 20
    assert w / h == pytest.approx((width - 4) / (height - 4), rel=0.25)


def test_the_centre_of_mass_is_in_the_middle():
    ink = np.zeros((60, 40), np.uint8)
    ink[:6] = 255  # top-heavy, as a 7
    ink[:, 25:31] = 255
    moments = cv2.moments(to_glyph(ink))
    assert moments["m10"] / moments["m00"] == pytest.approx(14, abs=0.5)
    assert moments["m01"] / moments["m00"] == pytest.approx(14, abs=0.5)


def test_ink_stays_inside_even_where_its_mass_is_at_one_end():
    ink = np.zeros((100, 100), np.uint8)
    ink[:5, :5] = 255
    ink[99, 99] = 255
    glyph = to_glyph(ink)
    assert glyph.shape == (28, 28)
    assert glyph.max() > 0


@pytest.mark.parametrize("shape", [(10, 10), (1, 1), (300, 2)])
def test_no_ink_is_a_black_glyph(shape):
    assert not to_glyph(np.zeros(shape, np.uint8)).any()
