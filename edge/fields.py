"""Fields: the numbers that someone wants, by name. What a field is, and how it is written in settings.

A field is read by `edge.field_reader`, and `edge.plausibility` decides whether it takes what is read.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from edge.errors import UsageError
from edge.formats import Format, value_of

Ground = Literal["picture", "sheet"]
"""What a region is a share of: the whole picture, or the sheet of paper that is found in it."""

UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86400}
"""Seconds of the units that times are given in."""

LONGEST_NAME = 40
"""Characters of a field's name."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where a field is: shares of the width and height of its ground, 0 to 1, from the top left corner.

    Attributes:
        left: of the width.
        top: of the height.
        right: of the width.
        bottom: of the height.
        on: what it is a share of. A region on a sheet goes with the sheet, however that lies in the picture.

    Raises:
        UsageError: it holds nothing, or reaches beyond its ground.
    """

    left: float
    top: float
    right: float
    bottom: float
    on: Ground = "picture"

    def __post_init__(self) -> None:
        """Check that it lies on its ground."""
        inside = 0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1
        if not inside:
            raise UsageError(
                f"expected left, top, right and bottom as shares of the {self.on}, 0 to 1, with left below "
                f"right and top below bottom, as in 0.1,0.2,0.6,0.4, found {self}"
            )

    @classmethod
    def parse(cls, text: str) -> Region:
        """A region as the command line has it: `0.1,0.2,0.6,0.4`, or `sheet:0.1,0.2,0.6,0.4`.

        Raises:
            UsageError: it is none.
        """
        ground, _, shares = text.rpartition(":")
        numbers = shares.split(",")
        try:
            left, top, right, bottom = (float(number) for number in numbers)
        except ValueError as error:
            raise UsageError(
                f"expected left,top,right,bottom as shares of the picture, as in 0.1,0.2,0.6,0.4, or behind "
                f"sheet: as shares of the sheet of paper in it, found {text!r}"
            ) from error
        return cls(left, top, right, bottom, _ground(ground or "picture"))

    def __str__(self) -> str:
        shares = ",".join(f"{share:g}" for share in self.shares)
        return shares if self.on == "picture" else f"{self.on}:{shares}"

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the ground, in shares of it, lies in the region."""
        return self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True, slots=True)
class Change:
    """How much a value may change.

    Attributes:
        amount: at most, over `seconds`; None for any.
        seconds: that it may take for it.
        up: it only rises.
    """

    amount: Decimal | None = None
    seconds: float = 0.0
    up: bool = False

    @classmethod
    def parse(cls, text: str) -> Change:
        """A change as people write it: `0.5 / h` up or down, `up 0.5 / h`, or `up`.

        Raises:
            UsageError: it is none of these.
        """
        found = re.fullmatch(
            r"\s*(up)?\s*(?:(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)?\s*(s|min|h|d))?\s*", text, re.ASCII
        )
        if found is None or not any(found.groups()) or (found[3] and not float(found[3])):
            raise UsageError(
                f"expected the most that it changes in a time, such as 0.5 / h, up 0.5 / h for what only "
                f"rises, or up alone, with the time in {', '.join(UNITS_S)}, found {text!r}"
            )
        up, amount, count, unit = found.groups()
        if amount is None:
            return cls(up=True)
        return cls(Decimal(amount), float(count or 1) * UNITS_S[unit], up=bool(up))

    def __str__(self) -> str:
        rate = "" if self.amount is None else f"{self.amount} / {_duration(self.seconds).removeprefix('1 ')}"
        return " ".join(part for part in ("up" if self.up else "", rate) if part)

    def most_after(self, seconds: float) -> Decimal | None:
        """The most that a value may have changed after so many seconds; None for any."""
        if self.amount is None:
            return None
        return self.amount * Decimal(repr(seconds)) / Decimal(repr(self.seconds))


@dataclass(frozen=True, slots=True)
class Field:
    """A number that someone wants.

    Attributes:
        name: "" for a field without a name, which says how all numbers must be: it has no value, and all
            else but region and format is not for it.
        region: where it stands; None for anywhere in the picture.
        format: what it looks like; None for any number.
        unit: of its value, to be shown behind it.
        least: value that it has at least; None for any.
        most: value that it has at most; None for any.
        most_change: how fast the value changes at most; None for any. It counts from when the last value was
            accepted for the first time: a page shows yesterday's value until it shows today's.
        after: local time of the day from which on it is read, until it is accepted, once a day.
        every: seconds from when it is accepted until it is read again. Without one of the two it is read all
            the time.
        agree: readings that must say the same, after which a change that is too fast is accepted after all.
        agree_for: seconds from the first of them to the last, at least.
        stale_after: seconds after which a value that is not seen any more is called stale; None for never.

    Raises:
        UsageError: two of these do not go together. The error begins with the name of the one to change.
    """

    name: str = ""
    region: Region | None = None
    format: Format | None = None
    unit: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    most_change: Change | None = None
    after: time | None = None
    every: float | None = None
    agree: int = 3
    agree_for: float = 300.0
    stale_after: float | None = None

    def __post_init__(self) -> None:
        """Check that all of it makes sense together."""
        if self.least is not None and self.most is not None and self.least > self.most:
            raise UsageError(f"most: expected {self.least} or more, which is least, found {self.most}")
        if self.after is not None and self.every is not None:
            raise UsageError("every: expected every or after, found both: leave one of them out")
        if self.needs_value and self.format and value_of(self.format.text.replace("?", "0")) is None:
            first = "least" if self.least is not None else "most" if self.most is not None else "most_change"
            raise UsageError(
                f"{first}: expected no limit, as what is written as {self.format.text} is no plain number: "
                f"leave {first} out, or give a format such as 000.0"
            )

    @property
    def needs_value(self) -> bool:
        """Whether a rule asks for its value, and not only for its text."""
        return not (self.least is None and self.most is None and self.most_change is None)

    def as_table(self) -> dict[str, Any]:
        """As a table in settings has it, plain values only; `field_of` undoes it."""
        table: dict[str, Any] = {"name": self.name}
        if self.region:
            table["region"] = list(self.region.shares)
            if self.region.on != "picture":
                table["on"] = self.region.on
        if self.format:
            table["format"] = self.format.text
        if self.unit:
            table["unit"] = self.unit
        for key in ("least", "most"):
            if (limit := getattr(self, key)) is not None:
                table[key] = int(limit) if limit == limit.to_integral_value() else float(limit)
        if self.most_change:
            table["most_change"] = str(self.most_change)
        if self.after is not None:
            table["after"] = f"{self.after:%H:%M}"
        if self.every is not None:
            table["every"] = _duration(self.every)
        usual = Field()
        if self.agree != usual.agree:
            table["agree"] = self.agree
        if self.agree_for != usual.agree_for:
            table["agree_for"] = _duration(self.agree_for)
        if self.stale_after is not None:
            table["stale_after"] = _duration(self.stale_after)
        return table


