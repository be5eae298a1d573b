import cv2
import numpy as np
import pytest
from samples import dark

from edge.segment import segment
from edge.types import Box
from training.harvest import FOREIGN, NOT_A_DIGIT, SIGNS, alone, harvest
from training.scenes import Scene, SceneDigit, load_bank


def page(*, touching=False, ignored=False, digits=True):
    """A 1 and a 7 on white paper, beside an X."""
    image = np.full((200, 400), 230, np.uint8)
    instances = np.zeros(image.shape, np.uint16)
    seven = 82 if touching else 130
    strokes = {
        1: [((80, 60), (80, 140))],
        2: [((seven, 60), (seven + 50, 60)), ((seven + 50, 60), (seven + 20, 140))],
    }
    for instance, lines in strokes.items():
        for start, end in lines:
            cv2.line(image, start, end, 40, 6)
            cv2.line(instances, start, end, instance, 6)
    for start, end in [((280, 60), (340, 140)), ((340, 60), (280, 140))]:
        cv2.line(image, start, end, 40, 6)
    ink = np.where(instances > 0, 255, 0).astype(np.uint8)
    ignore = np.full(image.shape, 255 if ignored else 0, np.uint8)
    found = (
        SceneDigit(1, Box(77, 57, 84, 144), 0, 0, 1),
        SceneDigit(7, Box(seven - 3, 57, seven + 54, 144), 0, 1, 2),
    )
    if not digits:
        instances[:], found = 0, ()
    return Scene(cv2.merge([image] * 3), ink, ink * 0, ignore, instances, found, {})


@pytest.mark.parametrize(
    ("scene", "labels"),
    [
        (page(), {1, 7, NOT_A_DIGIT}),
        (page(digits=False), {NOT_A_DIGIT}),
        (page(ignored=True), set()),
    ],
    ids=["apart", "other signs", "ignored"],
)
def test_each_piece_is_known_for_what_it_is(scene, labels):
    found = harvest(scene, dark, np.random.default_rng(1))
    assert set(found.labels) == labels
    assert found.glyphs.shape == (len(found), 28, 28)


def test_touching_digits_are_no_digit_but_their_parts_are():
    whole = [ink for ink in segment(page(touching=True).image[..., 0], dark).marked if ink.box.left < 200]
    assert len(whole) == 1
    labels = list(harvest(page(touching=True), dark, np.random.default_rng(1)).labels)
    assert labels[0] == NOT_A_DIGIT or labels[-1] == NOT_A_DIGIT
    assert 7 in labels


def test_a_splinter_of_a_digit_is_no_digit():
    scene = page()
    scene.image[100:, 120:200] = 230  # the camera lost most of the 7
    assert set(harvest(scene, dark, np.random.default_rng(1)).labels) == {1, NOT_A_DIGIT}


def test_what_is_written_alone_is_letters_signs_and_digits(data_dir):
    bank = load_bank(data_dir, "train")
    found = alone(np.random.default_rng(3), bank)
    assert (found.labels == NOT_A_DIGIT).sum() == SIGNS
    assert found.is_digit.sum() == FOREIGN
    assert ((found.glyphs > 0).mean(axis=(1, 2)) > 0.03).all()
    again = alone(np.random.default_rng(3), bank)
    np.testing.assert_array_equal(found.glyphs, again.glyphs)
