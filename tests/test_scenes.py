import cv2
import numpy as np
import pytest

from edge.decode import decode_image
from edge.errors import UsageError
from training.scenes import GlyphBank, Scene, draw_scene
from training.scenes.__main__ import main
from training.scenes.bank import ALPHABETS, LOOKALIKES
from training.scenes.shapes import trace

RING = np.zeros((28, 28), np.uint8)
_y, _x = np.mgrid[:28, :28]
RING[np.abs(np.hypot(_x - 14, _y - 14) - 7) < 1.6] = 255
BAR = np.zeros((28, 28), np.uint8)
BAR[4:24, 12:16] = 255
CROSS = np.maximum(BAR, BAR.T)


def small_bank(split="train"):
    """Ten images, one for each label: enough to draw scenes without a data set."""
    return GlyphBank(
        np.stack([RING, BAR, CROSS, RING, CROSS, BAR, RING, BAR, CROSS, RING]), np.arange(10), split=split
    )


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    bank = small_bank()
    return [draw_scene(np.random.default_rng(seed), bank, size=(192, 256)) for seed in range(120)]


def test_the_same_seed_gives_the_same_scene_whatever_was_drawn_before():
    bank = small_bank()
    first = draw_scene(np.random.default_rng(5), bank, size=(128, 160))
    draw_scene(np.random.default_rng(6), bank, size=(128, 160))
    again = draw_scene(np.random.default_rng(5), bank, size=(128, 160))
    fresh = draw_scene(np.random.default_rng(5), small_bank(), size=(128, 160))
    for other in (again, fresh):
        for name in ("image", "ink", "clutter_ink", "ignore", "instances"):
            assert np.array_equal(getattr(first, name), getattr(other, name)), name
        assert first.digits == other.digits
        assert first.conditions == other.conditions


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (480, 640)])
def test_a_scene_has_the_size_that_was_asked_for(size):
    for seed in range(6):
        scene = draw_scene(np.random.default_rng(seed), small_bank(), size=size)
        assert scene.image.shape == (*size, 3)
        assert scene.image.dtype == np.uint8
        for mask in (scene.ink, scene.clutter_ink, scene.ignore):
            assert mask.shape == size
            assert mask.dtype == np.uint8
        assert scene.instances.shape == size


def test_every_digit_has_ink_inside_its_box_and_no_digit_elsewhere(scenes):
    for scene in scenes:
        known = {digit.instance for digit in scene.digits} | {0}
        assert set(np.unique(scene.instances)) <= known
        for digit in scene.digits:
            rows, columns = np.nonzero(scene.instances == digit.instance)
            assert len(rows) > 3
            assert digit.box.left <= columns.min() <= columns.max() < digit.box.right
            assert digit.box.top <= rows.min() <= rows.max() < digit.box.bottom
            assert scene.ink[rows, columns].min() > 0


def test_the_box_of_a_digit_that_touches_no_other_is_tight(scenes):
    checked = 0
    for scene in scenes:
        for digit in scene.digits:
            others = [other.box.intersection(digit.box).area for other in scene.digits if other is not digit]
            hidden = {"fingers", "object", "webcam"} & scene.conditions.keys()
            if hidden or any(others) or digit.box.of(scene.ignore).any():
                continue
            rows, columns = np.nonzero(scene.instances == digit.instance)
            assert (columns.min(), rows.min()) == (digit.box.left, digit.box.top)
            assert (columns.max() + 1, rows.max() + 1) == (digit.box.right, digit.box.bottom)
            checked += 1
    assert checked > 50


def test_a_scene_without_digits_has_no_ink_of_digits(scenes):
    empty = [scene for scene in scenes if "layout nothing" in scene.conditions]
    assert len(empty) >= 5
    for scene in empty:
        assert scene.digits == ()
        assert scene.numbers == []
        assert not scene.ink.any()
        assert not scene.instances.any()


def test_a_scene_without_a_sheet_has_neither_digits_nor_writing(scenes):
    bare = [scene for scene in scenes if "bare" in scene.conditions]
    assert len(bare) >= 2
    for scene in bare:
        assert scene.digits == ()
        assert not scene.clutter_ink.any()
        assert scene.image.std() > 0.5


def test_digits_are_as_small_as_fifteen_pixels_and_as_large_as_the_picture(scenes):
    heights = [digit.box.height / len(scene.ink) for scene in scenes for digit in scene.digits]
    assert min(heights) < 15 / 192
    assert max(heights) > 0.7


def test_digits_come_in_reading_order_and_positions_rise_in_a_number(scenes):
    for scene in scenes:
        order = [(digit.line, digit.position) for digit in scene.digits]
        assert order == sorted(set(order))
        assert "".join(scene.numbers) == "".join(str(digit.label) for digit in scene.digits)


