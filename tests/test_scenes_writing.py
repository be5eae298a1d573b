import cv2
import numpy as np
import pytest
from test_scenes import small_bank

from edge.types import Box
from training.scenes import draw_scene, load_bank
from training.scenes import scene as scenes_of
from training.scenes.archive import load_archive
from training.scenes.canvas import Canvas, Geometry
from training.scenes.compose import COMPOSED, Setter
from training.scenes.layout import Area, Layout, draw_hand
from training.scenes.scene import SceneDigit, SceneMark
from training.scenes.writers import WRITING, held_out, load_writers


@pytest.fixture(scope="module")
def writing_dir(data_dir):
    if not (data_dir / WRITING).is_dir():
        pytest.skip("needs the folder writing of the data")
    return data_dir


@pytest.fixture(scope="module")
def bank(writing_dir):
    return load_bank(writing_dir)


@pytest.fixture(scope="module")
def pages(bank):
    return [draw_scene(np.random.default_rng([1, seed]), bank, size=(256, 320)) for seed in range(60)]


def written(text, *, seed=0, size=40.0):
    """What composing a text on a wide line makes."""
    bank = small_bank()
    random = np.random.default_rng(seed)
    layout = Layout("line", size)
    setter = Setter(random, bank, draw_hand(random, bank), layout, 0, 100, 0, 5000, size, 0.0)
    assert setter.text(text)
    return layout


@pytest.mark.parametrize(
    ("text", "numbers", "marks"),
    [
        ("12,50", ["1250"], [(",", 0)]),
        ("3.5 kg", ["35"], [(".", 0)]),
        ("28.11.2026", ["28", "11", "2026"], [(".", 0), (".", 1)]),
        ("8/3", ["8", "3"], [("/", 0)]),
        ("12:45", ["12", "45"], [(":", 0)]),
        ("(0,3,-1)", ["03", "1"], [(",", 0), ("-", 1)]),
        ("x = -5", ["5"], []),
        ("7 - 2", ["7", "2"], []),
        ("-100", ["100"], [("-", 0)]),
        ("x^2 + 47", ["2", "47"], []),
        ("H_{12}O", ["12"], []),
        ("abc", [], []),
    ],
)
def test_a_text_makes_numbers_and_the_marks_in_them(text, numbers, marks):
    layout = written(text)
    assert ["".join(str(mark.label) for mark in number) for number in layout.numbers] == numbers
    assert [(sign.kind, sign.number) for sign in layout.signs if sign.kind] == marks


def test_a_sign_that_looks_like_a_digit_is_a_lesson_only_beside_other_writing():
    assert [sign.lookalike for sign in written("/").signs] == [True]
    assert not any(sign.lookalike for sign in written("a/b").signs)
    assert not any(sign.lookalike for sign in written("(3)").signs)


def test_what_does_not_fit_on_the_line_is_not_written():
    bank = small_bank()
    random = np.random.default_rng(1)
    layout = Layout("line", 40.0)
    setter = Setter(random, bank, draw_hand(random, bank), layout, 0, 100, 0, 30, 40.0, 0.0)
    assert not setter.text("123456")
    assert layout.numbers == []


@pytest.mark.parametrize("plan", COMPOSED)
def test_every_plan_stays_on_its_area_and_writes(plan):
    bank = small_bank()
    signs = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        layout = COMPOSED[plan](random, bank, draw_hand(random, bank), Area(0, 0, 500, 380))
        signs += len(layout.signs) + len(layout.numbers)
        for number in layout.numbers:
            assert number
            assert all(mark.label is not None for mark in number)
            assert number[0].place.x > -20
            assert number[-1].place.x < 500
    assert signs > 8


def test_the_digits_of_a_page_are_of_one_hand(bank):
    sources = set()
    hand_of = {}
    for writer, by_label in enumerate(bank._hands):
        hand_of.update({i: writer for found in by_label for i in found})
    for seed in range(80):
        script = bank.script(np.random.default_rng(seed), european=seed % 2 == 0)
        sources.add(script.source)
        assert len(script.digits) == 10
        kinds = {kind for ways in script.digits for kind, _ in ways}
        assert kinds <= {script.source, "mnist", "variant"}
        assert len({hand_of[i] for ways in script.digits for kind, i in ways if kind == "mnist"}) <= 1
        own = [i for ways in script.digits for kind, i in ways if kind == "unipen"]
        assert len({int(bank.writers._chars.writers[i]) for i in own}) <= 1
    assert {"mnist", "unipen", "europe"} <= sources


def test_training_and_test_share_neither_writers_nor_words(writing_dir):
    train, test = (load_writers(writing_dir, split) for split in ("train", "test"))
    for name in ("digit_writers", "letter_writers", "word_writers", "text_writers"):
        assert getattr(test, name)
        assert not set(getattr(train, name)) & set(getattr(test, name))
    words = [
        {writers.text_of("word", i).lower() for found in writers.words.values() for i in found}
        for writers in (train, test)
    ]
    assert words[1]
    assert not words[0] & words[1]
    assert all(held_out(f"word {word}") for word in words[1])
    archives = [load_archive(writing_dir / WRITING, split) for split in ("train", "test")]
    assert not {page.path for page in archives[0].pages} & {page.path for page in archives[1].pages}


