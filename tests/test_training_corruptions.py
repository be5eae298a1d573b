import numpy as np
import pytest

from training.corruptions import CORRUPTIONS, corrupt
from training.dataset import load_mnist


@pytest.fixture(scope="module")
def glyphs():
    """A bar, upright in the middle of each of 40 pictures."""
    pictures = np.zeros((40, 28, 28), np.uint8)
    pictures[:, 6:22, 12:16] = 255
    return pictures


def centre(picture):
    rows, columns = np.nonzero(picture > 127)
    return rows.mean(), columns.mean()


def test_there_are_fifteen_kinds():
    assert len(CORRUPTIONS) == 15


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_follows_its_seed_and_leaves_the_original_alone(kind, glyphs):
    before = glyphs.copy()
    first = corrupt(kind, glyphs, seed=3)
    assert (first.shape, first.dtype) == (glyphs.shape, np.uint8)
    np.testing.assert_array_equal(glyphs, before)
    np.testing.assert_array_equal(corrupt(kind, glyphs, seed=3), first)
    assert (first != glyphs).any(axis=(1, 2)).all(), "a picture was left as it was"
    assert 4 < np.abs(first.astype(int) - glyphs).mean() < 200


CERTAIN = {"scale", "brightness", "stripe", "canny edges"}


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind not in CERTAIN])
def test_chance_spoils_pictures_differently(kind, glyphs):
    assert len(np.unique(corrupt(kind, glyphs), axis=0)) > 1
    assert not np.array_equal(corrupt(kind, glyphs, seed=1), corrupt(kind, glyphs, seed=2))


@pytest.mark.parametrize("kind", ["shot noise", "shear", "scale", "rotate", "translate", "canny edges"])
def test_paper_away_from_the_ink_stays_white(kind, glyphs):
    assert not corrupt(kind, glyphs)[:, :2].any()


def test_impulse_noise_hits_seventeen_pixels_in_a_hundred(glyphs):
    changed = corrupt("impulse noise", glyphs) != glyphs
    # Half of the hits on a black pixel make it black.
    assert changed.mean() == pytest.approx(0.17 / 2, abs=0.01)


def test_translation_is_three_pixels_both_ways(glyphs):
    moved = [np.subtract(centre(picture), centre(glyphs[0])) for picture in corrupt("translate", glyphs)]
    np.testing.assert_allclose(np.abs(moved), 3)
    assert len(np.unique(moved, axis=0)) == 4


def test_scaling_keeps_the_middle(glyphs):
    small = corrupt("scale", glyphs)[0]
    rows, columns = np.nonzero(small > 127)
    assert np.ptp(rows) + 1 == pytest.approx(0.7 * 16, abs=1)
    assert np.ptp(columns) + 1 == pytest.approx(0.7 * 4, abs=1)
    np.testing.assert_allclose(centre(small), (13.5, 13.5), atol=0.5)


@pytest.mark.parametrize(("kind", "slope"), [("shear", 0.4), ("rotate", np.tan(0.4))])
def test_a_bar_leans_as_far_as_it_should(kind, slope, glyphs):
    for picture in corrupt(kind, glyphs):
        rows, columns = np.nonzero(picture > 127)
        assert abs(np.polyfit(rows, columns, 1)[0]) == pytest.approx(slope, abs=0.06)


def test_stripes_invert_the_sides_and_nothing_else(glyphs):
    striped = corrupt("stripe", glyphs)
    assert (striped[:, :, :7] == 255).all()
    assert (striped[:, :, 21:] == 255).all()
    np.testing.assert_array_equal(striped[:, :, 7:21], glyphs[:, :, 7:21])


@pytest.mark.parametrize(("kind", "columns"), [("dotted line", 14), ("zigzag", 24)])
def test_lines_are_drawn_over_paper_only_where_they_should(kind, columns):
    drawn = corrupt(kind, np.zeros((200, 28, 28), np.uint8))
    reached = (drawn > 0).any(axis=1).sum(axis=1)
    assert reached.max() == columns
    assert drawn.max() > 250


def test_fog_leaves_a_quarter_of_the_contrast(glyphs):
    foggy = corrupt("fog", glyphs).astype(int)
    ink, paper = foggy[:, 8:20, 13:15].mean(axis=(1, 2)), foggy[:, 8:20, 9:11].mean(axis=(1, 2))
    assert (ink - paper).mean() == pytest.approx(255 / 4, abs=8)
    assert 60 < paper.mean() < 130


def test_spoiled_digits_are_still_read_but_less_well(data_dir, classifier):
    test = load_mnist(data_dir).test[:300]
    accuracies = {
        kind: float((classifier.raw(corrupt(kind, test.glyphs)).argmax(axis=1) == test.labels).mean())
        for kind in ("shear", "scale", "rotate", "translate", "glass blur", "dotted line")
    }
    assert min(accuracies.values()) > 0.85, accuracies
