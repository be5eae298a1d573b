from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.errors import UsageError
from edge.preprocess import to_glyph
from edge.sources import SourceOptions, open_source
from edge.sources.arm import draw_arm
from edge.sources.demo import DemoCamera
from edge.sources.handwriting import SHAPES, draw_strokes, some_hand, write_number
from edge.sources.paper import draw_desk, draw_sheet
from edge.sources.scene import MOVE_S, SHEET_S, Change, Scene
from edge.types import Box

SEED = 5
SHEET_FRAMES = round(SHEET_S * 30)
MOVE_FRAMES = round(MOVE_S * 30)


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture(scope="module")
def camera():
    return DemoCamera(seed=SEED)


def ink_of(image):
    """Where a picture is clearly darker or more coloured than the paper around it: a mask, uint8."""
    smooth = cv2.GaussianBlur(image, (3, 3), 0)
    around = cv2.medianBlur(image, 61)
    return (cv2.absdiff(smooth, around).max(axis=2) > 45).astype(np.uint8)


def test_a_frame_depends_on_the_seed_and_its_number_alone():
    one, other = (DemoCamera(seed=3, size=(320, 240)) for _ in range(2))
    in_order = [one.picture(k) for k in (0, 1, 155, 400)]
    out_of_order = {k: other.picture(k) for k in (400, 1, 155, 0)}
    assert all((a == out_of_order[k]).all() for a, k in zip(in_order, (0, 1, 155, 400), strict=True))
    assert one.truth(155) == other.truth(155)
    assert (DemoCamera(seed=4, size=(320, 240)).picture(0) != in_order[0]).any()


@pytest.mark.parametrize("size", [(640, 480), (800, 600), (320, 240)])
def test_pictures_have_the_size_asked_for(size):
    camera = DemoCamera(size=size)
    image = camera.picture(7)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert camera.truth(7)


@pytest.mark.parametrize("seed", range(6))
def test_the_truth_holds_the_ink_and_fits_it(seed):
    camera = DemoCamera(seed)
    frame_id = 30
    ink = ink_of(camera.picture(frame_id))
    for text, box in camera.truth(frame_id):
        inside = box.of(ink)
        assert inside.sum() > 20 * len(text), text
        _, _, width, height = cv2.boundingRect(inside)
        # A blurred, faint end of a stroke may be missed by this test's threshold, no more.
        assert width >= box.width - 10, text
        assert height >= box.height - 10, text
        around = Box(box.left - 8, box.top - 8, box.right + 8, box.bottom + 8).clipped(480, 640)
        assert around.of(ink).sum() <= inside.sum() * 1.02, text


def test_the_truth_is_in_reading_order(camera):
    boxes = [box for _, box in camera.truth(60)]
    for above, below in pairwise(boxes):
        assert below.top > above.bottom or below.left > above.right


def changed(camera, *ways: Change) -> int:
    """The first frame of the first sheet that comes in one of these ways."""
    scene = Scene(SEED, (640, 480), 30)
    return SHEET_FRAMES * next(n for n in range(1, 99) if scene.change(n) in ways)


def keys(camera, frame_id, *, whole=True):
    """Sheets and places of the numbers that are shown in a frame."""
    return {number.key for number in camera.shown(frame_id) if number.whole or not whole}


def sharpness(picture):
    return cv2.Laplacian(picture, cv2.CV_64F).var()


