from itertools import pairwise

import cv2
import numpy as np
import pytest
from samples import written

from edge import page
from edge.page import (
    CHANNELS,
    DEPTH,
    HEADS,
    Look,
    PageNetwork,
    candidates,
    suppress,
    typical_height,
)
from edge.page_file import load_page

WANTED = 36.0, 51.0, 72.0
"""Pixels of the digits in the looks that are added."""


@pytest.fixture(scope="module")
def network() -> PageNetwork:
    return PageNetwork(load_page().data)


def blank_look(shape: tuple[int, int] = (64, 96), scale: float = 1.0) -> Look:
    grey = np.full(shape, 200, np.uint8)
    said = np.full((-(-shape[0] // 4), -(-shape[1] // 4), DEPTH), -50, np.int8)
    return Look(grey, page.paper_brightness(grey), scale, said, 0.1, 0)


def put_digit(look: Look, row: int, column: int, label: int, *, logit: int = 40, reach: float = 8.0) -> None:
    cell = look.said[row, column]
    cell[CHANNELS["digit"]] = logit
    cell[CHANNELS["label"]] = [60 if k == label else -60 for k in range(10)]
    cell[CHANNELS["box"]] = round(np.log(reach) * page.BOX_UNIT / look.unit)
    cell[CHANNELS["links"]] = (10, -10)


def test_the_heads_fill_the_output():
    assert sum(count for _, count in HEADS) == DEPTH
    ends = [CHANNELS[name].stop for name, _ in HEADS]
    assert ends == sorted(ends) and ends[-1] == DEPTH


def test_cells_are_put_together_again_as_they_were():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 64), np.uint8)
    assert np.array_equal(page.from_blocks(page.to_blocks(pictures)), pictures)
    assert np.array_equal(page.to_blocks(pictures)[1, 2, 3].reshape(4, 4), pictures[1, 8:12, 12:16])


def test_the_lighting_drops_out():
    grey = np.full((128, 128), 200, np.uint8)
    grey[60:64, 60:64] = 100
    dim = (grey * 0.5).astype(np.uint8)
    assert np.abs(page.flatten(grey).astype(int) - page.flatten(dim)).max() <= 2
    assert page.flatten(grey)[62, 62] < 20
    assert abs(int(page.flatten(grey)[5, 5]) - 128) <= 2


def test_a_digit_is_where_the_network_sees_its_centre():
    look = blank_look(scale=0.5)
    put_digit(look, 5, 10, 7)
    (found,) = candidates([look], -2.0, 10)
    assert found.labels.argmax() == 7
    assert found.digit == pytest.approx(4.0)
    assert np.exp(found.labels).sum() == pytest.approx(1)
    # The middle of cell (5, 10) is at (42, 22), 8 pixels to each side; the frame is twice as large.
    assert found.box.as_list() == pytest.approx([68, 28, 100, 60], abs=2)
    assert found.links == pytest.approx((1.0, -1.0))


def test_only_the_surest_of_what_overlaps_is_kept_and_the_surest_come_first():
    look = blank_look()
    put_digit(look, 5, 10, 7, logit=30, reach=9.0)
    put_digit(look, 5, 12, 1, logit=20, reach=9.0)  # half a digit beside it
    put_digit(look, 5, 20, 3, logit=50)
    found = candidates([look], -2.0, 10)
    assert [c.labels.argmax() for c in found] == [3, 7]
    assert [c.labels.argmax() for c in candidates([look], -2.0, 1)] == [3]


def test_a_digit_seen_in_two_looks_is_taken_from_the_surer_one():
    near, far = blank_look((128, 192)), blank_look((64, 96), 0.5)
    put_digit(near, 10, 20, 4, logit=20, reach=16)
    put_digit(far, 5, 10, 9, logit=40, reach=8)
    (found,) = candidates([near, far], -2.0, 10)
    assert found.look == 1
    assert found.box == candidates([far], -2.0, 10)[0].box
    # Both say which it is: the mean of a 4 and a 9 is as much the one as the other.
    assert np.exp(found.labels[[4, 9]]) == pytest.approx(0.5, abs=0.01)


def test_whether_it_is_one_is_the_mean_of_all_looks_that_know_digits_so_high():
    # A digit of 16 pixels in the near look, of 8 in the far one, which is too low to be known there.
    near, far = blank_look((128, 192)), blank_look((64, 96), 0.5)
    put_digit(near, 10, 20, 4, logit=30, reach=8)
    near.said[10, 20, CHANNELS["writing"]] = 20
    (found,) = candidates([near, far], -2.0, 10)
    assert (found.digit, found.peak, found.writing) == pytest.approx((3.0, 3.0, 2.0))
    # One twice as large is known to both, and the far one sees none there: -5. Its box may be a cell beside.
    near, far = blank_look((128, 192)), blank_look((64, 96), 0.5)
    put_digit(near, 10, 20, 4, logit=30, reach=16)
    near.said[10, 20, CHANNELS["writing"]] = 20
    (found,) = candidates([near, far], -2.0, 10)
    assert (found.digit, found.peak, found.writing) == pytest.approx((-1.0, 3.0, -1.5))
    far.said[5, 11, CHANNELS["digit"]], far.said[5, 11, CHANNELS["writing"]] = -10, 40
    (found,) = candidates([near, far], -2.0, 10)
    assert (found.digit, found.peak, found.writing) == pytest.approx((1.0, 3.0, 3.0))
    # In a look in which it is higher than any lesson asked for, it is not known either.
    close = blank_look((512, 768), 4.0)
    (found,) = candidates([close, near, far], -2.0, 10)
    assert found.digit == pytest.approx(1.0)


def test_a_digit_at_the_border_is_asked_of_the_cells_that_there_are():
    near, far = blank_look((128, 192)), blank_look((64, 96), 0.5)
    put_digit(near, 16, 47, 4, logit=30, reach=20)
    near.said[
        16, 47, CHANNELS["box"].start
    ] = -10  # half a pixel to its left: its middle is in the last cells
    far.said[8, 23, CHANNELS["digit"]] = -30
    (found,) = candidates([near, far], -2.0, 10)
    assert found.digit == pytest.approx(0.0)


def test_boxes_side_by_side_are_not_suppressed():
    boxes = np.array([[0, 0, 10, 20], [9, 0, 19, 20], [1, 1, 10, 19]], np.float32)
    owner, same = suppress(boxes)
    assert owner.tolist() == [0, 1, 0]
    assert same.tolist() == [True, True, True]
    part = np.array([[0, 0, 10, 20], [0, 0, 10, 6]], np.float32)
    assert [array.tolist() for array in suppress(part)] == [[0, 0], [True, False]]
    assert len(suppress(np.zeros((0, 4), np.float32))[0]) == 0


def test_the_ink_is_told_pixel_by_pixel():
    look = blank_look()
    look.said[2, 3, CHANNELS["ink"].start + 5] = 60  # second row, second pixel of the cell
    ink = look.ink()
    assert ink.shape == (64, 96)
    assert ink[9, 13] > 250
    assert (ink > 250).sum() == 1


@pytest.mark.parametrize("shape", [(480, 640), (37, 53), (1200, 1600), (8, 900)])
def test_pictures_of_any_size_are_looked_at(network, shape):
    looks = network.looks(np.full(shape, 180, np.uint8))
    assert looks[0].picture.size <= min(512 * 384 * 1.01, shape[0] * shape[1])
    assert all(far.picture.size < near.picture.size for near, far in pairwise(looks))
    assert min(looks[-1].picture.shape) < 128
    for look in looks:
        assert look.said.shape[:2] == look.paper.shape == tuple(-(-side // 4) for side in look.picture.shape)
    assert candidates(looks, 2.0, 10) == []


def test_a_picture_is_looked_at_from_closer_only_where_there_are_small_digits(network, monkeypatch):
    sizes = []

    def look(self: PageNetwork, picture: np.ndarray, scale: float) -> Look:
        sizes.append(max(picture.shape))
        seen = blank_look(picture.shape, scale)
        if sizes[-1] < 1000:
            seen.said[:3, :2, CHANNELS["small"]] = 50
        return seen

    monkeypatch.setattr(PageNetwork, "look", look)
    looks = network.looks(np.zeros((1200, 1600), np.uint8))
    assert sizes == [512, 256, 128, 1024]
    assert [round(1600 * look.scale) for look in looks] == [1024, 512, 256, 128]


def test_a_small_picture_is_seen_as_if_its_border_went_on(network):
    strip = np.random.default_rng(3).integers(90, 200, (50, 130), dtype=np.uint8)
    look = network.look(strip, 1.0)
    wide = cv2.copyMakeBorder(strip, 100, 106, 60, 66, cv2.BORDER_REPLICATE)
    assert wide.shape == (256, 256)
    whole = network.look(wide, 1.0)
    assert np.array_equal(look.said, whole.said[25:38, 15:48])
    assert np.array_equal(look.paper, whole.paper[25:38, 15:48])
    assert look.picture is strip


def test_interpreters_are_kept_for_a_few_sizes_only(network):
    for side in range(64, 64 + 32 * 16, 32):
        network.look(np.zeros((64, side), np.uint8), 1.0)
    assert len(network._networks) == 8


def test_no_interpreter_is_kept_for_a_photo():
    network = PageNetwork(load_page().data)
    network.look(np.zeros((1024, 1024), np.uint8), 1.0)
    assert not network._networks


def test_looks_are_added_in_which_the_digits_have_the_heights_that_are_wanted(network):
    """A number in a region: looks that would show nothing new are left out, and none is too large."""
    grey = written("4075")
    looks = network.looks(grey)
    high = typical_height(looks)
    assert 40 <= high <= 60
    more = network.more(grey, looks, WANTED)
    added = [look for look in more if look.scale not in {one.scale for one in looks}]
    near = [wanted for wanted in WANTED if abs(np.log(wanted / high)) >= 0.1]
    assert sorted(look.scale * high for look in added) == pytest.approx(near, rel=0.02)
    assert [look.scale for look in more] == sorted((look.scale for look in more), reverse=True)
    blank = np.full(grey.shape, 220, np.uint8)
    assert len(network.more(blank, network.looks(blank), WANTED)) == len(network.looks(blank))
    large = network.more(grey, looks, (2000.0,))
    assert max(look.picture.size for look in large) <= 640 * 480 * 1.01
