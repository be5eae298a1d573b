"""What the page network is asked, and the lessons that it learns from."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn import pages_of, scene_of

import training.page.picture
from edge.formats import MARKS
from edge.page import BLOCK, BOX_UNIT, from_blocks
from edge.types import Box
from training.page import lessons
from training.page.lessons import IGNORE, PAGE, WRITING, View, draw_view, lesson, page_of, spans
from training.page.targets import DEPTH, PLANES, SeenDigit, draw_truth
from training.scenes.scene import SceneMark

CELLS = 64


def truth_of(digits=(), *, ignore=None, writing=None, way=0):
    """What is asked of a lesson of 256 pixels that is all paper but for these."""
    nothing = np.zeros((CELLS, CELLS), np.float32)
    blocks = np.zeros((CELLS, CELLS, 16), np.float32)
    ignore, writing = (nothing if plane is None else plane for plane in (ignore, writing))
    return draw_truth(digits, blocks, blocks + 1, writing, ignore, way=way)


def digit(left, top, width, height, label=5, *, goes_left=False, goes_right=False):
    return SeenDigit((left, top, left + width, top + height), label, goes_left, goes_right)


def plane(truth, name):
    return truth[..., PLANES[name]]


def box_at(truth, row, column):
    """The box that a cell is to tell, in pixels."""
    left, top, right, bottom = np.exp(plane(truth, "box")[row, column] / BOX_UNIT)
    x, y = (column + 0.5) * BLOCK, (row + 0.5) * BLOCK
    return x - left, y - top, x + right, y + bottom


def peak(truth):
    heat = plane(truth, "digit")[..., 0]
    assert heat.max() == 1
    return np.unravel_index(heat.argmax(), heat.shape)


def test_the_centre_of_a_digit_is_where_all_is_told_of_it():
    truth = truth_of([digit(80, 60, 32, 48, 7, goes_right=True)])
    row, column = peak(truth)
    assert (row, column) == (pytest.approx(84 / 4, abs=1), pytest.approx(96 / 4, abs=1))
    assert plane(truth, "label")[row, column].tolist() == np.eye(10)[7].tolist()
    assert box_at(truth, row, column) == pytest.approx((80, 60, 112, 108), abs=0.1)
    assert plane(truth, "links")[row, column].tolist() == [0, 1]
    assert not plane(truth, "small").any()
    # All that is told of a digit is told near its centre, and nowhere else.
    named = plane(truth, "label").any(axis=-1)
    assert 1 < named.sum() < 40
    np.testing.assert_array_equal(named, plane(truth, "box_weight")[..., 0] > 0)


def test_between_two_digits_each_cell_tells_of_the_nearer():
    truth = truth_of([digit(80, 60, 24, 48, 1), digit(106, 60, 24, 48, 2)])
    labels = plane(truth, "label")
    rows, columns = np.nonzero(labels.any(axis=-1))
    x = (columns + 0.5) * BLOCK
    assert (labels[rows, columns].argmax(axis=-1) == np.where(x < 105, 1, 2)).all()


@pytest.mark.parametrize(
    ("height", "asked", "centre", "small"),
    [
        (6, True, False, True),  # background: nobody can read it
        (8, False, False, True),
        (12, True, True, True),
        (40, True, True, False),
        (95, True, True, False),
        (120, False, False, False),
        (180, True, False, False),  # background: other looks see it
    ],
)
def test_digits_are_asked_for_where_they_are_of_the_size_for_one_look(height, asked, centre, small):
    truth = truth_of([digit(60, 40, max(4, height // 2), height)])
    row, column = int((40 + height / 2) // BLOCK), int((60 + height / 4) // BLOCK)
    assert bool(plane(truth, "digit_weight")[row, column, 0]) == asked
    assert bool(plane(truth, "digit").max() == 1) == centre
    assert bool(plane(truth, "small")[row, column, 0]) == small
    assert bool(plane(truth, "ink_weight")[row, column].all()) == (height <= 96)


def test_nothing_is_asked_where_the_page_says_so():
    ignore = np.zeros((CELLS, CELLS), np.float32)
    ignore[:20] = 1
    truth = truth_of(ignore=ignore)
    for name in ("digit_weight", "writing_weight", "small_weight"):
        assert not plane(truth, name)[:20].any()
        assert plane(truth, name)[20:].all()


def test_a_turned_page_teaches_nothing_but_that_it_is_turned():
    writing = np.zeros((CELLS, CELLS), np.float32)
    writing[10:12] = 1
    truth = truth_of([digit(80, 60, 32, 48)], writing=writing, way=2)
    ways = plane(truth, "ways")
    assert (ways[10:12, :, 2] == 1).all() and ways.sum() == ways[10:12, :, 2].sum()
    others = [name for name in PLANES if name != "ways"]
    assert not any(plane(truth, name).any() for name in others)
    assert truth.shape[-1] == DEPTH


@pytest.fixture(scope="module")
def scene():
    """A 4 and a 7 in the middle of a page, a word below."""
    return scene_of([("47", 215, 190)], [("word", 200, 290)])


@pytest.fixture(scope="module")
def pages(scene):
    return pages_of([scene])


def seen(pages, view):
    """Picture, ink and truth of a lesson."""
    blocks, truth = lesson(pages, spans(pages)[0], 0, view)
    ink = (255 * plane(truth, "ink")).astype(np.uint8)
    return from_blocks(blocks[np.newaxis])[0], from_blocks(ink[np.newaxis])[0], truth


@pytest.mark.parametrize(
    "view",
    [View(), View(zoom=1.5), View(zoom=0.7, turn=-20), View(turn=15, middle=(230, 200)), View(gain=0.7)],
    ids=lambda view: f"zoom {view.zoom}, turn {view.turn}",
)
def test_a_view_moves_the_picture_and_the_truth_alike(pages, view):
    picture, ink, truth = seen(pages, view)
    inked = ink > 150
    assert inked.sum() > 200
    assert picture[inked].mean() < 60 < 100 < picture[(ink == 0) & (picture > 0)].mean()
    # Ink of digits is where a digit's box is told, to a pixel or two.
    row, column = peak(truth)
    left, top, right, bottom = (round(side) for side in box_at(truth, row, column))
    inside = np.zeros_like(inked)
    inside[top - 1 : bottom + 1, left - 1 : right + 1] = True
    parts = cv2.connectedComponentsWithStats((inked & inside).astype(np.uint8))[2][1:]
    _, y, wide, high, _ = max(parts.tolist(), key=lambda part: part[4])
    assert (y, y + high) == (pytest.approx(top, abs=3), pytest.approx(bottom, abs=3))
    assert wide <= right - left + 2


def test_a_number_goes_on_in_the_truth_as_on_the_page(pages):
    _, _, truth = seen(pages, View())
    labels, links = plane(truth, "label").argmax(axis=-1), plane(truth, "links")
    told = plane(truth, "label").any(axis=-1)
    assert {tuple(link) for link in links[told & (labels == 4)].tolist()} == {(0.0, 1.0)}
    assert {tuple(link) for link in links[told & (labels == 7)].tolist()} == {(1.0, 0.0)}


def test_other_writing_is_told_and_is_no_ink_of_digits(pages, scene):
    _, ink, truth = seen(pages, View())
    word = plane(truth, "writing")[..., 0] > 0
    assert word.sum() > 20
    rows = np.nonzero(word.any(axis=1))[0]
    assert rows.min() * BLOCK > 290 - 192 + 128 - 60
    assert not ink[rows.min() * BLOCK :].any()


def test_a_negative_is_light_on_dark_and_asks_the_same(pages):
    picture, ink, truth = seen(pages, View())
    negative, _, same = seen(pages, View(negative=True))
    np.testing.assert_array_equal(truth, same)
    assert picture[ink > 150].mean() < 60 < 200 < negative[ink > 150].mean()


@pytest.mark.parametrize("way", [1, 2, 3])
def test_a_page_on_its_side_is_the_upright_one_turned(pages, way):
    upright, _, _ = seen(pages, View())
    turned, _, truth = seen(pages, View(way=way))
    assert np.abs(turned.astype(int) - np.rot90(upright, -way)).mean() < 2
    assert plane(truth, "ways")[..., way].sum() > 20
    assert plane(truth, "ways").sum() == plane(truth, "ways")[..., way].sum()


def test_of_a_digit_that_is_cut_by_the_border_nothing_is_asked(pages, scene):
    four = scene.digits[0].box
    x, _ = four.centre
    _, _, truth = seen(pages, View(middle=(x + 128, 192)))  # its right half is in the picture
    row = int((four.centre[1] - 192 + 128) // BLOCK)
    assert not plane(truth, "digit_weight")[row, :2].any()
    labels = plane(truth, "label")
    assert {int(k) for k in labels[labels.any(axis=-1)].argmax(axis=-1)} == {7}


def test_a_page_keeps_what_the_scene_says(scene):
    mark = SceneMark(".", Box(250, 180, 256, 188), 0)
    ignore = scene.ignore.copy()
    ignore[:50] = 255
    page = page_of(replace(scene, ignore=ignore, marks=(mark, replace(mark, kind="?"))))
    assert page.marks.tolist() == [[0, MARKS.index(".")]]
    assert page.mark_boxes.tolist() == [[250, 180, 256, 188]]
    assert (page.flags[0, :50] & IGNORE).all() and not (page.flags[0, 50:] & IGNORE).any()
    assert ((page.flags[0] & WRITING) > 0).sum() == pytest.approx((scene.clutter_ink > 96).sum(), rel=0.01)
    assert page.digits[:, 1:].tolist() == [[4, 0, 1], [7, 1, 0]]
    for outline, known in zip(page.outlines, scene.digits, strict=True):
        sides = (*outline.min(axis=0), *outline.max(axis=0))
        assert sides == pytest.approx(known.box.as_list(), abs=1.1)


def test_touching_digits_are_to_be_cut_apart(scene):
    touching = scene.instances.copy()
    touching[100:120, 100:110], touching[100:120, 110:120] = 1, 2
    ink = np.maximum(scene.ink, np.where(touching > 0, 255, 0).astype(np.uint8))
    page = page_of(replace(scene, instances=touching, ink=ink))
    assert not page.ink[0, 105, 109:111].any()
    assert page.ink[0, 105, 101:108].all() and page.ink[0, 105, 112:118].all()


def test_a_strip_shows_a_number_and_asks_for_nothing_else(pages):
    span = spans(pages)[0]
    views = [draw_view(np.random.default_rng(k), pages, span, 0) for k in range(400)]
    strips = [view for view in views if view.strip]
    assert 5 < len(strips) < 100
    for view in strips[:10]:
        left, top, right, bottom = view.strip
        _, ink, truth = seen(pages, view)
        assert 0 <= left < right <= 256 and 0 <= top < bottom <= 256
        outside = np.ones((256, 256), bool)
        outside[top:bottom, left:right] = False
        assert not ink[outside].any()
        cells = outside.reshape(64, 4, 64, 4).all(axis=(1, 3))
        assert not truth[cells][:, PLANES["digit_weight"]].any()
        centres = np.argwhere(truth[..., PLANES["digit"]][..., 0] == 1)
        assert len(centres) and not cells[tuple(centres.T)].any()


def test_views_depend_on_the_generator_alone_and_stay_on_the_page(pages):
    span = spans(pages)[0]
    views = [draw_view(np.random.default_rng(k), pages, span, 0) for k in range(100)]
    assert views == [draw_view(np.random.default_rng(k), pages, span, 0) for k in range(100)]
    assert len({view.zoom for view in views}) > 40  # many are the nearest or the farthest that there is
    assert {view.way for view in views} >= {0, 2}
    for view in views:
        x, y = view.middle
        assert 0 <= x <= PAGE[1] and 0 <= y <= PAGE[0]


def test_drawn_pages_depend_on_seed_and_number_alone(data_dir):
    first, again, other = (lessons._draw((data_dir, "test", 3, number)) for number in (0, 0, 1))
    np.testing.assert_array_equal(first.grey, again.grey)
    np.testing.assert_array_equal(first.flags, again.flags)
    assert not np.array_equal(first.grey, other.grey)
    assert first.grey.shape == (1, *PAGE)


def test_the_picture_of_the_documentation_is_made_again(data_dir, tmp_path, capsys):
    path = tmp_path / "page.png"
    assert training.page.picture.main(["--data", str(data_dir), "--out", str(path)]) == 0
    drawn, told = np.split(cv2.imread(str(path)), 2, axis=1)
    assert drawn.std() > 20
    changed = (np.abs(drawn.astype(int) - told).max(axis=-1) > 40).mean()
    assert 0.001 < changed < 0.2
    assert training.page.picture.main(["--data", "nowhere", "--out", str(path)]) == 2
    assert "no MNIST in nowhere" in capsys.readouterr().err