def test_a_sheet_is_pushed_away_by_the_next_in_a_short_and_blurred_move(camera):
    start = changed(camera, "from the left", "from the right", "from above", "from below")
    assert not camera.moving(start - 1)
    assert camera.moving(start + MOVE_FRAMES // 2)
    assert not camera.moving(start + MOVE_FRAMES)
    before, after = keys(camera, start - 1), keys(camera, start + MOVE_FRAMES)
    assert {sheet for sheet, _ in before} == {start // SHEET_FRAMES - 1}
    assert {sheet for sheet, _ in after} == {start // SHEET_FRAMES}
    assert sharpness(camera.picture(start + MOVE_FRAMES // 2)) < sharpness(camera.picture(start - 1))


def test_numbers_come_into_the_picture_part_by_part(camera):
    start = changed(camera, "from the left", "from the right")
    halves = [keys(camera, k, whole=False) - keys(camera, k) for k in range(start, start + MOVE_FRAMES)]
    assert any(halves)
    assert not halves[-1]


def test_a_cut_changes_the_sheet_from_one_frame_to_the_next(camera):
    start = changed(camera, "cut")
    assert keys(camera, start - 1).isdisjoint(keys(camera, start, whole=False))
    assert keys(camera, start) == keys(camera, start, whole=False)
    assert not camera.moving(start)


def test_a_page_that_is_turned_uncovers_the_next_from_the_right(camera):
    start = changed(camera, "turned")
    sheet = start // SHEET_FRAMES
    uncovered = [[place for n, place in keys(camera, start + k) if n == sheet] for k in range(MOVE_FRAMES)]
    assert not uncovered[0]
    assert all(set(before) <= set(after) for before, after in pairwise(uncovered))
    assert len(uncovered[-1]) == len(camera.truth(start + MOVE_FRAMES))
    assert all(n == sheet for k in range(MOVE_FRAMES) for n, _ in keys(camera, start + k))
    widths = [
        {number.key: number.box.width for number in camera.shown(start + k)}.get((sheet - 1, 0), 0)
        for k in range(MOVE_FRAMES)
    ]
    assert all(after <= before + 1 for before, after in pairwise(widths))
    assert widths[-1] < widths[0] / 2


def test_an_arm_hides_numbers_for_a_while(camera):
    scene = Scene(SEED, (640, 480), 30)
    rests = [k for k in range(0, 5 * SHEET_FRAMES, 5) if scene.arm(k)]
    assert {k // SHEET_FRAMES for k in rests} != set(range(5))
    hidden = [k for k in rests if keys(camera, k) != keys(camera, k, whole=False)]
    assert len(hidden) > len(rests) / 2  # it reaches for a number
    frame_id = hidden[len(hidden) // 2]
    before = frame_id - frame_id % SHEET_FRAMES + MOVE_FRAMES
    assert keys(camera, before) == keys(camera, frame_id, whole=False)
    assert keys(camera, frame_id) < keys(camera, before)


@pytest.mark.parametrize("seed", range(4))
def test_an_arm_hides_what_is_below_its_finger_and_nothing_beside_it(seed):
    arm = draw_arm(np.random.default_rng(seed), (640, 480))
    map = arm.map((300.0, 200.0), angle=20.0)
    paper = np.full((480, 640, 3), 220, np.uint8)
    arm.lay_over(paper, map)
    direction = np.array((np.sin(np.radians(20)), np.cos(np.radians(20))))
    tip = np.array((300.0, 200.0))
    assert arm.covers(np.array([tip + 30 * direction]), map)
    assert not arm.covers(np.array([tip - 30 * direction, (5.0, 5.0)]), map)
    assert (paper[5, 5] == 220).all()
    x, y = np.rint(tip + 30 * direction).astype(int)
    assert (paper[y, x] != 220).any()


def test_the_camera_drifts_but_slowly(camera):
    first, next_, later = (
        np.array([number.box.as_list() for number in camera.shown(k)]) for k in (0, 1, 100)
    )
    assert np.abs(next_ - first).max() <= 3
    assert np.abs(later - first).max() >= 3


def test_a_consumer_in_time_gets_every_frame():
    clock = Clock()
    source = DemoCamera(size=(160, 120), clock=clock, sleep=clock.sleep)
    frames = [frame for frame, _ in zip(source, range(5), strict=False)]
    assert [frame.frame_id for frame in frames] == [0, 1, 2, 3, 4]
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 1 / 30)
    assert source.dropped == 0
    assert source.live
    assert source.continuous


def test_a_late_consumer_gets_the_newest_and_the_others_are_counted():
    clock = Clock()
    source = DemoCamera(size=(160, 120), fps=10, clock=clock, sleep=clock.sleep)
    frames = iter(source)
    assert next(frames).frame_id == 0
    clock.now += 0.55
    assert next(frames).frame_id == 5
    assert source.dropped == 4
    assert next(frames).frame_id == 6
    assert source.dropped == 4


def test_without_real_time_no_frame_is_dropped():
    clock = Clock()
    source = DemoCamera(size=(160, 120), realtime=False, clock=clock, sleep=clock.sleep)
    frames = []
    for frame in source:
        frames.append(frame.frame_id)
        clock.now += 10
        if len(frames) == 4:
            source.close()
    assert frames == [0, 1, 2, 3]
    assert source.dropped == 0
    assert clock.now == 140


def test_demo_is_a_source_with_options():
    with open_source("demo", SourceOptions(seed=9, size=(320, 240), fps=5, realtime=False)) as source:
        frame = next(iter(source))
    assert frame.size == (320, 240)
    assert frame.source == "demo"
    assert (frame.image == DemoCamera(9, size=(320, 240), fps=5).picture(0)).all()


@pytest.mark.parametrize("options", [{"size": (10, 10)}, {"fps": 0}, {"fps": float("nan")}])
def test_impossible_options_are_refused(options):
    with pytest.raises(UsageError, match="demo: expected at least 160 x 120"):
        DemoCamera(**options)


@pytest.mark.parametrize("digit", range(10))
def test_every_shape_stands_on_its_line_and_is_one_high(digit):
    rng = np.random.default_rng(digit)
    assert len(SHAPES[digit]) >= 3
    for _ in range(20):
        points = np.concatenate(write_number(str(digit), some_hand(rng, 100), rng))
        assert points[:, 0].min() == pytest.approx(0)
        assert -120 < points[:, 1].min() < -80
        assert -15 < points[:, 1].max() < 15
        assert points[:, 0].max() < 120


def test_the_shipped_model_reads_what_the_demo_writes(classifier):
    labels, glyphs = [], []
    for digit, shapes in enumerate(SHAPES):
        for habit in range(len(shapes)):
            for seed in range(10):
                rng = np.random.default_rng((digit, habit, seed))
                hand = replace(some_hand(rng, height=56), habits=(habit,) * 10)
                ink = np.zeros((110, 120), np.uint8)
                strokes = [stroke + np.array((25, 85)) for stroke in write_number(str(digit), hand, rng)]
                draw_strokes(ink, strokes, hand.pen * hand.height, rng)
                labels.append(digit)
                glyphs.append(to_glyph(ink))
    read = [prediction.label for prediction in classifier.classify(glyphs)]
    assert np.mean(np.equal(read, labels)) >= 0.98


def test_words_stand_beside_the_numbers_and_change_none_of_them():
    size = 640, 480
    written = 0
    for seed in range(6):
        desk = draw_desk(np.random.default_rng(seed), size)
        plain = draw_sheet(np.random.default_rng(seed), desk, size)
        worded = draw_sheet(np.random.default_rng(seed), desk, size, words=np.random.default_rng([seed, 1]))
        assert [number.text for number in plain.numbers] == [number.text for number in worded.numbers]
        changed = np.abs(plain.image.astype(int) - worded.image).max(axis=2) > 40
        written += bool(changed.any())
        for number in plain.numbers:
            left, top = number.way.min(axis=0).astype(int) - 4
            right, bottom = number.way.max(axis=0).astype(int) + 4
            assert not changed[max(0, top) : bottom, max(0, left) : right].any()
    assert written >= 3