def field_of(table: Mapping[str, object]) -> Field:
    """A field with a name, from a table of settings or of JSON.

    Args:
        table: its keys are the attributes of `Field`, and `on`, what the region is a share of.

    Raises:
        UsageError: a key is unknown or missing, or a value makes no sense. The error begins with the key.
    """
    known = [*(each.name for each in dataclasses.fields(Field)), "on"]
    for key in table:
        if key not in known:
            (nearest,) = difflib.get_close_matches(key, known, 1, cutoff=0)
            raise UsageError(f"{key}: unknown key; the nearest known one is {nearest}")
    if "name" not in table:
        raise UsageError('name: expected a name for the field, such as "water", found none')
    if "on" in table and "region" not in table:
        raise UsageError("on: expected a region beside it, found none: leave on out, or give a region")
    values: dict[str, Any] = {key: _read(key, value, table) for key, value in table.items() if key != "on"}
    return Field(**values)


def fields_of(tables: Iterable[Mapping[str, object]]) -> tuple[Field, ...]:
    """Fields with different names.

    Raises:
        UsageError: as `field_of`, and for a name that is there twice. It begins with the table.
    """
    fields: list[Field] = []
    for place, table in enumerate(tables, 1):
        name = table.get("name")
        which = f"{place} ({name!r})" if isinstance(name, str) and name else str(place)
        try:
            field = field_of(table)
            if field.name in [earlier.name for earlier in fields]:
                raise UsageError("name: expected a name that no other field has: give it another")
        except UsageError as error:
            raise UsageError(f"[[field]] {which}: {error}") from error
        fields.append(field)
    return tuple(fields)


def seconds_of(text: str) -> float:
    """Seconds of a time such as `10 min`.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*", text, re.ASCII)
    seconds = float(found[1]) * UNITS_S[found[2]] if found else 0.0
    if not seconds:
        raise UsageError(f"expected a time such as 10 min, in {', '.join(UNITS_S)}, found {text!r}")
    return seconds


def _read(key: str, value: object, table: Mapping[str, object]) -> object:
    """The value of a key as `Field` has it."""
    try:
        match key:
            case "name":
                return _name(value)
            case "region":
                return _region(value, table.get("on", "picture"))
            case "format":
                return Format.parse(_text(value, '"00000.0"'))
            case "unit":
                return _text(value, '"m³"')
            case "least" | "most":
                return _number(value)
            case "most_change":
                return Change.parse(_text(value, '"0.5 / h"'))
            case "after":
                return _time(value)
            case "agree":
                return _count(value)
            case _:
                return seconds_of(_text(value, '"10 min"'))
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error


def _text(value: object, example: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise UsageError(f"expected a text such as {example}, found {value!r}")
    return value


def _name(value: object) -> str:
    name = _text(value, '"water"')
    if not 0 < len(name) <= LONGEST_NAME or name != name.strip():
        raise UsageError(
            f'expected 1 to {LONGEST_NAME} characters, no space at the ends, such as "water", found {name!r}'
        )
    return name


def _region(value: object, on: object) -> Region:
    shares = list(value) if isinstance(value, list | tuple) else []
    if len(shares) != 4 or not all(_is_number(share) for share in shares):
        raise UsageError(
            f"expected [left, top, right, bottom] as shares, such as [0.1, 0.2, 0.6, 0.4], found {value!r}"
        )
    left, top, right, bottom = (float(share) for share in shares)
    return Region(left, top, right, bottom, _ground(on))


def _ground(value: object) -> Ground:
    grounds: tuple[Ground, ...] = get_args(Ground)
    for ground in grounds:
        if value == ground:
            return ground
    raise UsageError(f"expected a region on the {' or the '.join(grounds)}, found {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value)) if _is_number(value) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise UsageError(f"expected a number, found {value!r}")
    return number


def _time(value: object) -> time:
    if isinstance(value, time):  # TOML has them, too
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise UsageError(f'expected a time of the day such as "21:00", found {value!r}')
    return time(int(found[1]), int(found[2]))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise UsageError(f"expected a number of readings, 2 or more, found {value!r}")
    return value


def _duration(seconds: float) -> str:
    """Seconds in the largest unit of which they are a whole number, as `seconds_of` reads it."""
    for unit, length in reversed(UNITS_S.items()):
        if seconds % length == 0:
            count = round(seconds / length)
            return f"{count} {unit}"
    return f"{seconds:g} s"
