import cv2
import numpy as np
import pytest

from training.characters import (
    DIGITS_PATTERN,
    OPTDIGITS,
    OTHERS_PATTERN,
    load_character_sets,
    load_optdigits,
    optdigits_digest,
)
from training.dataset import NOT_A_DIGIT, DataError


def seven(paper=200):
    image = np.full((40, 30), paper, np.uint8)
    cv2.line(image, (4, 4), (26, 4), 20, 3)
    cv2.line(image, (26, 4), (12, 36), 20, 3)
    return image


def save(path, images, labels, ink="dark on light paper"):
    np.savez(path, images=np.array(images, np.uint8), labels=np.array(labels), ink=ink)


def test_a_character_stands_in_the_middle_of_its_own_paper(tmp_path):
    save(tmp_path / "digits_mine.npz", [seven(), seven(90)], [7, 1])
    (found,) = load_character_sets(tmp_path, DIGITS_PATTERN)
    assert (found.name, len(found), found.cut_out) == ("digits_mine", 2, False)
    assert found.labels.tolist() == [7, 1]
    light, dark = found.pages()
    assert light.shape == dark.shape == (288, 264)
    assert (light[0, 0], dark[0, 0]) == (200, 90)
    inked = np.argwhere(light < 100)
    assert inked.min() >= 96
    assert inked.max(axis=0).tolist() < [192, 192]
    assert np.ptp(inked[:, 0]) > 0.7 * 96


def test_white_on_black_is_cut_out_already(tmp_path):
    save(tmp_path / "digits_mine.npz", [255 - seven(255)], [7], "white on black, binary")
    (found,) = load_character_sets(tmp_path, DIGITS_PATTERN)
    assert found.cut_out


def test_of_omniglot_only_clear_characters_of_the_test_alphabets_are_taken(tmp_path):
    names = ["Greek/character01", "Greek/character04", "Latin/character01", "Sanskrit/character02"]
    save(tmp_path / "nondigits_omniglot.npz", [seven()] * 4, names)
    save(tmp_path / "nondigits_signs.npz", [seven()] * 2, ["plus", "minus"])
    letters, signs = load_character_sets(tmp_path, OTHERS_PATTERN)
    assert letters.labels.tolist() == [NOT_A_DIGIT] * 2  # Latin is for training, the other is an o
    assert signs.labels.tolist() == [NOT_A_DIGIT] * 2


def save_optdigits(folder):
    path = folder / OPTDIGITS
    path.parent.mkdir()
    images = np.array([255 - seven(255)] * 3, np.uint8)
    split = np.array(["trainingDigits", "testDigits", "trainingDigits"])
    np.savez(path, images=images, labels=np.array([7, 1, 2]), split=split, ink="white on black, binary")


def test_of_optdigits_training_and_measuring_see_different_writers(tmp_path):
    save_optdigits(tmp_path)
    assert load_optdigits(tmp_path).labels.tolist() == [7, 2]
    (measured,) = load_character_sets(tmp_path / OPTDIGITS.parent, DIGITS_PATTERN)
    assert measured.labels.tolist() == [1]
    (digest,) = optdigits_digest(tmp_path).values()
    assert len(digest) == 64


def test_without_optdigits_there_is_nothing_to_learn_from_it(tmp_path):
    assert len(load_optdigits(tmp_path)) == 0
    assert optdigits_digest(tmp_path) == {}
    (tmp_path / OPTDIGITS.parent).mkdir()
    (tmp_path / OPTDIGITS).write_bytes(b"no archive")
    with pytest.raises(DataError, match=OPTDIGITS.name):
        load_optdigits(tmp_path)


def test_a_large_set_is_thinned_evenly(tmp_path):
    count = 4000
    images = np.full((count, 4, 4), 255, np.uint8)
    save(tmp_path / "digits_many.npz", images, np.arange(count) % 10, "white on black")
    (found,) = load_character_sets(tmp_path, DIGITS_PATTERN)
    assert len(found) == 2000
    assert np.bincount(found.labels).min() > 100


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot read .*digits_mine.npz"),
        (lambda path: np.savez(path, images=np.zeros((1, 4, 4), np.uint8)), "expected the arrays"),
        (lambda path: save(path, np.zeros((2, 4, 4)), [1]), "as many labels"),
    ],
    ids=["cut off", "no labels", "a label is missing"],
)
def test_a_damaged_set_is_named(tmp_path, damage, message):
    path = tmp_path / "digits_mine.npz"
    save(path, [seven()], [7])
    damage(path)
    with pytest.raises(DataError, match=message):
        load_character_sets(tmp_path, DIGITS_PATTERN)