def test_a_digit_in_the_truth_stands_out_from_the_paper_beside_it(scenes):
    checked = 0
    for scene in scenes:
        if "form" in scene.conditions:
            continue  # in a thick printed frame, the mean around a digit is not the paper's
        grey = cv2.cvtColor(scene.image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        blank = (np.maximum(scene.ink, scene.clutter_ink) == 0).astype(np.float32)
        near = cv2.blur(blank, (15, 15))
        paper = cv2.blur(grey * blank, (15, 15)) / np.maximum(near, 1e-6)
        for digit in scene.digits:
            core = (scene.instances == digit.instance) & (scene.ink > 160) & (near > 0.1)
            if core.sum() > 20:
                assert abs((grey - paper)[core].mean()) > 4
                checked += 1
    assert checked > 200


def test_scenes_differ_in_paper_pen_layout_and_light(scenes):
    names = {name for scene in scenes for name in scene.conditions}
    assert {
        "white paper",
        "ballpoint",
        "pencil",
        "ruled",
        "squared",
        "form",
        "shadow",
        "page edge",
        "jpeg",
    } <= names


def test_only_letters_of_the_split_are_written_and_none_that_looks_like_a_digit():
    names = np.array(
        [
            f"{alphabet}/character{i:02d}"
            for group in ALPHABETS.values()
            for alphabet in group
            for i in range(1, 41)
        ]
    )
    letters = np.arange(len(names), dtype=">u2").view(np.uint8).reshape(-1, 1, 2)  # each holds its own index
    digits = np.stack([RING] * 10)
    kept = {}
    for split in ("train", "test"):
        bank = GlyphBank(digits, np.arange(10), letters, names, split=split)
        kept[split] = {str(names[int.from_bytes(image.tobytes(), "big")]) for image in bank._letters}
        assert {name.split("/")[0] for name in kept[split]} == set(ALPHABETS[split])
    assert not kept["train"] & kept["test"]
    for alphabet, numbers in LOOKALIKES.items():
        assert not {f"{alphabet}/character{i:02d}" for i in numbers} & (kept["train"] | kept["test"])


def test_the_strokes_of_a_bar_a_cross_and_a_ring_are_found():
    bar = trace(BAR)
    assert len(bar.strokes) == 1
    assert np.ptp(bar.strokes[0][:, 1]) == pytest.approx(1)
    assert np.ptp(bar.strokes[0][:, 0]) < 0.1
    assert len(trace(CROSS).strokes) == 2
    ring = trace(RING)
    assert len(ring.strokes) == 1
    assert np.hypot(*(ring.strokes[0][0] - ring.strokes[0][-1])) < 0.15
    assert trace(np.zeros((28, 28), np.uint8)) is None


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_letters_of_a_cursive_word_run_into_each_other(split):
    bank = small_bank(split)
    for seed in range(20):
        random = np.random.default_rng(seed)
        word = bank.word(random, 6, bank.typeface(random, joined=True), joined=True)
        picture = np.zeros((1000, 1000), np.uint8)
        lines = [np.round(stroke * 900).astype(np.int32) for stroke in word.shape.strokes]
        cv2.polylines(picture, lines, False, 255, 21)  # a traced letter may have a small gap of its own
        left, _, width, _ = cv2.boundingRect(picture)
        assert picture[:, left : left + width].any(axis=0).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((np.zeros((3, 28, 28), np.uint8), np.arange(2)), "a label for each of the 3 digits, found 2"),
        ((np.zeros((2, 28, 28), np.uint8), np.arange(2)), "none of 2, 3, 4, 5, 6, 7, 8, 9"),
        (
            (np.zeros((10, 28, 28), np.uint8), np.arange(10), np.zeros((4, 9, 9), np.uint8)),
            "4 letters, found no names",
        ),
    ],
)
def test_a_bank_says_what_it_misses(arguments, said):
    with pytest.raises(UsageError, match=said):
        GlyphBank(*arguments)


def test_the_command_writes_a_sheet_of_scenes_above_their_truth(data_dir, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    command = f"--data {data_dir} --out {out} --seed 3 --count 3 --size 96x128 --columns 2 --split test"
    assert main(command.split()) == 0
    assert decode_image(out.read_bytes(), str(out)).shape == (4 * 96, 2 * 128, 3)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_command_refuses_a_count_of_nothing(tmp_path, capsys):
    assert main(["--count", "0", "--out", str(tmp_path / "sheet.png")]) == 2
    assert "at least one scene" in capsys.readouterr().err
