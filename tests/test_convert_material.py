"""What a network is calibrated and proven with."""

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from samples import written
from shapes import NAMES, SIDE, shapes_network, write_shapes

from convert.material import PICTURES, Pictures, glyphs_on, of_pictures, spread
from convert.original import Original
from edge.classifier import Classifier
from edge.errors import UsageError
from edge.page_file import load_page, open_page
from edge.recognizer import Recognizer
from edge.refine import open_refine

pytestmark = pytest.mark.workstation


def original():
    return Original("shapes", NAMES, shapes_network(trained=False))


def test_every_second_picture_is_for_the_proof(tmp_path):
    material = of_pictures(original(), write_shapes(tmp_path / "shapes", 6), calibrate=None)
    proof, others = material.sets[PICTURES], material.sets[material.calibrating]
    assert material.tests == (PICTURES,)
    assert proof.glyphs.shape == others.glyphs.shape == (9, SIDE, SIDE, 3)
    assert np.bincount(proof.labels).tolist() == np.bincount(others.labels).tolist() == [3, 3, 3]
    assert not (proof.glyphs == others.glyphs).all(axis=(1, 2, 3)).any()
    assert np.array_equal(material.shown, others.glyphs)


def test_pictures_of_ones_own_show_the_ranges(tmp_path):
    own = write_shapes(tmp_path / "own", 2, seed=7)
    material = of_pictures(original(), write_shapes(tmp_path / "shapes", 4), calibrate=own)
    assert material.shown.shape == (6, SIDE, SIDE, 3)


def test_labelled_pictures_are_parted_with_their_labels():
    pictures = Pictures(np.arange(24, dtype=np.uint8).reshape(6, 2, 2), np.array([0, 1, 2] * 2), classes=3)
    some = pictures[1::2]
    assert some.labels.tolist() == [1, 0, 2]
    assert some.is_digit.all()
    assert some.targets.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_glyphs_come_from_photos_as_edge_takes_them_out(tmp_path):
    page = written("407")
    cv2.imwrite(str(tmp_path / "a.png"), page)
    network = load_page()
    networks = open_page(network), Classifier(), open_refine(network.refine)
    reader = Recognizer(*networks, least=network.card.least)
    expected = reader.see(page).found.glyphs
    assert len(expected) >= 3
    assert np.array_equal(glyphs_on(tmp_path), np.stack(expected))


def test_pictures_without_writing_are_no_calibration(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), written(""))
    with pytest.raises(UsageError, match="edge finds no digits on the 1 pictures in"):
        glyphs_on(tmp_path)


@pytest.mark.parametrize(("count", "most", "taken"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (2, 1, [0])])
def test_of_many_evenly_spread_ones_are_taken(count, most, taken):
    assert spread(np.arange(count), most).tolist() == taken
