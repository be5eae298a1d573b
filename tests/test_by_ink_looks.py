import cv2
import numpy as np
import pytest
from inked import dark
from samples import prediction, written

from edge.by_ink.choice import read_ink
from edge.by_ink.looks import NEARER, SMALL, find_digits, is_negative, slope_of_rows
from edge.by_ink.pieces import Marked
from edge.by_ink.segment import LEAST_SIZE, segment
from edge.reader import DigitReader
from edge.types import Box

SURE = 0.6


def sevens(inks):
    return [prediction(7, 0.99) for _ in inks]


def page(height, text="2468"):
    """A page with digits of this height, pixels; it is large enough not to be enlarged."""
    large = written(text)
    small = cv2.resize(large, None, fx=height / 48, fy=height / 48, interpolation=cv2.INTER_AREA)
    whole = np.full(large.shape, large[0, 0])
    whole[: small.shape[0], : small.shape[1]] = small
    return whole


class Looking:
    """A marker that keeps what it was shown, and sees what is dark in those columns, 0 to 1, of each look."""

    def __init__(self, *seen):
        self.seen, self.shapes = seen, []

    def __call__(self, grey):
        first, last = (round(place * grey.shape[1]) for place in self.seen[len(self.shapes)])
        self.shapes.append(grey.shape)
        marked = dark(grey)
        marked.ink[:, :first] = marked.ink[:, last:] = 0
        return marked


EVERYTHING = (0, 1)


@pytest.mark.parametrize(("height", "looks"), [(SMALL - 6, 2), (SMALL + 6, 1)])
def test_small_digits_are_looked_at_from_nearer(height, looks):
    grey, mark = page(height), Looking(EVERYTHING, EVERYTHING)
    assert len(find_digits(grey, mark, sevens, SURE)) == 4
    rows, columns = grey.shape
    assert mark.shapes == [(rows, columns), (NEARER * rows, NEARER * columns)][:looks]


def test_of_a_few_digits_nobody_knows_whether_the_writing_is_small():
    mark = Looking(EVERYTHING, EVERYTHING)
    find_digits(page(SMALL - 6, "24"), mark, sevens, SURE)
    assert len(mark.shapes) == 1


def test_what_one_look_misses_the_other_finds():
    grey = page(SMALL - 6)
    near, far = (0.42, 1), (0, 0.7)
    found = find_digits(grey, Looking(far, near), sevens, SURE)
    both = find_digits(grey, Looking(EVERYTHING, EVERYTHING), sevens, SURE)
    assert len(found) == 4
    places, expected = (sorted(ink.box.as_list() for ink, _ in named) for named in (found, both))
    assert np.abs(np.subtract(places, expected)).max() <= 1


def test_what_is_found_from_nearer_stands_where_it_is():
    grey = page(SMALL - 6)
    (first, *_), (nearer, *_) = (
        sorted((ink for ink, _ in named), key=lambda ink: ink.box.left)
        for named in (read_ink(segment(grey, dark, nearer=times), sevens, SURE) for times in (1, NEARER))
    )
    assert np.abs(np.subtract(first.box.as_list(), nearer.box.as_list())).max() <= 1
    assert nearer.pixels.shape[0] > 1.7 * first.pixels.shape[0]
    assert nearer.weight == pytest.approx(first.weight, rel=0.3)  # pixels of the frame, both
    assert nearer.marked == pytest.approx(first.marked, rel=0.1)


def test_a_number_that_was_cut_out_of_a_page_is_enlarged():
    grey, mark = page(24)[40:80, 10:100], Looking(EVERYTHING)
    named = find_digits(grey, mark, sevens, SURE)
    assert len(named) == 4
    assert max(mark.shapes[0]) == LEAST_SIZE
    assert all(ink.box.clipped(*grey.shape) == ink.box for ink, _ in named)


def turned(picture, degrees):
    """A page whose rows rise by that much, with its corners filled with paper."""
    rows, columns = picture.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
    return cv2.warpAffine(picture, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(("degrees", "looks"), [(0, 1), (12, 2), (-12, 2)])
def test_a_turned_page_is_seen_upright(degrees, looks):
    grey, mark = turned(page(48), degrees), Looking(EVERYTHING, EVERYTHING)
    named = find_digits(grey, mark, sevens, SURE)
    assert len(named) == 4
    assert len(mark.shapes) == looks


def test_what_is_read_upright_stands_where_it_is():
    grey = turned(page(48), 12)
    upright, as_it_is = (
        sorted((ink.box for ink, _ in named), key=lambda box: box.left)
        for named in (find_digits(grey, dark, sevens, SURE), read_ink(segment(grey, dark), sevens, SURE))
    )
    # Between the pixels of a turned picture, ink may be a pixel wider.
    assert np.abs(np.subtract([box.as_list() for box in upright], [b.as_list() for b in as_it_is])).max() <= 2


def test_what_is_read_upright_is_the_upright_ink():
    grey = page(48, "1111")
    straight, upright = (
        min((ink for ink, _ in named), key=lambda ink: ink.box.left)
        for named in (
            read_ink(segment(grey, dark), sevens, SURE),
            find_digits(turned(grey, -12), dark, sevens, SURE),
        )
    )
    assert upright.box.width > 1.5 * straight.box.width
    assert upright.pixels.shape == pytest.approx(straight.pixels.shape, abs=3)
    assert upright.weight == pytest.approx(straight.weight, rel=0.3)


def test_a_turned_picture_that_shows_less_is_not_taken():
    grey = turned(page(48), 12)
    named = find_digits(grey, Looking(EVERYTHING, (0, 0.4)), sevens, SURE)
    assert len(named) == 4


def test_light_writing_on_dark_is_read_like_dark_on_light():
    negative = 255 - page(48)
    assert is_negative(negative)
    assert [reading.text for reading in DigitReader().read_image(negative).readings] == ["2468"]


def test_white_on_black_is_read_as_well():
    black = np.where(page(48) < 120, 255, 0).astype(np.uint8)
    assert [reading.text for reading in DigitReader().read_image(black).readings] == ["2468"]


@pytest.mark.parametrize("fraction", [0.2, 1.0])
def test_dark_writing_is_no_negative_in_whatever_light(fraction):
    light = np.linspace(fraction, 1, 320)
    assert not is_negative(np.uint8(page(48) * light))


def test_an_even_picture_is_no_negative():
    assert not is_negative(np.full((480, 640), 90, np.uint8))


@pytest.mark.parametrize("slope", [-0.3, -0.1, 0.0, 0.2])
def test_rows_tell_how_a_page_is_turned(slope):
    places = [(50 * k, round(100 * row + 50 * k * slope)) for row in range(3) for k in range(8)]
    boxes = [Box(x, y + 500, x + 30, y + 540) for x, y in places]
    assert slope_of_rows(boxes) == pytest.approx(slope, abs=0.06)


def test_of_two_digits_nobody_knows_how_the_page_is_turned():
    assert slope_of_rows([Box(0, 0, 30, 40), Box(50, 20, 80, 60)]) == 0


def test_where_nothing_but_what_is_marked_stands_out_nobody_asks_for_the_negative():
    looks = []

    def mark(grey, complete):
        looks.append(grey)
        return Marked(dark(grey).ink, complete)

    grey = 255 - written("2468")
    for complete, count in ((True, 1), (False, 2)):
        looks.clear()
        find_digits(grey, lambda picture, complete=complete: mark(picture, complete), sevens, SURE)
        assert len(looks) == count
