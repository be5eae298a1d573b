from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from samples import written

from edge import DigitReader, SourceOptions, open_source
from edge.errors import ImageError
from edge.page_file import load_page, open_page
from edge.recognizer import Recognizer
from edge.tracker import Tracker
from edge.types import Box, Frame


@pytest.fixture(scope="module")
def reader(classifier):
    return DigitReader(classifier)


def test_a_picture_is_read(reader):
    result = reader.read_image(written("407"))
    assert [reading.text for reading in result.readings] == ["407"]
    assert result.readings[0].track_id is None
    assert result.speed.total > 0
    assert result.model.sha256 == reader.classifier.name.sha256


def test_a_colour_picture_is_read_as_well_as_a_grey_one(reader):
    grey = written("25")
    colour = np.dstack([grey, grey, grey])
    assert [r.text for r in reader.read_image(colour).readings] == ["25"]


def test_results_name_both_networks(reader):
    result = reader.read_image(written("25"))
    assert result.page.name == reader.page.card.name
    assert result.as_dict()["page_model"]["sha256"] == result.page.sha256


def test_a_frame_that_is_full_is_read_up_to_the_budget_and_says_so(classifier):
    page = written("4671")
    reader = DigitReader(classifier)
    networks = open_page(), classifier, reader.recognizer.refine
    reader.separate = Recognizer(*networks, least=load_page().card.least, budget=2)
    result = reader.read_image(page)
    assert not result.complete
    assert not result.as_dict()["complete"]
    assert sum(len(reading.digits) for reading in result.readings) <= 2
    assert DigitReader(classifier).read_image(page).complete


class TurnedBack:
    """Takes the place of a recognizer: it turns every picture back by so many quarters, and says so."""

    def __init__(self, recognizer, quarters):
        self._recognizer, self._quarters = recognizer, quarters

    def see(self, grey):
        seen = self._recognizer.see(np.ascontiguousarray(np.rot90(grey, self._quarters)))
        return replace(seen, found=replace(seen.found, turned=self._quarters))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_what_was_read_turned_stands_where_it_is_in_the_frame(classifier, quarters):
    reader = DigitReader(classifier)
    reader.separate = TurnedBack(reader.separate, quarters)
    frame = np.ascontiguousarray(np.rot90(written("407", size=(192, 352)), -quarters))
    result = reader.read_image(frame)
    assert result.as_dict()["turned"] == 90 * quarters
    (reading,) = result.readings
    left, top, width, height = cv2.boundingRect((frame < 120).astype(np.uint8))
    assert reading.text == "407"
    assert reading.box.overlap(Box(left, top, left + width, top + height)) > 0.7


class Counted(Recognizer):
    """Notes how many sizes a picture is looked at in."""

    def __init__(self, recognizer, looks):
        self._recognizer, self._looks = recognizer, looks
        self.classifier = recognizer.classifier

    def see(self, grey):
        seen = self._recognizer.see(grey)
        self._looks.append(len(seen.found.looks))
        return seen


def looks_at(reader, tracker=None):
    """In how many sizes a picture is looked at: as a separate one, and as a frame of a stream."""
    separate, stream = [], []
    reader.separate, reader.recognizer = (
        Counted(reader.separate, separate),
        Counted(reader.recognizer, stream),
    )
    reader.read_frame(Frame(written("407"), 0, 0.0, datetime.now(UTC), "test"), tracker)
    return separate, stream


def test_a_thorough_reader_looks_at_separate_pictures_in_more_sizes(classifier):
    (quick,), none = looks_at(DigitReader(classifier))
    assert none == []
    (thorough,), none = looks_at(DigitReader(classifier, thorough=True))
    assert none == []
    assert 2 <= quick < thorough <= quick + 2
    none, (frame,) = looks_at(DigitReader(classifier, thorough=True), Tracker())
    assert (none, frame) == ([], quick)


def test_an_empty_page_holds_no_number(reader):
    assert reader.read_image(np.full((480, 640), 210, np.uint8)).readings == ()


def test_the_readme_says_it_in_a_few_lines():
    texts = []
    for reading in DigitReader().read(open_source("demo", SourceOptions(realtime=False))):
        texts.append(reading.text)
        if len(texts) == 3:
            break
    assert all(text.isdigit() for text in texts)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("photo.jpg", r"found str: read a file with open_source\(path\)"),
        (Path("photo.jpg"), "found pathlib.*open_source"),
        (None, "found None .*cv2.imread"),
        (4.5, "found float"),
        ([[1, 2], [3, 4]], "found list: .*numpy.asarray"),
        (np.zeros((9, 9)), r"found shape \(9, 9\), float64: .*255"),
        (np.zeros((9, 9), np.uint16), r"uint16: .*image / 257"),
        (np.zeros((9, 9), bool), "bool"),
        (np.zeros((9, 9, 4), np.uint8), "COLOR_BGRA2BGR"),
        (np.zeros((9, 9, 1), np.uint8), r"image\[..., 0\]"),
        (np.zeros((2, 9, 9, 3), np.uint8), "one picture at a time"),
        (np.zeros(9, np.uint8), r"shape \(9,\)"),
        (np.zeros((0, 9), np.uint8), "no pixel"),
    ],
    ids=str,
)
def test_what_is_no_picture_is_refused_with_its_cure(reader, image, found):
    with pytest.raises(ImageError, match=found):
        reader.read_image(image)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: np.asfortranarray(image),
        lambda image: np.ascontiguousarray(image[::-1])[::-1],
        lambda image: np.dstack([image] * 3)[..., ::-1],
        lambda image: np.repeat(image, 2, axis=1)[:, ::2],
        lambda image: (image.setflags(write=False), image)[1],
    ],
    ids=["columns first", "upside down in memory", "turned channels", "every other column", "read-only"],
)
def test_a_picture_is_read_however_it_lies_in_memory(reader, change):
    assert [r.text for r in reader.read_image(change(written("407"))).readings] == ["407"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 2), (3, 3, 3)])
def test_a_picture_too_small_to_hold_a_digit_holds_none(reader, shape):
    assert reader.read_image(np.full(shape, 200, np.uint8)).readings == ()


def test_a_reader_may_be_shared_by_threads(reader):
    pages = {
        text: written(text, size=(240 + 8 * k, 320)) for k, text in enumerate(["407", "25", "8", "6312"])
    }

    def read(text):
        return [[r.text for r in reader.read_image(pages[text]).readings] for _ in range(5)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, pages)) == [[[text]] * 5 for text in pages]