def test_a_third_of_the_ink_is_no_digit_and_some_pages_hold_none(pages):
    digits = sum(int((page.ink > 127).sum()) for page in pages)
    others = sum(int((page.clutter_ink > 127).sum()) for page in pages)
    assert others > (digits + others) / 3
    assert 0.15 < np.mean([not page.digits for page in pages]) < 0.5


def test_the_marks_of_a_number_are_clutter_and_belong_to_a_digit_in_the_truth(pages, bank):
    more = [draw_scene(np.random.default_rng([2, seed]), bank, size=(256, 320)) for seed in range(40)]
    found = [(page, mark) for page in pages + more for mark in page.marks]
    assert len(found) > 10
    for page, mark in found:
        assert mark.kind in (".", ",", ":", "/", "-")
        assert mark.line in {digit.line for digit in page.digits}
        assert mark.box.of(page.clutter_ink).max() > 100
        assert mark.box == mark.box.clipped(*page.ink.shape)


@pytest.mark.parametrize(("darker", "noise", "seen"), [(40, 2, True), (5, 2, False), (40, 30, False)])
def test_a_mark_that_nobody_can_see_is_not_asked_for(darker, noise, seen):
    canvas = Canvas.empty(Geometry(np.eye(3, dtype=np.float32)), 60, 80)
    box = Box(40, 40, 43, 43)
    box.of(canvas.clutter)[:] = 255
    random = np.random.default_rng(4)
    grey = random.normal(180, noise, (60, 80)) - darker * (canvas.clutter > 0)
    image = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    mark, digit = SceneMark(".", box, 0), SceneDigit(3, Box(10, 20, 24, 43), 0, 0, 1)
    assert scenes_of._shown_marks(canvas, image, [mark], (digit,)) == ((mark,) if seen else ())
    assert box.of(canvas.ignore).all() != seen
    assert scenes_of._shown_marks(canvas, image, [mark], ()) == ()


def test_the_same_seed_gives_the_same_page(bank, writing_dir):
    load_bank(writing_dir)  # a second bank draws nothing from the first's generator
    for seed in range(6):
        one, two = (draw_scene(np.random.default_rng(seed), bank, size=(128, 160)) for _ in range(2))
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.clutter_ink, two.clutter_ink)
        assert one.digits == two.digits
        assert one.marks == two.marks


def test_a_struck_out_number_is_no_number(bank, monkeypatch):
    monkeypatch.setattr(scenes_of, "STRUCK_PAGES", 1.0)
    monkeypatch.setattr(scenes_of, "STRUCK", 1.0)
    monkeypatch.setattr(scenes_of, "ARCHIVE", 0.0)
    monkeypatch.setattr(scenes_of, "PLANS", {"samples": 1.0})
    for seed in range(6):
        page = draw_scene(np.random.default_rng(seed), bank, size=(192, 256))
        assert page.digits == ()
        assert page.marks == ()
        assert not page.ink.any()
        assert page.struck
        for number in page.struck:
            place = np.zeros(page.clutter_ink.shape, np.uint8)
            cv2.fillConvexPoly(place, np.rint(number.corners).astype(np.int32), 1)
            assert number.digits > 0
            assert page.clutter_ink[place > 0].any()


def test_writing_that_nobody_can_see_is_ignored_not_taught(bank, monkeypatch):
    monkeypatch.setattr(scenes_of, "LEAST_CONTRAST", 300.0)
    monkeypatch.setattr(scenes_of, "LEAST_ONE_BIT", 600.0)
    page = draw_scene(np.random.default_rng(4), bank, size=(192, 256))
    monkeypatch.undo()
    seen = draw_scene(np.random.default_rng(4), bank, size=(192, 256))
    assert seen.clutter_ink.sum() > page.clutter_ink.sum()
    assert (page.ignore > 0).sum() > (seen.ignore > 0).sum()


def test_an_old_page_holds_no_digit_and_teaches_only_what_was_transcribed(bank, monkeypatch):
    monkeypatch.setattr(scenes_of, "ARCHIVE", 1.0)
    for seed in range(4):
        page = draw_scene(np.random.default_rng(seed), bank, size=(192, 256))
        assert page.conditions["archive"] == 1.0
        assert page.digits == ()
        assert page.clutter_ink.any()
        assert not (page.clutter_ink[page.ignore > 0]).any()


def test_without_the_writing_pages_are_drawn_and_it_is_said(tmp_path, capsys):
    assert load_writers(tmp_path, "train") is None
    assert load_writers(tmp_path, "train") is None
    assert capsys.readouterr().err.count("no handwriting in") == 1
    names = set()
    for seed in range(60):
        names |= draw_scene(np.random.default_rng(seed), small_bank(), size=(96, 128)).conditions.keys()
    assert {"layout notes", "layout formulas", "layout list"} <= names
