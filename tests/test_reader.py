import numpy as np
import pytest
from samples import dark, written

from edge import DigitReader, SourceOptions, open_source


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


def test_a_last_1_that_the_marker_takes_for_a_line_is_read_and_surer_among_digits(classifier):
    def marker(grey):
        marked = dark(grey)
        marked.ink[:, 165:] = np.minimum(marked.ink[:, 165:], 3)  # the fourth digit starts there
        return marked

    reader = DigitReader(classifier, marker=marker)
    (among,) = reader.read_image(written("4671")).readings
    assert among.text == "4671"
    page = written("4671")
    page[:, :165] = 210
    (alone,) = reader.read_image(page).readings
    assert alone.digits[0].prediction.confidence < among.digits[3].prediction.confidence - 0.05


def test_an_empty_page_holds_no_number(reader):
    assert reader.read_image(np.full((480, 640), 210, np.uint8)).readings == ()


def test_the_readme_says_it_in_a_few_lines():
    texts = []
    for reading in DigitReader().read(open_source("demo", SourceOptions(realtime=False))):
        texts.append(reading.text)
        if len(texts) == 3:
            break
    assert all(text.isdigit() for text in texts)
