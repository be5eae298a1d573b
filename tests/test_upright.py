"""A picture on its head is told from one that is not, and read as it should stand."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from samples import written

from edge.decode import decode_image
from edge.page_file import PageCard, load_page
from edge.planes import to_grey
from edge.reader import DigitReader
from edge.upright import Facts, Standing, on_its_head

NOTHING = Facts(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def reader():
    return DigitReader()


def texts(result):
    return [reading.text for reading in result.readings]


def test_a_picture_on_its_head_is_read_as_it_should_stand(reader):
    page = written("47342")
    here, turned = reader.read_image(page), reader.read_image(on_its_head(page))
    assert texts(here) == texts(turned) == ["47342"]
    assert (here.turned, turned.turned) == (0, 2)
    assert turned.as_dict()["turned"] == 180
    # Its boxes are where the digits are in the picture that was given.
    rows, columns = page.shape
    for one, other in zip(here.readings[0].digits, turned.readings[0].digits, strict=True):
        left, top, right, bottom = other.box.as_list()
        back = [columns - right, rows - bottom, columns - left, rows - top]
        assert np.abs(np.array(back) - one.box.as_list()).max() <= 3


def test_an_empty_page_stands_as_it_is(reader):
    assert reader.read_image(np.full((240, 320), 200, np.uint8)).turned == 0


def test_what_is_seen_turned_must_outweigh_what_is_seen_as_it_is():
    standing = Standing(replace(NOTHING, certain=1.0), doubt=0.0, least=2.5)
    here = replace(NOTHING, certain=1.0)
    assert not standing.on_its_head(here, replace(NOTHING, certain=3.0))
    assert standing.on_its_head(here, replace(NOTHING, certain=4.0))


def test_weights_are_read_again_as_they_were_written():
    standing = load_page().card.standing
    assert Standing.from_dict(json.loads(json.dumps(asdict(standing)))) == standing
    with pytest.raises(ValueError, match="that are none"):
        Standing.from_dict(asdict(replace(standing, least=float("nan"))))


def test_a_card_without_them_is_refused():
    from edge.errors import ModelError

    values = load_page().card.as_dict()
    with pytest.raises(ModelError, match="its card has no standing: fit it again"):
        PageCard.from_dict(values | {"standing": None})


def test_photos_of_digits_are_told_from_those_on_their_head(real_dir, reader):
    photos = sorted((real_dir / "photos").iterdir())[::2]
    upright, over = 0, 0
    for photo in photos:
        grey = to_grey(decode_image(photo.read_bytes(), str(photo)))
        upright += reader.read_image(grey).turned == 0
        over += reader.read_image(on_its_head(grey)).turned == 2
    assert upright == len(photos) >= 20
    assert over >= 0.45 * len(photos)
