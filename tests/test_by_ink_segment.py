import cv2
import numpy as np
import pytest
from inked import dark
from samples import written

from edge.by_ink.ink import InkMarker
from edge.by_ink.pieces import Marked
from edge.by_ink.segment import READ_SIZE, local_contrast, noise, paper_brightness, segment
from edge.planes import to_grey
from edge.types import Box

RANDOM = np.random.default_rng(7)
MARK = InkMarker()


def boxes(grey, mark=MARK):
    return sorted((ink.box for ink in segment(grey, mark).marked), key=lambda box: box.left)


def nothing_in(grey, mark=MARK):
    found = segment(grey, mark)
    return found.marked == found.doubted(()) == found.again(()) == []


def in_place(found, text):
    """Whether there is one box for each digit of `written(text)`, around its middle."""
    return len(found) == len(text) and all(
        box.left < 30 + 45 * k + 20 < box.right and box.top < 115 < box.bottom for k, box in enumerate(found)
    )


def test_each_digit_is_found():
    assert in_place(boxes(written("2468")), "2468")


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (40, 120), (30, 70), (150, 210)])
def test_dark_and_pale_pens_in_good_and_bad_light_are_found(ink, paper):
    assert in_place(boxes(written("507", ink=ink, paper=paper)), "507")


def test_half_the_sheet_in_shadow_changes_nothing():
    image = written("23579").astype(np.float32)
    image *= np.interp(np.arange(320), [138, 146], [1, 0.45])[None]  # the edge of the shadow is across the 5
    assert in_place(boxes(image.astype(np.uint8)), "23579")


def test_light_that_falls_off_towards_the_corners_changes_nothing():
    image = written("86420").astype(np.float32)
    image *= np.linspace(0.35, 1, 320)[None] * np.linspace(0.6, 1, 240)[:, None]
    assert in_place(boxes(image.astype(np.uint8)), "86420")


@pytest.mark.parametrize("deviation", [3, 8])
def test_noise_alone_is_no_ink_and_does_not_hide_any(deviation):
    grain = RANDOM.normal(0, deviation, (240, 320))
    assert nothing_in(np.clip(200 + grain, 0, 255).astype(np.uint8))
    assert in_place(boxes(np.clip(written("904") + grain, 0, 255).astype(np.uint8)), "904")


def test_an_empty_page_holds_nothing():
    assert nothing_in(np.full((480, 640), 200, np.uint8))


def test_the_flag_of_a_five_that_does_not_touch_belongs_to_it():
    image = np.full((240, 320), 220, np.uint8)
    cv2.ellipse(image, (150, 140), (22, 24), 0, -120, 130, 40, 5)
    cv2.line(image, (138, 118), (138, 96), 40, 5)
    cv2.line(image, (146, 90), (172, 90), 40, 5)
    (box,) = boxes(image)
    assert box.top <= 90
    assert box.bottom >= 164


def test_a_ruled_line_and_a_minus_are_no_digits():
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (0, 60), (319, 62), 90, 2)
    cv2.line(image, (100, 150), (140, 150), 40, 5)
    assert boxes(image) == []


def test_the_desk_beside_the_page_is_no_one():
    image = written("407")
    image[:, :8] = 60
    image[:150, 314:] = 60
    assert in_place(boxes(image), "407")


def test_digits_inside_a_frame_are_found():
    image = written("407")
    cv2.rectangle(image, (10, 60), (300, 180), 40, 3)
    frame = Box(12, 62, 298, 178)
    assert in_place([box for box in boxes(image) if frame.intersection(box) == box], "407")


def test_a_large_photo_is_searched_smaller_but_its_boxes_are_in_its_own_pixels():
    small, large = written("38"), cv2.resize(written("38"), None, fx=10, fy=10)
    assert max(large.shape) > READ_SIZE
    for a, b in zip(boxes(small), boxes(large), strict=True):
        assert b.scaled(0.1).overlap(a) > 0.8


def test_the_ink_of_a_neighbour_in_the_same_box_is_left_out():
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (100, 60), (160, 160), 40, 5)
    cv2.line(image, (130, 60), (190, 160), 40, 5)
    first, second = sorted(segment(image, dark).marked, key=lambda ink: ink.box.left)
    assert second.box.left < first.box.right
    corner = first.box.right - second.box.left
    assert not first.pixels[:20, -corner:].any()
    assert first.pixels.max() == 255


def test_colour_becomes_grey():
    assert to_grey(np.zeros((4, 5, 3), np.uint8)).shape == (4, 5)
    assert to_grey(np.ones((4, 5), np.uint8)).shape == (4, 5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2), (16, 16), (3000, 20)])
def test_odd_sizes_do_not_matter(shape):
    assert nothing_in(np.full(shape, 128, np.uint8))


def unsure(grey):
    """A marker that rules nothing out, and marks nothing."""
    return Marked(np.full(grey.shape, 20, np.uint8))


def blind(grey):
    """A marker that is certain that there is no ink."""
    return Marked(np.zeros(grey.shape, np.uint8))


