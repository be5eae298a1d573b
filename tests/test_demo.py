from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.errors import UsageError
from edge.preprocess import to_glyph
from edge.sources import SourceOptions, open_source
from edge.sources.demo import MOVE_S, SHEET_S, DemoCamera
from edge.sources.handwriting import SHAPES, draw_strokes, some_hand, write_number
from edge.types import Box

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
    return DemoCamera(seed=5)


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
    frame_id = 60
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


def test_sheets_change_with_a_short_move(camera):
    assert not camera.moving(SHEET_FRAMES - 1)
    assert camera.moving(SHEET_FRAMES + MOVE_FRAMES // 2)
    assert not camera.moving(SHEET_FRAMES + MOVE_FRAMES)
    before = [text for text, _ in camera.truth(SHEET_FRAMES - 1)]
    after = [text for text, _ in camera.truth(SHEET_FRAMES + MOVE_FRAMES)]
    assert before != after
    edges = [cv2.Laplacian(camera.picture(k), cv2.CV_64F).var() for k in (SHEET_FRAMES - 1, SHEET_FRAMES + 9)]
    assert edges[1] < edges[0]


def test_the_camera_drifts_but_slowly(camera):
    first = np.array([box.as_list() for _, box in camera.truth(0)])
    next_ = np.array([box.as_list() for _, box in camera.truth(1)])
    later = np.array([box.as_list() for _, box in camera.truth(100)])
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
