"""Each candidate is cut out with its surroundings, so that the refinement network sees all alike."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn import scene_of

from edge.page_file import load_page
from edge.refine import CONTRAST, OTHERS, OWN, open_refine, refined, surroundings
from edge.types import Box, Candidate, unknown


def candidate(box, digit=4.0):
    return Candidate(box, digit, unknown(), 0.0, (0.0, 0.0), 0, digit)


def page(text="407", **how):
    scene = scene_of([(text, 150, 200)], **how)
    return scene.image[..., 0], [candidate(digit.box) for digit in scene.digits]


def test_all_candidates_are_as_high_and_in_the_middle():
    for height in (14, 40, 90):
        grey, candidates = page(height=height)
        for patch in surroundings(candidates, grey):
            assert patch.shape == (40, 72, 3) and patch.dtype == np.uint8
            rows, columns = np.nonzero(patch[..., OWN])
            assert np.ptp(rows) + 1 == pytest.approx(18, abs=2)
            assert (rows.mean(), columns.mean()) == pytest.approx((19.5, 35.5), abs=1.5)


def test_the_others_are_as_bright_as_they_are_sure():
    grey, (first, second, third) = page()
    doubted = replace(third, digit=-1.0)
    _, patch, _ = surroundings([first, second, doubted], grey)
    left, right = patch[:, :36, OTHERS], patch[:, 36:, OTHERS]
    assert left.max() == pytest.approx(255 / (1 + np.exp(-4)), abs=1)
    assert right.max() == pytest.approx(255 / (1 + np.exp(1)), abs=1)
    assert not surroundings([first], grey)[0][..., OTHERS].any()


def test_neither_the_colour_of_the_ink_nor_the_light_changes_what_is_seen():
    grey, candidates = page()
    seen = np.array(surroundings(candidates, grey), int)
    assert seen[..., CONTRAST][seen[..., OWN] > 0].max() > 150
    falling = np.linspace(1, 0.4, grey.shape[1])
    for other in (255 - grey, grey // 2, np.round(grey * falling).astype(np.uint8)):
        assert np.abs(np.array(surroundings(candidates, other), int) - seen).mean() < 6


@pytest.mark.parametrize("box", [Box(-30, 5, -10, 45), Box(590, 80, 640, 120), Box(0, 0, 1, 1)])
def test_at_the_border_of_the_picture_and_beyond_it_goes_on(box):
    grey = cv2.randu(np.zeros((100, 600), np.uint8), 0, 255)
    one, two = surroundings([candidate(box), candidate(Box(20, 10, 40, 50))], grey)
    assert one.shape == two.shape == (40, 72, 3)


def test_a_candidate_as_large_as_the_picture_takes_no_more_than_the_picture():
    grey = np.full((3000, 2000), 220, np.uint8)
    tracemalloc.start()
    surroundings([candidate(Box(100, 10, 1900, 2990))], grey)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < grey.nbytes


def test_the_shipped_network_tells_digits_from_what_is_none():
    grey, digits = page("407")
    between = candidate(Box(digits[0].box.right, 20, digits[0].box.right + 30, 60))
    *named, nothing = refined([*digits, between], grey, open_refine(load_page().refine))
    assert [int(one.refined_labels.argmax()) for one in named] == [4, 0, 7]
    assert min(one.refined for one in named) > 0 > nothing.refined
    assert all(np.exp(one.refined_labels).sum() == pytest.approx(1, abs=1e-3) for one in named)
    assert all(one.box == before.box for one, before in zip(named, digits, strict=True))


def test_nothing_is_refined_to_nothing():
    assert refined([], np.zeros((50, 50), np.uint8), open_refine(load_page().refine)) == []