def nearly_blind(grey):
    """A marker that all but rules out that there is ink."""
    return Marked(np.ones(grey.shape, np.uint8))


@pytest.mark.parametrize("mark", [unsure, nearly_blind])
def test_what_the_marker_doubts_but_stands_out_is_found_as_well(mark):
    found = segment(written("2468"), mark)
    assert found.marked == []
    doubted = sorted((ink.box for ink in found.doubted(())), key=lambda box: box.left)
    assert in_place(doubted, "2468")
    assert {ink.box for ink in found.doubted(doubted[:1])} == set(doubted[1:])  # the first is known by now
    assert nothing_in(written("2468"), blind)


def test_nothing_is_doubted_and_no_bar_goes_on_where_the_marker_says_that_nothing_else_stands_out():
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (100, 40), (100, 200), 40, 4)

    def short(grey, complete):
        marked = dark(grey).ink
        marked[:80] = marked[161:] = 0
        return Marked(marked, complete)

    found = segment(image, lambda grey: short(grey, complete=False))
    assert (len(found.marked), len(found.doubted(()))) == (0, 1)
    found = segment(image, lambda grey: short(grey, complete=True))
    assert (len(found.marked), len(found.doubted(()))) == (1, 0)


def bridged(grey):
    """A marker that is sure of the ink, and sees some where a stroke broke."""
    sure = dark(grey).ink
    near = cv2.dilate(sure, np.ones((9, 9), np.uint8)) // 3
    return Marked(np.maximum(sure, near))


def test_ink_that_is_not_clear_is_taken_in_other_ways():
    image = np.full((240, 320), 220, np.uint8)
    for corners in ([(90, 60), (130, 60), (125, 100)], [(122, 112), (90, 150), (130, 150)]):
        cv2.polylines(image, [np.array(corners)], False, 40, 6)
    found = segment(image, bridged)
    assert len(found.marked) == 2
    again = found.again(())
    assert any(ink.box.top <= 60 and ink.box.bottom >= 150 for ink in again)
    assert all(ink.pixels.shape == (ink.box.height, ink.box.width) for ink in again)
    upper = min((ink.box for ink in found.marked), key=lambda box: box.top)
    assert len(found.again([upper])) < len(again)  # where it is a region by itself, it is left out


def test_ink_weighs_what_the_marker_takes_for_ink():
    (ink,) = segment(written("1"), dark).marked
    inked = np.count_nonzero(ink.pixels > 127)
    assert 0.7 * inked <= ink.weight <= 1.3 * inked
    doubted = segment(written("1"), unsure).doubted(())[0]
    assert doubted.weight == pytest.approx(ink.weight * 20 / 255, rel=0.3)


@pytest.mark.parametrize("chalk", [False, True])
@pytest.mark.parametrize("lean", [0, 24])
def test_a_bar_that_goes_on_is_no_one_and_one_that_ends_is(chalk, lean):
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (100 - lean, 40), (100 + lean, 200), 40, 4)
    cv2.line(image, (200, 80), (200, 160), 40, 4)

    def short(grey):
        """Of both bars, the middle is marked."""
        marked = dark(255 - grey if chalk else grey)
        marked.ink[:80] = marked.ink[161:] = 0
        return marked

    (box,) = boxes(255 - image if chalk else image, short)
    assert box.left > 150


@pytest.mark.parametrize("gap", [12, 16])
def test_a_one_between_the_walls_of_a_form_does_not_go_on_as_they_do(gap):
    image = np.full((240, 320), 220, np.uint8)
    cv2.line(image, (104, 84), (98, 156), 60, 4)
    for wall in (100 - gap, 100 + gap):
        cv2.line(image, (wall, 20), (wall, 220), 40, 2)

    def one(grey):
        marked = dark(grey)
        ink = marked.ink
        ink[:80] = ink[160:] = ink[:, : 100 - gap + 3] = ink[:, 100 + gap - 3 :] = 0
        return marked

    (box,) = boxes(image, one)
    assert abs(sum(box.centre) - 221) < 5


def test_ink_that_is_doubted_is_searched_in_shadow_and_noise():
    image = written("86420").astype(np.float32) * np.linspace(0.4, 1, 320)[None]
    image += RANDOM.normal(0, 3, image.shape)
    found = segment(np.clip(image, 0, 255).astype(np.uint8), unsure).doubted(())
    assert in_place(sorted((ink.box for ink in found), key=lambda box: box.left), "86420")


def test_contrast_is_the_same_in_light_and_in_shadow():
    bright, dim = written("8", ink=100, paper=200), written("8", ink=50, paper=100)
    contrasts = [local_contrast(grey, paper_brightness(grey)).astype(int) for grey in (bright, dim)]
    assert np.abs(contrasts[0] - contrasts[1]).max() <= 4


def test_noise_is_measured_in_spite_of_writing():
    grain = RANDOM.normal(0, 6, (240, 320))
    measured = noise(np.clip(written("86420") + grain, 0, 255).astype(np.uint8))
    assert measured == pytest.approx(255 * 6 * 0.375 / 205, rel=0.15)
