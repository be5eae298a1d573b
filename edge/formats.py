"""What a number is expected to look like, and the value of one that is written with marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.errors import UsageError

MARKS = (".", ",", ":", "/", "-")
"""Small marks that numbers are written with."""

DIGIT, OPTIONAL = "0", "?"
"""Slots of a format: one digit; one digit or none."""

LONGEST = 64
"""Slots of a format, at most: more than a row of people's writing has, and few enough to search through."""

PLAIN = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
"""A plain decimal number: a minus perhaps, digits, and at most one point or comma with digits behind it."""


@dataclass(frozen=True, slots=True)
class Format:
    """The digits and marks that a number is expected to have, from left to right.

    Attributes:
        text: a character for each slot: "0" is a digit, "?" a digit or none, and each of `MARKS` that mark.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Format:
        """A format as people write it, such as "00000.0".

        Raises:
            UsageError: when a character is none of these, or a mark would stand where no number has one.
        """
        usage = (
            f"cannot use the format {text[:80]!r}: expected 0 for each digit, ? for a digit that may be "
            f"missing and the marks {' '.join(MARKS)} as they are written, as in 00000.0 or ??0:00, found "
        )
        if not text:
            raise UsageError(f"{usage}nothing")
        if len(text) > LONGEST:
            raise UsageError(f"{usage}{len(text)} characters, where {LONGEST} are the most")
        for place, slot in enumerate(text, 1):
            if slot not in (DIGIT, OPTIONAL, *MARKS):
                cure = "; write 0 for each digit, whatever it is" if slot.isdigit() else ""
                raise UsageError(f"{usage}{slot!r} in place {place}{cure}")
        for part in re.split("[.,:/-]", text.removeprefix("-")):
            if DIGIT not in part:
                where = f"only {part!r} beside a mark" if part else "a mark beside no digit"
                raise UsageError(
                    f"{usage}{where}; on both sides of a mark there must be a 0, except for a - in front"
                )
        return cls(text)

    @property
    def slots(self) -> tuple[str, ...]:
        """Each "0" (a digit), "?" (a digit or none) or one of `MARKS`."""
        return tuple(self.text)

    @property
    def shortest(self) -> int:
        """Digits that a number of this format has, at least."""
        return self.text.count(DIGIT)

    @property
    def longest(self) -> int:
        """Digits that it has, at most."""
        return self.shortest + self.text.count(OPTIONAL)

    def matches(self, text: str) -> bool:
        """Whether a number, as it is written, has this format; one with a doubtful digit `?` has not."""
        pattern = "".join(
            {DIGIT: "[0-9]", OPTIONAL: "[0-9]?"}.get(slot) or re.escape(slot) for slot in self.slots
        )
        return re.fullmatch(pattern, text) is not None


def value_of(text: str) -> float | None:
    """The value of a number as it is written: 12.5 of "12.5", 3.5 of "3,50", -3 of "-3".

    A comma is a decimal comma, as a point is a decimal point: in which country thousands are parted with
    which of them, a picture does not tell.

    Returns:
        None for what is no plain decimal number. A time ("12:45"), a date ("2026-11-28") and a fraction
        ("1/2" may be a half, the first of February or one of two) are values of other kinds; with several
        points or commas ("1.234.567"), and with a doubtful digit ("1?.5"), there is no one value.
    """
    return float(text.replace(",", ".")) if PLAIN.fullmatch(text) else None
