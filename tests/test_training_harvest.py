"""Glyphs that the digit network learns from: the reader's own, each known for what it is."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import Told, scene_of

from edge.page_file import load_page
from edge.planes import to_grey
from edge.recognizer import Recognizer, find
from edge.refine import open_refine
from edge.types import Box
from training.harvest import NOT_A_DIGIT, alone, harvest
from training.page.matching import IGNORED, NONE, match
from training.scenes import load_bank

LEAST = -2.0


@pytest.fixture(scope="module")
def scene():
    """A 4 and a 7 beside a word."""
    return scene_of([("47", 60, 140)], [("wx", 300, 140)])


def boxes(scene):
    return [(digit.box, digit.label) for digit in scene.digits]


WORD = (Box(296, 112, 330, 148), 8)


def labels_of(scene, told, seed=1):
    return sorted(harvest(scene, Told(told), LEAST, np.random.default_rng(seed)).labels.tolist())


def test_glyphs_are_the_reader_s_own(scene, classifier):
    grey, network = to_grey(scene.image), Told([*boxes(scene), WORD])
    found = find(network, grey, least=LEAST)
    assert len(found.glyphs) == 3
    reader = Recognizer(network, classifier, open_refine(load_page().refine), least=LEAST)
    np.testing.assert_array_equal(found.glyphs, reader.see(grey).found.glyphs)
    assert (np.array(found.glyphs) > 0).mean(axis=(1, 2)).min() > 0.03


def test_each_candidate_is_known_for_what_it_is(scene):
    assert labels_of(scene, [*boxes(scene), WORD]) == [4, 7, NOT_A_DIGIT]


def test_a_digit_is_known_by_where_it_stands_not_by_what_the_page_network_takes_it_for(scene):
    assert labels_of(scene, [(box, (label + 1) % 10) for box, label in boxes(scene)]) == [4, 7]


def test_what_the_page_network_does_not_see_is_not_learned(scene):
    assert labels_of(scene, boxes(scene)[:1]) == [4]
    assert labels_of(scene, []) == []


def test_half_a_digit_is_neither_a_digit_nor_none(scene):
    (four, _), (seven, label) = boxes(scene)
    half = Box(four.left, four.top, four.right, four.top + round(0.4 * four.height))
    assert labels_of(scene, [(half, 4), (seven, label)]) == [7]


def test_where_nothing_should_be_asked_what_is_no_digit_is_left_out(scene):
    ignore = scene.ignore.copy()
    ignore[:, 280:] = 255
    assert labels_of(replace(scene, ignore=ignore), [*boxes(scene), WORD]) == [4, 7]


def test_a_place_without_ink_is_no_lesson(scene):
    assert labels_of(scene, [*boxes(scene), (Box(60, 250, 90, 290), 0)]) == [4, 7]


def test_of_what_is_as_slim_as_a_1_only_some_is_kept(scene):
    slim = (Box(300, 116, 312, 148), 1)
    kept = sum(NOT_A_DIGIT in labels_of(scene, [slim], seed) for seed in range(200))
    assert kept / 200 == pytest.approx(0.3, abs=0.1)


def test_a_page_of_words_does_not_outweigh_the_digits():
    words = [(Box(x, y, x + 30, y + 40), 8) for x in range(20, 480, 50) for y in (60, 130, 200, 270)]
    text = [("wxkmnw", 20, y) for y in (100, 170, 240, 310)] + [("wxkmnw", 260, y) for y in (100, 170)]
    assert len(labels_of(scene_of([], text), words)) == 8


def test_a_digit_is_one_candidate_at_most_and_its_double_is_not_counted_as_none():
    true = np.float32([[0, 0, 10, 10], [50, 0, 60, 10]])
    found = np.float32([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 4], [30, 0, 40, 10], [70, 0, 80, 10]])
    unasked = np.float32([0, 0, 0, 0, 1])
    assert match(found, true, unasked).tolist() == [0, IGNORED, IGNORED, NONE, IGNORED]
    assert match(found[3:], true[:0], unasked[3:]).tolist() == [NONE, IGNORED]
    assert match(found[:0], true, unasked[:0]).tolist() == []


def test_what_is_written_alone_is_letters_signs_and_digits(data_dir):
    bank = load_bank(data_dir, "train")
    found = alone(np.random.default_rng(3), bank)
    assert (found.labels == NOT_A_DIGIT).sum() == 3
    assert found.is_digit.sum() == 2
    assert ((np.array(found.glyphs) > 0).mean(axis=(1, 2)) > 0.03).all()
    again = alone(np.random.default_rng(3), bank)
    np.testing.assert_array_equal(found.glyphs, again.glyphs)
