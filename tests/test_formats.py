"""A format is what a number should look like; what is written with marks has a value, or has none."""

import pytest

from edge.errors import UsageError
from edge.formats import Format, value_of


@pytest.mark.parametrize(
    "form, text",
    [
        ("00000.0", "01234.5"),
        ("??0:00", "7:05"),
        ("??0:00", "12:45"),
        ("??0:00", "112:45"),
        ("-0,0", "-3,5"),
        ("0000-00-00", "2026-11-28"),
        ("0/0", "1/2"),
        ("?0", "7"),
    ],
)
def test_a_number_of_a_format_matches_it(form, text):
    assert Format.parse(form).matches(text)


@pytest.mark.parametrize(
    "form, text",
    [
        ("00000.0", "1234.5"),
        ("00000.0", "01234,5"),
        ("0.0", "105"),  # a point is a point
        ("00", "1?"),
        ("00", "123"),
        ("00", "12\n"),
        ("00", "٣٤"),
        ("-0", "3"),
        ("0", ""),
    ],
)
def test_what_has_another_format_does_not(form, text):
    assert not Format.parse(form).matches(text)


def test_a_format_knows_its_slots_and_how_many_digits_fit():
    form = Format.parse("?00.0")
    assert form.slots == ("?", "0", "0", ".", "0")
    assert (form.shortest, form.longest) == (3, 4)


@pytest.mark.parametrize(
    "text, found",
    [
        ("", "found nothing"),
        ("12.5", "found '1' in place 1; write 0 for each digit"),
        ("00 00", "found ' ' in place 3"),
        ("00x", "found 'x' in place 3"),
        (".0", "found a mark beside no digit"),
        ("0.", "found a mark beside no digit"),
        ("0..0", "found a mark beside no digit"),
        ("--0", "found a mark beside no digit"),
        ("-", "found a mark beside no digit"),
        ("0.?", "found only '?' beside a mark"),
        ("??", "found only '??' beside a mark"),
        ("0" * 65, "found 65 characters"),
    ],
)
def test_what_is_no_format_is_refused_with_what_was_expected(text, found):
    with pytest.raises(UsageError, match="expected 0 for each digit") as caught:
        Format.parse(text)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    "text, value",
    [("12.5", 12.5), ("3,50", 3.5), ("-3", -3), ("007", 7), ("0", 0), ("-0,25", -0.25), ("1.234", 1.234)],
)
def test_a_plain_decimal_number_has_a_value(text, value):
    assert value_of(text) == value


@pytest.mark.parametrize(
    "text",
    ["12:45", "1/2", "2026-11-28", "1.234.567", "1,234.5", "1?.5", "?", "", "--3", "3-", "3.", ".5", "٣"],
)
def test_anything_else_has_none(text):
    assert value_of(text) is None
