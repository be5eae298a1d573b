from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.fusion import Fusion, Weights
from edge.page import CHANNELS, DEPTH, Look, paper_brightness, to_blocks, way_up
from edge.page_file import load_page
from edge.recognizer import Recognizer
from edge.refine import open_refine

WEIGHTS = Weights(
    page=1.0,
    glyph=1.0,
    refined_labels=0.0,
    constant=0.0,
    digit=1.0,
    writing=0.0,
    sure=0.0,
    agreed=0.0,
    refined=0.0,
)
SURE = Fusion(WEIGHTS, WEIGHTS, low=0.0, high=2.0)


def drawn(count: int, *, way: int = 0) -> np.ndarray:
    """A page with so many ones side by side, turned clockwise by so many quarters."""
    grey = np.full((96, 320), 220, np.uint8)
    for k in range(count):
        cv2.line(grey, (20 + 24 * k, 20), (18 + 24 * k, 72), 40, 5)
    return np.ascontiguousarray(np.rot90(grey, -way))


class PageThatKnows:
    """Says what a perfect page network would say of `drawn`, whichever way it is turned."""

    def __init__(self, count: int, way: int = 0) -> None:
        self.count, self.way, self.asked = count, way, 0

    def looks(self, grey: np.ndarray) -> list[Look]:
        self.asked += 1
        said = np.full((grey.shape[0] // 4, grey.shape[1] // 4, DEPTH), -60, np.int8)
        upright = grey.shape == (96, 320) and grey[:, :40].min() < 100
        way = 0 if upright and (not self.way or self.asked > 1) else self.way
        ink = np.where(grey < 128, 255, 0).astype(np.uint8)
        said[..., CHANNELS["ink"]] = np.where(to_blocks(ink[np.newaxis])[0] > 0, 60, -60)
        said[..., CHANNELS["ways"].start + way] = 60
        if not way:
            for k in range(self.count):
                cell = said[46 // 4, (19 + 24 * k) // 4]
                cell[CHANNELS["digit"]] = 60 - k
                cell[CHANNELS["label"]] = [60 if label == 1 else -60 for label in range(10)]
                cell[CHANNELS["box"]] = np.round(np.log([6, 30, 6, 30]) * 4 / 0.1).clip(-128, 127)
        return [Look(grey, paper_brightness(grey), 1.0, said, 0.1, 0)]


def recognizer(page: PageThatKnows, classifier, budget: int = 50) -> Recognizer:
    refine = open_refine(load_page().refine)
    return Recognizer(page, classifier, refine, least=-2.0, budget=budget)  # type: ignore[arg-type]


def test_each_candidate_is_cut_out_and_named(classifier):
    seen = recognizer(PageThatKnows(4), classifier).see(drawn(4))
    assert (
        len(seen.found.candidates)
        == len(seen.found.inks)
        == len(seen.found.glyphs)
        == len(seen.probabilities)
        == 4
    )
    assert seen.found.complete
    digits = seen.digits(SURE, 0.5)
    assert [digit.prediction.label for digit in digits] == [1] * 4
    assert min(seen.found.segment_ms, seen.found.normalise_ms, seen.classify_ms) > 0


def test_the_budget_keeps_the_surest_and_says_that_it_ended(classifier):
    seen = recognizer(PageThatKnows(4), classifier, budget=2).see(drawn(4))
    assert not seen.found.complete
    assert [round(c.digit, 1) for c in seen.found.candidates] == [6.0, 5.9]
    assert recognizer(PageThatKnows(4), classifier, budget=4).see(drawn(4)).found.complete


def test_what_is_not_believed_is_no_digit(classifier):
    seen = recognizer(PageThatKnows(3), classifier).see(drawn(3))
    assert seen.digits(replace(SURE, all=replace(WEIGHTS, constant=-20.0)), 0.5) == []


@pytest.mark.parametrize("way", [1, 2, 3])
def test_a_turned_page_is_turned_back_and_read(classifier, way):
    page = PageThatKnows(5, way)
    seen = recognizer(page, classifier).see(drawn(5, way=way))
    assert seen.found.turned == way
    assert page.asked == 2
    assert len(seen.found.candidates) == 5


def test_a_few_cells_do_not_turn_a_page():
    look = PageThatKnows(0).looks(drawn(1))[0]
    look.said[..., CHANNELS["ink"]] = -60
    look.said[..., CHANNELS["ways"]] = 0
    look.said[:2, :2, CHANNELS["ink"]] = 60
    look.said[:2, :2, CHANNELS["ways"].start + 2] = 40  # 4 of the odds' logarithms each
    assert way_up([look]) == 0
    look.said[:3, :3, CHANNELS["ink"]] = 60
    look.said[:3, :3, CHANNELS["ways"].start + 2] = 40
    assert way_up([look]) == 2
    look.said[:3, 3:6, CHANNELS["ink"]] = 60
    look.said[:3, 3:6, CHANNELS["ways"].start] = 40
    assert way_up([look]) == 0


def test_an_empty_page_has_no_candidates(classifier):
    seen = recognizer(PageThatKnows(0), classifier).see(np.full((96, 320), 220, np.uint8))
    assert seen.found.candidates == []
    assert seen.probabilities.shape == (0, 10)
    assert seen.digits(SURE, 0.5) == []
