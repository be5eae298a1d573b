import numpy as np
import pytest
from samples import written

from edge import DigitReader, SourceOptions, open_source
from edge.page_file import load_page, open_page
from edge.recognizer import Recognizer


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
    assert result.page.name == "ink-int8"
    assert result.as_dict()["page_model"]["sha256"] == result.page.sha256


def test_a_frame_that_is_full_is_read_up_to_the_budget_and_says_so(classifier):
    page = written("4671")
    reader = DigitReader(classifier, road="page")
    reader.road.recognizer = Recognizer(open_page(), classifier, least=load_page().card.least, budget=2)
    result = reader.read_image(page)
    assert not result.complete
    assert not result.as_dict()["complete"]
    assert sum(len(reading.digits) for reading in result.readings) <= 2
    assert DigitReader(classifier, road="page").read_image(page).complete


def test_an_empty_page_holds_no_number(reader):
    assert reader.read_image(np.full((480, 640), 210, np.uint8)).readings == ()


def test_the_readme_says_it_in_a_few_lines():
    texts = []
    for reading in DigitReader().read(open_source("demo", SourceOptions(realtime=False))):
        texts.append(reading.text)
        if len(texts) == 3:
            break
    assert all(text.isdigit() for text in texts)
