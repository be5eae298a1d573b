import numpy as np
import pytest
from samples import number

from edge.fields import Region
from edge.regions import cells, is_same, view_of
from edge.sheet import Sheet
from edge.types import Box

GREY = np.random.default_rng(0).integers(0, 256, (240, 320), np.uint8)
SHEET = Sheet(((60, 40), (260, 60), (250, 200), (50, 180)))


def test_a_region_of_the_picture_is_cut_out_as_it_is_with_a_little_around():
    view = view_of(GREY, Region(0.25, 0.25, 0.5, 0.5), None)
    around = 15  # a quarter of its height
    assert (view.image == GREY[60 - around : 120 + around, 80 - around : 160 + around]).all()
    assert view.outline.tolist() == [[80, 60], [160, 60], [160, 120], [80, 120]]


def test_what_is_found_in_a_region_is_told_in_pixels_of_the_frame():
    view = view_of(GREY, Region(0.25, 0.25, 0.5, 0.5), None)
    line = number("12", left=5, top=7)
    boxes = [digit.box for digit in view.in_frame(line).digits]
    assert boxes == [digit.box.moved(65, 45) for digit in line.digits]


def test_a_region_holds_what_has_its_middle_in_it():
    view = view_of(GREY, Region(0.25, 0.25, 0.5, 0.5), None)
    assert view.holds(Box(70, 70, 100, 90))
    assert not view.holds(Box(60, 70, 90, 90))


def test_what_reaches_the_border_of_what_is_cut_out_may_be_cut():
    view = view_of(GREY, Region(0.25, 0.25, 0.5, 0.5), None)
    assert view.may_cut(Box(66, 70, 90, 90))
    assert not view.may_cut(Box(70, 70, 90, 90))
    at_the_border = view_of(GREY, Region(0, 0.25, 0.5, 0.5), None)
    assert not at_the_border.may_cut(Box(0, 70, 90, 90))  # there the picture ends, as the tracker knows


def test_a_region_of_a_sheet_lies_as_the_sheet_does():
    view = view_of(GREY, Region(0, 0, 1, 1, "sheet"), SHEET)
    assert view.outline == pytest.approx(np.array(SHEET.corners), abs=1e-3)
    assert view.holds(Box(60, 60, 70, 70))
    assert not view.holds(Box(20, 100, 30, 110))
    half = view_of(GREY, Region(0.5, 0, 1, 1, "sheet"), SHEET)
    assert half.holds(Box(200, 100, 210, 110))
    assert not half.holds(Box(100, 100, 110, 110))


def test_boxes_on_a_sheet_find_their_way_back_into_the_frame():
    view = view_of(GREY, Region(0.2, 0.2, 0.8, 0.8, "sheet"), SHEET)
    rows, columns = view.image.shape
    line = number("1", left=columns // 2 - 15, top=rows // 2 - 25)
    (x, y), middle = view.in_frame(line).box.centre, np.array(SHEET.corners).mean(axis=0)
    assert (x, y) == pytest.approx(middle, abs=2)


def test_a_sheet_that_moves_a_little_is_cut_out_in_the_same_size():
    region = Region(0.2, 0.2, 0.8, 0.5, "sheet")
    moved = Sheet(tuple((x + 3.3, y * 1.01 - 2) for x, y in SHEET.corners))
    assert view_of(GREY, region, SHEET).image.shape == view_of(GREY, region, moved).image.shape


def test_without_a_sheet_there_is_no_region_on_it():
    assert view_of(GREY, Region(0, 0, 1, 1, "sheet"), None) is None


def noisy(picture, seed, deviation=2.6):
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


PAPER = np.full((240, 320), 200, np.uint8)


@pytest.mark.parametrize("lamp", [0.98, 1.0, 1.02])
def test_noise_and_a_lamp_that_flickers_change_nothing(lamp):
    for seed in range(10):
        assert is_same(cells(noisy(PAPER, 100)), cells(noisy(PAPER * lamp, seed)))


@pytest.mark.parametrize(("side", "ink"), [(2, 130), (3, 150), (4, 170)])
def test_a_small_mark_is_a_change_wherever_it_is(side, ink):
    rng = np.random.default_rng(1)
    for seed in range(20):
        marked = PAPER.copy()
        y, x = (4 * int(rng.integers(3, 50)) + 1 for _ in range(2))
        marked[y : y + side, x : x + side] = ink
        assert not is_same(cells(noisy(PAPER, 100)), cells(noisy(marked, seed)))


def test_pictures_of_different_sizes_are_not_the_same():
    assert not is_same(cells(PAPER), cells(PAPER[:100]))
