"""Distortions keep to MNIST's form and to their seed."""

import numpy as np
import pytest

from edge.preprocess import to_glyph
from training.augment import MILD, Distortion, distort

STILL = Distortion(
    untouched=0,
    rotation=0,
    shear=0,
    stretch=0,
    zoom=0,
    shift=0,
    waves=0,
    framed=0,
    pen=0,
    blur=0,
    fade=0,
    spoiled=0,
)


@pytest.fixture
def glyphs():
    """A hook, a ring and a bar, 40 times."""
    pictures = np.zeros((3, 60, 60), np.uint8)
    pictures[0, 5:55, 20:26] = pictures[0, 5:11, 20:50] = 255
    pictures[1, 10:50, 10:50] = 255
    pictures[1, 16:44, 16:44] = 0
    pictures[2, 5:55, 28:34] = 255
    return np.stack([to_glyph(picture) for picture in pictures] * 40)


def test_the_same_state_of_chance_gives_the_same_glyphs(glyphs):
    first, again, other = (distort(glyphs, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_glyphs_stay_glyphs_and_the_originals_as_they_are(glyphs):
    before = glyphs.copy()
    distorted = distort(glyphs, np.random.default_rng(1))
    assert distorted.shape == glyphs.shape
    assert distorted.dtype == np.uint8
    np.testing.assert_array_equal(glyphs, before)


def test_the_share_untouched_is_as_asked(glyphs):
    same = (distort(glyphs, np.random.default_rng(1)) == glyphs).all(axis=(1, 2)).mean()
    assert same == pytest.approx(MILD.untouched, abs=0.1)


def test_without_distortion_a_glyph_does_not_change(glyphs):
    still = distort(glyphs[:3], np.random.default_rng(1), STILL)
    np.testing.assert_allclose(still, glyphs[:3], atol=1)


def test_ink_that_is_framed_fills_the_box_of_mnist(glyphs):
    how = Distortion(untouched=0, framed=1, blur=0, fade=0, spoiled=0)
    for glyph in distort(glyphs, np.random.default_rng(1), how):
        rows, columns = np.nonzero(glyph)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)


@pytest.mark.parametrize(
    ("change", "measure"),
    [
        ({"rotation": 10.0}, "shape"),
        ({"shear": 0.2}, "shape"),
        ({"stretch": 0.3}, "shape"),
        ({"waves": 0.8}, "shape"),
        ({"pen": 1.0}, "mass"),
        ({"zoom": 0.2}, "mass"),
        ({"fade": 1.0}, "peak"),
        ({"blur": 1.0}, "shape"),
        ({"shift": 2.0}, "shape"),
        ({"spoiled": 1.0}, "shape"),
        ({"framed": 1.0, "shift": 2.0}, "shape"),
    ],
)
def test_each_distortion_does_its_part(glyphs, change, measure):
    values = {name: getattr(STILL, name) for name in STILL.__dataclass_fields__}
    still = distort(glyphs, np.random.default_rng(1), STILL)
    changed = distort(glyphs, np.random.default_rng(1), Distortion(**(values | change)))
    if measure == "shape":
        assert (changed != still).any(axis=(1, 2)).mean() > 0.5
    elif measure == "mass":
        ratio = changed.sum(axis=(1, 2)) / still.sum(axis=(1, 2))
        assert ratio.min() < 0.97
        assert ratio.max() > 1.03
    else:
        assert changed.max(axis=(1, 2)).min() < 0.9 * still.max()
