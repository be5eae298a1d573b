"""How well a picture shows its numbers, on pictures whose height, blur, light and tilt are known."""

import cv2
import numpy as np
import pytest
from samples import THRESHOLDS, number, prediction

from edge.aim import Advice, Aim, Recent, Trend, advice, measure
from edge.lines import to_reading
from edge.sources.handwriting import draw_strokes, some_hand, write_number
from edge.types import Box, Digit, Line

SIZE = 240, 480


def drawn(text="4071", *, height=48, pen=0.09, seed=3, tilt=0.0):
    """Coverage of ink, 0 to 1, and what is read there: digits of one of many hands, on a tilted line."""
    rng = np.random.default_rng(seed)
    turn = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), -tilt, 1)
    ink, digits = np.zeros(SIZE, np.float32), []
    for k, character in enumerate(text):
        one = np.zeros(SIZE, np.uint8)
        strokes = [
            stroke + np.array((60 + 1.1 * height * k, 150))
            for stroke in write_number(character, some_hand(rng, height), rng)
        ]
        draw_strokes(one, [stroke @ turn[:, :2].T + turn[:, 2] for stroke in strokes], pen * height, rng)
        x, y, wide, high = cv2.boundingRect((one > 60).astype(np.uint8))
        digits.append(Digit(Box(x, y, x + wide, y + high), prediction(int(character))))
        ink = np.maximum(ink, one / 255)
    return ink, [to_reading(Line(tuple(digits)), THRESHOLDS)]


