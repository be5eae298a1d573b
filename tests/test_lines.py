import numpy as np
import pytest
from samples import THRESHOLDS, number, prediction

from edge.lines import Linking, neighbourhood, numbers_of, rows_of, to_reading
from edge.types import Box, Digit, Line

GAPS = Linking(constant=3.0, link=1.0, gap=-5.0, size=-6.0)
"""Without a word of the page network, gaps of more than 0.6 heights part numbers."""


def texts(digits, linking=GAPS):
    return [to_reading(line, THRESHOLDS).text for line in numbers_of(rows_of(digits), linking)]


def digits_at(text, left, top, *, step=40, rise=0, height=50, width=30):
    return [
        Digit(
            Box(left + k * step, top - k * rise, left + k * step + width, top - k * rise + height),
            prediction(int(c)),
        )
        for k, c in enumerate(text)
    ]


def test_neighbours_are_one_number_and_leading_zeros_are_kept():
    assert texts(digits_at("0047", 10, 10)) == ["0047"]


def test_a_wide_gap_parts_two_numbers():
    assert texts(digits_at("12", 10, 10) + digits_at("34", 200, 10)) == ["12", "34"]


def test_rows_are_read_from_top_to_bottom_whatever_the_order_they_come_in():
    digits = digits_at("56", 10, 200) + digits_at("34", 200, 10) + digits_at("12", 10, 12)
    assert texts(digits[::-1]) == ["12", "34", "56"]


@pytest.mark.parametrize("rise", [-18, -12, -6, 6, 12, 18])
def test_a_slanted_row_is_one_row(rise):
    assert texts(digits_at("123456", 10, 300, rise=rise)) == ["123456"]


@pytest.mark.parametrize("rise", [-18, -10, 10, 18])
def test_two_slanted_rows_are_not_mixed(rise):
    digits = digits_at("123456", 10, 300, rise=rise) + digits_at("789012", 10, 370, rise=rise)
    assert texts(digits) == ["123456", "789012"]


@pytest.mark.parametrize("rise", [-12, 12])
def test_the_end_of_a_slanted_row_is_read_before_the_start_of_the_next(rise):
    """The rows' ends are seven rows apart in height; only along the slope they are one row."""
    step, pitch = 40, 65
    rows = [
        digits_at("12", 10, 300 + k * pitch, rise=rise)
        + digits_at("34", 500, 300 + k * pitch - rise * 490 // step, rise=rise)
        for k in range(4)
    ]
    assert texts([digit for row in rows[::-1] for digit in row]) == ["12", "34"] * 4


def test_rows_that_diverge_are_followed_each_in_its_own_direction():
    top = digits_at("1234567890", 10, 300, rise=12)
    bottom = digits_at("1234567890", 10, 380, rise=-12)
    assert texts(bottom + top) == ["1234567890", "1234567890"]


def test_a_bent_row_is_one_row():
    heights = 60 * np.sin(np.linspace(0, np.pi, 12))
    digits = [
        digit
        for k, up in enumerate(heights.astype(int).tolist())
        for digit in digits_at(str(k % 10), 10 + 40 * k, 200 - up)
    ]
    assert texts(digits + digits_at("77", 10, 280)) == ["012345678901", "77"]


def test_a_column_is_three_numbers():
    assert texts([*digits_at("1", 10, 10), *digits_at("2", 12, 80), *digits_at("3", 8, 150)]) == [
        "1",
        "2",
        "3",
    ]


def test_a_small_number_beside_a_large_one_is_its_own():
    assert texts(digits_at("1", 10, 10, height=120) + digits_at("22", 60, 50, height=40)) == ["1", "22"]


def linked(digit, left, right):
    return Digit(digit.box, digit.prediction, None, (left, right))


def test_the_page_network_parts_numbers_where_the_gaps_do_not_tell():
    one, two, three = digits_at("123", 10, 10)
    apart = [linked(one, -6, -6), linked(two, -6, 6), linked(three, 6, -6)]
    assert texts(apart) == ["1", "23"]


def test_cells_of_a_form_are_one_number_where_the_page_network_says_so():
    digits = [linked(digit, 8, 8) for digit in digits_at("0123", 10, 10, step=95)]
    assert texts(digits) == ["0123"]
    assert texts(digits_at("0123", 10, 10, step=95)) == ["0", "1", "2", "3"]


def test_what_speaks_for_one_number_is_counted_from_both_digits():
    left, right = digits_at("12", 10, 10, step=80)
    assert neighbourhood(linked(left, 0, 3), linked(right, 5, 0)) == (1.0, 4.0, 1.0, 0.0)
    small = Digit(Box(60, 30, 70, 55), prediction(2))
    assert neighbourhood(left, small)[3] == pytest.approx(np.log(2))


def test_the_gap_is_measured_between_the_ink_so_that_ones_stay_in_their_number():
    digits = digits_at("2", 10, 10) + digits_at("11", 55, 10, width=6, step=25) + digits_at("0", 105, 10)
    assert texts(digits) == ["2110"]


def test_the_order_in_which_digits_come_makes_no_difference():
    random = np.random.default_rng(3)
    digits = [
        Digit(Box(left, top, left + 12, top + height), prediction(label))
        for label, (left, top, height) in enumerate(
            random.integers((0, 0, 8), (200, 80, 30), (10, 3)).tolist()
        )
    ]
    expected = [line.digits for line in numbers_of(rows_of(digits), GAPS)]
    for _ in range(5):
        shuffled = [digits[k] for k in random.permutation(len(digits))]
        assert [line.digits for line in numbers_of(rows_of(shuffled), GAPS)] == expected


def test_nothing_is_no_lines():
    assert numbers_of(rows_of([]), GAPS) == []


def test_an_uncertain_digit_is_a_question_mark_and_makes_the_number_uncertain():
    first, second = number("47").digits
    reading = to_reading(Line((first, Digit(second.box, prediction(7, 0.6)))), THRESHOLDS)
    assert (reading.text, reading.status) == ("4?", "uncertain")
    assert reading.confidence == pytest.approx(0.6)
