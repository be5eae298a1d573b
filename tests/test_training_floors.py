"""What the shipped pair must read of real pictures, so that no change loses it unseen."""

from itertools import chain
from pathlib import Path

import pytest

from edge.decode import decode_image
from edge.page_file import load_page, open_page
from edge.planes import to_grey
from edge.reader import DigitReader
from edge.recognizer import find
from training.photos import load_photos, read_photos

pytestmark = pytest.mark.workstation

ERROR, WRONG, EXACT, FALSE, RIGHT, TRUE = "error", "wrong", "exact", "false", "right", "true"

FLOORS = {
    "real": {
        "photos": {ERROR: 0.01, WRONG: 0.006, EXACT: 0.91},
        "negatives": {FALSE: 0.3},
        "strings_submitty": {ERROR: 0.04},
        "strings_orand": {ERROR: 0.13},
    },
    "pages": {
        "photos": {ERROR: 0.1, EXACT: 0.62, RIGHT: 0.86, TRUE: 0.88},
        "mixed": {ERROR: 0.4, RIGHT: 0.53, TRUE: 0.6},
        "words": {FALSE: 1.8},
        "negatives": {FALSE: 0.4},
    },
}
"""By folder and group: the most of error, wrong and false, the least of exact, right and true."""

AT_MOST = (ERROR, WRONG, FALSE)

SOME = {"strings_orand": 3}
"""Of 1,207 cheques every third is read, which is as telling."""


@pytest.fixture(scope="module")
def pages_dir(data_dir: Path) -> Path:
    folder = data_dir / "pages"
    if not folder.is_dir():
        pytest.skip(f"needs data: {folder} is not there")
    return folder


@pytest.mark.parametrize("folder", FLOORS)
def test_real_pictures_are_read_as_well_as_before(data_dir, pages_dir, folder):
    groups = FLOORS[folder]
    of_groups = [
        [photo for photo in load_photos(data_dir / folder) if photo.group == group][:: SOME.get(group, 1)]
        for group in groups
    ]
    photos = list(chain.from_iterable(of_groups))
    results = read_photos(DigitReader(thorough=True), photos)
    assert results.keys() == groups.keys()
    for group, floors in groups.items():
        tally = results[group].tally
        for name, floor in floors.items():
            found = getattr(tally, name)
            assert found is not None
            held = found <= floor if name in AT_MOST else found >= floor
            assert held, f"{folder}/{group}: {name} is {found:.4f}, expected {floor}"


def test_no_picture_asks_for_more_than_the_budget(pages_dir):
    page = load_page()
    network = open_page(page)
    for photo in load_photos(pages_dir):
        grey = to_grey(decode_image(photo.path.read_bytes(), str(photo.path)))
        found = find(network, grey, least=page.card.least)
        assert len(found.candidates) <= 256
        assert found.complete, f"{photo.path.name} has more than 256 places that may be digits"
