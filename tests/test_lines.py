import pytest
from samples import THRESHOLDS, number, prediction

from edge.lines import group, to_reading
from edge.types import Box, Digit, Line


def texts(digits):
    return [to_reading(line, THRESHOLDS).text for line in group(digits)]


def digits_at(text, left, top, *, step=40, rise=0, height=50):
    return [
        Digit(
            Box(left + k * step, top - k * rise, left + k * step + 30, top - k * rise + height),
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


@pytest.mark.parametrize("rise", [-12, -6, 6, 12])
def test_a_slanted_row_is_one_row(rise):
    assert texts(digits_at("123456", 10, 300, rise=rise)) == ["123456"]


def test_two_slanted_rows_are_not_mixed():
    digits = digits_at("123456", 10, 300, rise=10) + digits_at("789012", 10, 400, rise=10)
    assert texts(digits) == ["123456", "789012"]


def test_a_column_is_three_numbers():
    assert texts([*digits_at("1", 10, 10), *digits_at("2", 12, 80), *digits_at("3", 8, 150)]) == [
        "1",
        "2",
        "3",
    ]


def test_a_small_number_beside_a_large_one_is_its_own():
    assert texts(digits_at("1", 10, 10, height=120) + digits_at("22", 60, 50, height=40)) == ["1", "22"]


def test_nothing_is_no_lines():
    assert group([]) == []


def test_an_uncertain_digit_is_a_question_mark_and_makes_the_number_uncertain():
    first, second = number("47").digits
    reading = to_reading(Line((first, Digit(second.box, prediction(7, 0.6)))), THRESHOLDS)
    assert (reading.text, reading.status) == ("4?", "uncertain")
    assert reading.confidence == pytest.approx(0.6)