def photo(ink, *, paper=200, contrast=0.7, blur=0.0, noise=2.0, seed=1):
    """A grey picture of ink on paper."""
    if blur:
        ink = cv2.GaussianBlur(ink, (0, 0), blur)
    levels = paper * (1 - contrast * ink) + np.random.default_rng(seed).normal(0, noise, ink.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


KINDS = [
    (text, pen, contrast)
    for text in ("1111", "8888", "4071")
    for pen in (0.1, 0.16)
    for contrast in (0.3, 0.8)
]


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_the_width_of_edges_tells_the_blur_whatever_is_written_with_whatever_pen(blur):
    widths = []
    for text, pen, contrast in KINDS:
        ink, readings = drawn(text, height=64, pen=pen)
        widths.append(measure(photo(ink, contrast=contrast, blur=blur), readings).edge)
    assert max(widths) / min(widths) < 1.35
    # The steepest slope of an edge that a Gaussian blurs is its height over 2.5 standard deviations (the root
    # of two pi); that of the steeper half is less. Drawing and the pixels themselves blur by 0.7.
    assert np.median(widths) == pytest.approx(2.9 * np.hypot(blur, 0.7), rel=0.15)


def test_the_variance_of_the_laplacian_would_tell_what_is_written_instead():
    values = []
    for text, pen, contrast in KINDS:
        ink, readings = drawn(text, height=64, pen=pen)
        picture = photo(ink, contrast=contrast, blur=2.0)
        patch = readings[0].box.of(picture)
        values.append(cv2.Laplacian(patch, cv2.CV_32F).var() / np.ptp(patch.astype(float)) ** 2)
    assert max(values) / min(values) > 2


def test_blurring_a_picture_more_widens_its_edges():
    ink, readings = drawn()
    widths = [measure(photo(ink, blur=blur), readings).edge for blur in (0, 0.5, 1, 1.5, 2, 3, 4)]
    assert widths == sorted(widths)
    assert widths[0] < 2.5


@pytest.mark.parametrize("height", [20, 40, 80])
def test_the_height_of_digits_is_told_in_pixels(height):
    ink, readings = drawn("407", height=height)
    aim = measure(photo(ink), readings)
    assert aim.digits == 3
    assert height <= aim.height <= 1.2 * height


@pytest.mark.parametrize("contrast", [0.15, 0.4, 0.8])
@pytest.mark.parametrize("paper", [90, 200])
def test_contrast_does_not_depend_on_how_much_light_there_is(contrast, paper):
    ink, readings = drawn(pen=0.12)
    assert measure(photo(ink, paper=paper, contrast=contrast), readings).contrast == pytest.approx(
        contrast, abs=0.06
    )


def test_chalk_on_a_board_has_contrast_too_and_is_no_glare():
    ink, readings = drawn(pen=0.12)
    board = np.clip(60 + 195 * ink, 0, 255).astype(np.uint8)
    aim = measure(board, readings)
    assert aim.contrast == pytest.approx(0.76, abs=0.06)
    assert aim.glare == 0


@pytest.mark.parametrize("tilt", [-20, -7, 0, 4, 12])
def test_the_tilt_of_rows_is_told_in_degrees(tilt):
    # Five hands: each lets its digits stand a bit higher or lower.
    readings = [drawn("407128", height=32, tilt=tilt, seed=seed)[1][0] for seed in range(5)]
    assert measure(np.full(SIZE, 200, np.uint8), readings).tilt == pytest.approx(tilt, abs=2.5)


def test_a_short_number_does_not_tell_the_tilt():
    ink, readings = drawn("40")
    assert measure(photo(ink), readings).tilt is None


@pytest.mark.parametrize("radius", [20, 40])
def test_glare_is_the_share_of_paper_that_a_lamp_blots_out(radius):
    ink, readings = drawn()
    picture = photo(ink)
    area = Box(40, 60, 340, 200)
    cv2.circle(picture, (190, 130), radius, 255, -1)
    assert measure(picture, readings, area).glare == pytest.approx(np.pi * radius**2 / area.area, rel=0.15)


def test_paper_that_is_white_as_in_a_scan_is_no_glare():
    ink, readings = drawn()
    assert measure(photo(ink, paper=255, noise=0), readings).glare == 0


def test_only_digits_in_the_area_are_measured():
    ink, readings = drawn("4071")
    half = readings[0].digits[1].box.right + 2
    assert measure(photo(ink), readings, Box(0, 0, half, SIZE[0])).digits == 2
    assert measure(photo(ink), readings, Box(0, 0, 30, 30)).digits == 0
    assert measure(photo(ink), readings, Box(-9, -9, 9999, 9999)).digits == 4


def test_nothing_is_measured_where_no_digit_is():
    aim = measure(np.full(SIZE, 200, np.uint8), [])
    assert aim == Aim(0, None, None, None, 0.0, None)
    assert advice(aim) == [Advice("nothing", "point it at the numbers, from near enough: no digit is seen")]


def test_digits_at_the_border_and_without_ink_are_measured_as_far_as_they_go():
    outside = to_reading(Line((Digit(Box(-4, -4, 3, 3), prediction(4)),)), THRESHOLDS)
    aim = measure(np.full(SIZE, 200, np.uint8), [outside, to_reading(number("40"), THRESHOLDS)])
    assert aim.digits == 3
    assert (aim.edge, aim.contrast) == (None, None)


GOOD = Aim(digits=4, height=60, edge=2.5, contrast=0.6, glare=0.0, tilt=1.0)


def worse(**changed):
    return Aim(**{name: changed.get(name, getattr(GOOD, name)) for name in GOOD.as_dict()})


def test_a_good_picture_needs_no_advice():
    assert advice(GOOD, Trend(100, 0.0, 0.95)) == []


@pytest.mark.parametrize(
    ("aim", "what", "text"),
    [
        (
            worse(height=14.2, edge=1.0),
            "height",
            "move nearer: digits are 14 pixels high, 18 read well",
        ),
        (worse(edge=20.0), "sharpness", "focus, and hold it still: edges of strokes are 20.0 pixels wide"),
        (
            worse(contrast=0.05),
            "contrast",
            "more light, or a darker pen: ink stands out from the paper by 5 %",
        ),
        (worse(glare=0.3), "glare", "turn away from the lamp: 30 % of the paper is glare"),
        (worse(tilt=40.0), "tilt", "turn the paper anticlockwise: rows are tilted by 40 degrees"),
        (worse(tilt=-40.0), "tilt", "turn the paper clockwise: rows are tilted by 40 degrees"),
    ],
)
def test_what_is_wrong_is_told_as_something_to_do(aim, what, text):
    (told,) = advice(aim)
    assert told.what == what
    assert told.text.startswith(text)


def test_a_good_picture_that_is_refused_mostly_is_told():
    (told,) = advice(GOOD, Trend(20, 0.6, 0.4))
    assert told.what == "reading"
    assert "60 % of the last frames were refused" in told.text


def test_the_last_seconds_tell_how_far_from_failing_reading_is():
    recent = Recent(seconds=10.0)
    assert recent.trend() == Trend(0, 0.0, None)
    sure, doubtful = to_reading(number("40"), THRESHOLDS), to_reading(number("7", confidence=0.6), THRESHOLDS)
    recent.see(0.0, [doubtful])
    recent.see(5.0, [sure])
    recent.see(6.0, [])
    recent.see(9.0, [sure, doubtful])
    assert recent.trend() == Trend(4, 0.75, pytest.approx(0.6))
    recent.see(19.5, [sure])
    assert recent.trend() == Trend(1, 0.0, pytest.approx(0.99))
