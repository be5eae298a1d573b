"""Pages as people write them: words, numbers, units, signs and formulas in lines, lists, tables and sums.

A line is composed from a text such as "¤ 12,50 €": digits make numbers, a ¤ is any word of the hand's,
letters make words letter by letter, `^{...}` and `_{...}` stand higher and lower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.scenes.bank import GlyphBank
from training.scenes.draws import Random, between, chance, floats, log_between, pick
from training.scenes.ink import Placement
from training.scenes.layout import SMALLEST, Area, Hand, Layout, Mark, write_number
from training.scenes.shapes import Word

MOST_NUMBERS = 60  # of a page: each digit takes a quarter of a millisecond
MOST_WORDS = 75
ANY_WORD = "¤"

TOKENS = re.compile(r"\d+(?:[.,]\d+)*|[A-Za-zÄÖÜäöüß]+|\s+|[\^_]\{[^}]*\}|[\^_].|.")

HEIGHTS: dict[str, tuple[float, float]] = {
    **dict.fromkeys("acemnorsuvwxz", (0.55, 0.0)),
    **dict.fromkeys("gpqy", (0.55, -0.4)),
    **dict.fromkeys("äöü", (0.8, 0.0)),
    "t": (0.85, 0.0),
    "i": (0.85, 0.0),
    "j": (0.85, -0.4),
    **dict.fromkeys("/()[]{}|", (1.1, -0.15)),
    "+": (0.72, 0.12),
    "×": (0.6, 0.1),
    "÷": (0.7, 0.1),
    "*": (0.75, 0.3),
    "<": (0.7, 0.1),
    ">": (0.7, 0.1),
    "≤": (0.75, 0.0),
    "≥": (0.75, 0.0),
    ",": (0.08, -0.2),
    "'": (1.1, 0.8),
    '"': (1.1, 0.8),
    "°": (1.1, 0.8),
    "^": (1.1, 0.8),
    ":": (0.55, 0.05),
    ";": (0.55, -0.2),
    "Σ": (1.2, -0.2),
    "∫": (1.5, -0.5),
    "√": (1.1, 0.0),
    "∞": (0.55, 0.15),
    "π": (0.55, 0.0),
    "α": (0.55, 0.0),
    "β": (1.0, -0.35),
    "μ": (0.55, -0.35),
    "φ": (0.9, -0.2),
}
"""Where a character's top and bottom stand over the line, in heights of a digit; capitals: 1 and 0."""

WIDTHS: dict[str, tuple[float, float]] = {
    "-": (0.45, 0.42),
    "=": (0.55, 0.42),
    "_": (0.6, -0.05),
    "~": (0.5, 0.4),
    "→": (0.8, 0.4),
    "⇒": (0.8, 0.4),
    ".": (0.07, 0.03),
    "·": (0.07, 0.4),
    "•": (0.14, 0.3),
}
"""Flat and small ones: their width, and how high above the line their middle is."""

WIDE_POINTS = 0.3
"""Share of the numbers with points or commas that leave room beside them."""

ROOM_BESIDE = 0.1, 1.0
"""That room, in heights of a digit."""

RAISED_POINTS, RAISED_APART, RAISED = 0.2, 0.5, 0.4
"""Share of the points that stand above the line, that of those with room beside them, and by how much at
most, in heights of a digit."""

ENDLESS = 0.06
"""Share of the decimals in texts after which three points say that they go on."""

TELLING = "/()|[]!lI"
"""What looks like a 1, and is told from it by what stands beside it."""


@dataclass(slots=True, eq=False)
class Setter:
    """What writes a line from left to right.

    Attributes:
        random: the source of all draws.
        bank: what can be written.
        hand: how.
        layout: what is added to.
        x: where the next token starts, pixels of the page's plane.
        y: of the line's foot at `left`.
        left: where the line starts.
        right: where it ends; what does not fit is not written.
        size: height of a digit.
        rise: the line's angle, radians.
        words: size of words over that of digits.
        row: number of the line for `Mark.row`.
    """

    random: Random
    bank: GlyphBank
    hand: Hand
    layout: Layout
    x: float
    y: float
    left: float
    right: float
    size: float
    rise: float
    words: float = 1.0
    row: int = 0

    def foot(self, x: float) -> float:
        """The line's y at this x."""
        return self.y + (x - self.left) * float(np.tan(self.rise))

    def text(self, text: str, *, gap: float = 0.0) -> bool:
        """Write a text; False when it did not fit. `gap` is between its tokens, in heights of a digit."""
        tokens: list[str] = TOKENS.findall(text)
        before = ""
        # A letter or a bar by itself is taken for a digit; beside other writing it is not.
        alone = sum(not token.isspace() for token in tokens) == 1
        for index, token in enumerate(tokens):
            after = tokens[index + 1] if index + 1 < len(tokens) else ""
            if not self._token(token, before, after, alone=alone):
                return False
            before = token
            self.x += gap * self.size
        return True

    def number(self, text: str) -> bool:
        """Write one number with its marks, as "12.5", "-3" or "2026-11-28"; False when it did not fit.

        On both sides of a mark stand numbers of their own, but for a single point or comma; the mark belongs
        to the left one, a minus in front to the one that follows.
        """
        negative, decimal = text.startswith("-"), re.fullmatch(r"-?\d+[.,]\d+", text)
        if negative and not self.character("-", kind="-", number=len(self.layout.numbers)):
            return False
        text = text.removeprefix("-")
        for part in [text] if decimal else re.findall(r"\d+|\D", text):
            if part[0].isdigit():
                if not self._digits(part):
                    return False
            elif not self.character(part, kind=part, number=len(self.layout.numbers) - 1):
                return False
        return True

    def _point(self, kind: str, wide: float) -> bool:
        """A point or comma of the number written last, with room on both sides; False if it does not fit."""
        self.x += wide * self.size
        raised = kind == "." and chance(self.random, RAISED_APART if wide else RAISED_POINTS)
        up = between(self.random, 0, RAISED) if raised else 0.0
        fits = self.character(kind, kind=kind, number=len(self.layout.numbers) - 1, up=up)
        self.x += wide * self.size
        return fits

    def space(self, share: float = 1.0) -> None:
        """Leave a space between words."""
        self.x += share * between(self.random, 0.35, 0.75) * self.size

    def _token(self, token: str, before: str, after: str, *, alone: bool) -> bool:
        if token.isspace():
            for _ in token:
                self.space()
            return True
        if token[0].isdigit():
            return self._digits(token)
        if token == ANY_WORD:
            return self.word(self.bank.written_word(self.random, self.hand.script))
        if token[0] in "^_" and len(token) > 1:
            return self._raised(token.strip("^_{}"), up=token[0] == "^")
        if len(token) > 1:
            return self._letters(token)
        number = len(self.layout.numbers) - 1
        kind = ""
        if token in "/:" and before[:1].isdigit() and after[:1].isdigit():
            kind = token
        elif token == "-" and after[:1].isdigit() and not before[-1:].isalnum() and before not in (")", " "):
            kind, number = "-", number + 1
        return self.character(token, kind=kind, number=number if kind else -1, alone=alone)

    def _digits(self, token: str) -> bool:
        """Numbers in one token: 12,50 is one, 28.11.2026 are three."""
        points = [i for i, c in enumerate(token) if not c.isdigit()]
        wide = between(self.random, *ROOM_BESIDE) if chance(self.random, WIDE_POINTS) else 0.0
        if len(self.layout.numbers) >= MOST_NUMBERS:
            return False
        parts = re.split(r"([.,])", token)
        one = len(points) == 1
        started = False
        for part in parts:
            if not part.isdigit():
                if not self._point(part, wide):
                    return False
                self.x += 0.0 if wide else between(self.random, 0.03, 0.15) * self.size
                continue
            labels = [int(c) for c in part]
            marks, taken = write_number(
                self.random, self.bank, self.hand, labels, self.x, self.foot(self.x), self.size, self.rise
            )
            if taken.right > self.right:
                return False
            if one and started:
                self.layout.numbers[-1].extend(marks)
            else:
                self.layout.numbers.append(marks)
            self.layout.taken.append(taken)
            self.x = taken.right + between(self.random, 0.05, 0.2) * self.size
            started = True
        return True

    def word(self, word: Word) -> bool:
        """Write a word as its writer wrote it."""
        size = self.size * self.words
        longer = word.size * size
        wide = word.shape.width * longer * self.hand.stretch
        if self.x + wide > self.right:
            return False
        top = self.foot(self.x) - word.above * size
        place = Placement(self.x, top, longer, self.rise, 0.5 * self.hand.slant, self.hand.stretch)
        self.layout.signs.append(Mark(word.shape, place, row=self.row))
        self.layout.taken.append(Area(self.x, top, self.x + wide, top + word.shape.height * longer))
        self.x += wide + between(self.random, 0.05, 0.2) * self.size
        return True

    def _letters(self, text: str) -> bool:
        """A word letter by letter."""
        start, marks = self.x, len(self.layout.signs)
        for character in text:
            if not self.character(character, apart=between(self.random, 0.02, 0.1)):
                del self.layout.signs[marks:]
                self.x = start
                return False
        self.x += 0.06 * self.size
        return True

    def character(
        self,
        character: str,
        *,
        kind: str = "",
        number: int = -1,
        alone: bool = False,
        apart: float = -1.0,
        up: float = 0.0,
    ) -> bool:
        """Write a letter or a sign, `up` heights of a digit above its place."""
        shape = self.bank.written_character(self.random, self.hand.script, character)
        size = self.size * (1.0 if kind or not character.isalpha() else self.words)
        size *= 1 + float(self.random.normal(0, self.hand.unrest))
        if character in WIDTHS:
            width, middle = WIDTHS[character]
            longer = width * size / max(shape.width, 0.3)
            top = middle * size + shape.height * longer / 2
        else:
            high, low = HEIGHTS.get(character, (1.0, 0.0))
            longer = min((high - low) * size / max(shape.height, 0.2), 1.5 * size)
            top = high * size
        wide = shape.width * longer * self.hand.stretch
        if self.x + wide > self.right:
            return False
        drift = float(self.random.normal(0, self.hand.unrest)) * size
        y = self.foot(self.x) - top + drift - up * size
        angle = self.rise + float(self.random.normal(0, 0.04))
        place = Placement(self.x, y, longer, angle, self.hand.slant, self.hand.stretch)
        lookalike = alone and (character in TELLING or character in "oOsSbBqgzZ")
        self.layout.signs.append(
            Mark(
                shape, place, lookalike=lookalike, kind=kind, number=number, row=-1 if lookalike else self.row
            )
        )
        self.layout.taken.append(Area(self.x, y, self.x + wide, y + shape.height * longer))
        self.x += wide + (between(self.random, 0.06, 0.22) if apart < 0 else apart) * self.size
        return True

    def _raised(self, text: str, *, up: bool) -> bool:
        """An exponent or an index."""
        small = replace(self)
        small.size = max(between(self.random, 0.5, 0.7) * self.size, SMALLEST - 1)
        small.y = self.y - (0.55 if up else -0.2) * self.size
        small.x = self.x - 0.02 * self.size
        done = small.text(text)
        self.x = small.x + 0.05 * self.size
        return done


def _setter(random: Random, bank: GlyphBank, hand: Hand, layout: Layout, area: Area, y: float) -> Setter:
    rise = float(np.clip(hand.rise, -0.12, 0.12)) if area.width > 6 * layout.height else hand.rise
    words = layout.words
    return Setter(
        random, bank, hand, layout, area.left, y, area.left, area.right, layout.height, rise, words=words
    )


def _page(random: Random, name: str, area: Area, least: float, most: float) -> Layout:
    """An empty page for lines of digits of `least` to `most` of the area's height."""
    size = max(
        SMALLEST,
        log_between(random, max(SMALLEST, least * area.height), max(SMALLEST + 1, most * area.height)),
    )
    layout = Layout(name, size, pitch=size * log_between(random, 1.45, 2.6))
    layout.words = log_between(random, 0.75, 1.25)
    return layout


def _number_text(random: Random) -> str:
    """A number as it stands in a text."""
    kind = pick(random, {"short": 5, "long": 1.5, "decimal": 2, "year": 0.7})
    if kind == "year":
        return str(random.integers(1900, 2050))
    whole = str(random.integers(0, 10 ** int(random.integers(1, 4 if kind == "short" else 8))))
    if kind != "decimal":
        return whole
    decimal = whole[:4] + (".,"[int(random.integers(2))]) + _some_digits(random, int(random.integers(1, 5)))
    return decimal + "..." if chance(random, ENDLESS) else decimal


def _some_digits(random: Random, count: int) -> str:
    return "".join(str(d) for d in random.integers(0, 10, count))


UNITS = (
    "kg", "g", "mg", "l", "ml", "cm", "m", "mm", "km", "h", "min", "s", "EUR", "€", "$", "%", "°C", "x",
    "St", "pcs", "V", "A", "W", "Hz", "mol", "kWh", "Pkg", "ct", "Uhr", "am", "pm", "th", "nd", "€/kg",
    "km/h", "m^2", "cm^3", "Ω", "Ω", "kΩ", "μm", "μF", "mm^2", "bar", "dB", "MB", "tab", "times",
    "years", "pages",
)  # fmt: skip
LIKE_DIGITS = ("g", "g", "q", "b", "B", "G", "y", "i", "j", "a")
"""Letters that look a little like digits, beside numbers as in 12b or 5 kg. Those that are written like one,
as O or l, are no lesson: nobody could tell."""

VARIABLES = 2 * "xyabnztkm" + "θφλΔΩμαβ"


def _one(random: Random, choices: Sequence[str]) -> str:
    return choices[int(random.integers(len(choices)))]


def _fact(random: Random) -> str:
    """Something with a number in it: a price, a date, a time, an amount with its unit, a telephone number."""
    kind = pick(
        random,
        {
            "unit": 4,
            "letter": 1.5,
            "price": 2,
            "time": 1.5,
            "date": 1.5,
            "phone": 0.8,
            "range": 0.8,
            "bare": 2,
            "nr": 1,
        },
    )
    match kind:
        case "unit":
            apart = " " if chance(random, 0.5) else ""
            return _number_text(random) + apart + _one(random, UNITS)
        case "letter":
            number, apart = _number_text(random), " " if chance(random, 0.5) else ""
            letter = _one(random, LIKE_DIGITS)
            if chance(random, 0.3):
                return letter + apart + number
            unit = "kg" if letter == "g" and chance(random, 0.5) else letter
            return number + apart + unit
        case "price":
            amount = f"{random.integers(0, 2000)}{_one(random, '.,')}{random.integers(0, 100):02d}"
            return _one(
                random,
                (
                    f"{amount} €",
                    f"$ {amount}",
                    f"{amount} EUR",
                    f"${amount}",
                    f"{amount}",
                    f"{amount[:-3]},-",
                ),
            )
        case "time":
            hour, minute = random.integers(0, 24), random.integers(0, 60)
            return _one(
                random,
                (
                    f"{hour}:{minute:02d}",
                    f"{hour}:{minute:02d} Uhr",
                    f"{hour % 12 + 1} pm",
                    f"{hour}.{minute:02d}",
                ),
            )
        case "date":
            day, month, year = random.integers(1, 32), random.integers(1, 13), random.integers(1950, 2040)
            return _one(
                random,
                (
                    f"{day}.{month}.{year}",
                    f"{day}/{month}/{year % 100:02d}",
                    f"{year}-{month:02d}-{day:02d}",
                    f"{day}. ¤ {year}",
                    f"{day}-{month}-{year % 100:02d}",
                ),
            )
        case "phone":
            groups = [
                _some_digits(random, int(random.integers(2, 5))) for _ in range(int(random.integers(2, 5)))
            ]
            return _one(
                random,
                (
                    " ".join(groups),
                    "-".join(groups),
                    f"({groups[0]}) " + " ".join(groups[1:]),
                    "/".join(groups[:2]),
                ),
            )
        case "range":
            low, high = random.integers(0, 50), random.integers(0, 100)
            return _one(
                random,
                (f"{low} - {high}", f"{low}-{high}", f"{low}/{high}", f"{low} x {high}", f"{low}:{high}"),
            )
        case "nr":
            return _one(random, ("#", "Nr. ", "No. ", "p. ", "S. ", "- ", "~", "> ", "Abb. ")) + _number_text(
                random
            )
        case _:
            return _number_text(random)


def notes(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Lines of words, now and then a number; some without any digit."""
    layout = _page(random, "notes", area, 0.0, 0.14)
    share = float(random.choice([0.0, 0.04, 0.12, 0.3], p=[0.4, 0.2, 0.25, 0.15]))
    lines = chance(random, 0.5)
    y = layout.first_line = area.top + layout.height * between(random, 1.0, 2.0)
    indent = between(random, 0, 0.15) * area.width if chance(random, 0.4) else 0.0
    fullness = between(random, 0.6, 1.0)
    words, row = 0, 0
    while y < area.bottom and words < MOST_WORDS:
        setter = _setter(random, bank, hand, layout, area, y)
        setter.x += indent + abs(float(random.normal(0, 0.3))) * layout.height
        setter.row = row = row + 1
        end = area.left + area.width * (fullness if chance(random, 0.8) else between(random, 0.2, 1))
        while setter.x < end and words < MOST_WORDS:
            words += 1
            if share and chance(random, share):
                fits = setter.text(_fact(random))
            else:
                line = bank.written_line(random, hand.script) if lines and chance(random, 0.5) else None
                fits = setter.word(line) if line is not None else setter.text(ANY_WORD)
                if chance(random, 0.1) and fits:
                    setter.x -= 0.1 * layout.height
                    setter.text(_one(random, ".,;:!?)-'\""))
            if not fits and line_is_full(setter):
                break
            setter.space()
        y += layout.pitch
        if chance(random, 0.08):
            y += layout.pitch
    return layout


def line_is_full(setter: Setter) -> bool:
    """True when hardly a word more fits."""
    return setter.right - setter.x < 3 * setter.size or chance(setter.random, 0.4)


def listing(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """A list: items with amounts, prices or numbers before or after."""
    layout = _page(random, "list", area, 0.0, 0.16)
    y = layout.first_line = area.top + layout.height * between(random, 1.0, 2.5)
    bullet = pick(
        random, {"none": 3, "-": 2, "•": 1.5, "n.": 1.5, "n)": 1, "box": 0.7, "*": 0.5, "✓": 0.7, "a)": 0.5}
    )
    form = pick(
        random, {"item unit": 3, "unit item": 2.5, "item dots": 1, "item = n": 1, "item": 1.5, "n x item": 1}
    )
    columns = 2 if area.width > 24 * layout.height and chance(random, 0.6) else 1
    if chance(random, 0.5):
        heading = _setter(random, bank, hand, layout, area, y)
        heading.words *= 1.2
        heading.text(_one(random, ("¤", "¤ ¤", "¤:", "¤ " + _fact(random))))
        if chance(random, 0.5):
            foot = y + 0.3 * layout.height
            layout.rules.append(floats([[area.left, foot], [heading.x, foot]]))
        y += layout.pitch * 1.2
    aligned = chance(random, 0.6)
    number, row = 0, 1
    while y < area.bottom and len(layout.signs) < 4 * MOST_WORDS:
        for column in range(columns):
            part = Area(
                area.left + column * area.width / columns,
                area.top,
                area.left + (column + 0.95) * area.width / columns,
                area.bottom,
            )
            setter = _setter(random, bank, hand, layout, part, y)
            setter.row = row = row + 1
            number += 1
            mark = {
                "none": "",
                "n.": f"{number}. ",
                "n)": f"{number}) ",
                "box": "",
                "a)": "abcdefghijklmnopqrstuvwxyz"[number % 26] + ") ",
            }.get(bullet, bullet + " ")
            setter.text(mark)
            item = "¤ ¤" if chance(random, 0.25) else "¤"
            amount = _fact(random) if chance(random, 0.85) else ""
            match form:
                case "item unit":
                    setter.text(item)
                    if aligned:
                        setter.x = max(setter.x + 0.4 * layout.height, part.left + 0.6 * part.width)
                    setter.text(" " + amount)
                case "item dots":
                    setter.text(item)
                    while setter.x < part.left + 0.6 * part.width:
                        setter.text(".", gap=0.15)
                    setter.text(" " + amount)
                case "item = n":
                    setter.text(item + _one(random, (" = ", ": ", " - ", " → ")) + amount)
                case "unit item":
                    setter.text(f"{amount} {item}")
                case "n x item":
                    setter.text(f"{random.integers(1, 30)}{_one(random, ('x', ' x', '×', 'X', ' *'))} {item}")
                case _:
                    setter.text(f"{item} ¤" + (f" ({amount})" if chance(random, 0.3) else ""))
        y += layout.pitch
        if chance(random, 0.04):
            break
    return layout


def _term(random: Random) -> str:
    """A term of an equation."""
    number = str(random.integers(0, 10 ** int(random.integers(1, 4))))
    letter = VARIABLES[int(random.integers(len(VARIABLES)))]
    kind = pick(
        random,
        {"n": 5, "nx": 1.6, "x": 1.2, "x^n": 1, "nx^n": 0.8, "f": 0.4, "x_n": 0.5, "dec": 0.7, "root": 0.4},
    )
    power = random.integers(2, 10)
    return {
        "n": number,
        "nx": number[:2] + letter,
        "x": letter,
        "x^n": f"{letter}^{power}",
        "nx^n": f"{number[:1]}{letter}^{power}",
        "f": _one(random, ("f(x)", "sin x", "log x", "ln x", "cos(x)", "P(A)", "g(t)", "e^x")),
        "x_n": f"{letter}_{power - 1}",
        "dec": _number_text(random),
        "root": f"√{number[:2]}",
    }[kind]


def _formula(random: Random) -> str:
    """A sum, an equation or another formula on one line."""
    kind = pick(
        random,
        {
            "sum": 4,
            "equation": 4,
            "brackets": 1.2,
            "calculus": 0.8,
            "chemistry": 1.2,
            "vector": 0.6,
            "compare": 0.6,
        },
    )
    apart = _one(random, (" ", " ", ""))
    sign = [_one(random, "+++---××*/÷·:") for _ in range(4)]
    if kind == "sum":
        terms = [
            str(random.integers(0, 10 ** int(random.integers(1, 4))))
            for _ in range(int(random.integers(2, 5)))
        ]
        text = "".join(
            t + (f"{apart}{s}{apart}" if i + 1 < len(terms) else "")
            for i, (t, s) in enumerate(zip(terms, sign, strict=False))
        )
        return text + _one(
            random, ("", f"{apart}=", f"{apart}={apart}{random.integers(0, 2000)}", f"{apart}={apart}?")
        )
    if kind == "equation":
        left = f"{apart}{_one(random, '+-')}{apart}".join(
            _term(random) for _ in range(int(random.integers(1, 4)))
        )
        right = f"{apart}{_one(random, '+-')}{apart}".join(
            _term(random) for _ in range(int(random.integers(1, 3)))
        )
        return f"{left}{apart}={apart}{right}"
    if kind == "brackets":
        pair = _one(random, ("()", "[]", "||", "{}"))
        return (
            f"{_term(random)}{apart}{sign[0]}{apart}{pair[0]}{_term(random)}{apart}{sign[1]}{apart}{_term(random)}{pair[1]}"
            + _one(random, ("", f" = {_number_text(random)}", f" {sign[2]} {_term(random)}", "^2"))
        )
    if kind == "calculus":
        n, m = random.integers(0, 10, 2)
        return _one(
            random,
            (
                f"∫_{n}^{m} {_term(random)} dx",
                f"Σ_{{n={n}}}^{m} {_term(random)}",
                f"lim x→{n} {_term(random)}",
                f"f(x) = {_term(random)} + {m}",
                f"dy = {_term(random)} dx",
                f"√{n}{m} = {_number_text(random)}",
                f"A = π r^2 = {_number_text(random)}",
            ),
        )
    if kind == "chemistry":
        n = random.integers(2, 10, 4)
        return _one(
            random,
            (
                "H_2O",
                f"{n[0]} H_2 + O_2 → {n[0]} H_2O",
                f"n(H_2) = {_number_text(random)}",
                f"C_{n[0]}H_{{{n[1]}{n[2]}}}O_{n[3]}",
                "CaCl_2 + Na_2CO_3",
                f"m = {_number_text(random)} g",
                f"n(O_2) → {n[0]}:{n[1]}",
                f"{_number_text(random)} mol",
                f"pH = {_number_text(random)}",
                f"%(N) = {_number_text(random)}",
                "NaCl",
                "Fe^{3+} + OH^-",
            ),
        )
    if kind == "vector":
        parts = [
            ("-" if chance(random, 0.33) else "") + str(random.integers(0, 20))
            for _ in range(int(random.integers(2, 4)))
        ]
        return f"v = ({', '.join(parts)})"
    return f"{_term(random)} {_one(random, '<>≤≥=')} {_term(random)}" + _one(
        random, ("", " ⇒ x = " + _number_text(random), ", ¤")
    )


def formulas(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Sums, equations and formulas, one below the other; fractions and matrices; at times a word."""
    large = chance(random, 0.45)
    layout = _page(random, "formulas", area, 0.08 if large else 0.0, 0.4 if large else 0.15)
    layout.height = min(layout.height, area.width / 7) if area.width > 7 * SMALLEST else layout.height
    layout.pitch = layout.height * between(random, 1.7, 3.0)
    y = layout.first_line = area.top + layout.height * between(random, 1.3, 2.5)
    row = 0
    lines = 0
    most = int(random.choice([1, 2, 4, 30]))
    while y < area.bottom and lines < most:
        x = area.left + between(random, 0, 0.3) * area.width
        while x < area.right - 3 * layout.height:
            setter = _setter(random, bank, hand, layout, area, y)
            setter.x, setter.row = x, (row := row + 1)
            kind = pick(random, {"formula": 7, "fraction": 1.4, "matrix": 0.8, "words": 0.6})
            if kind == "fraction":
                _fraction(setter)
                if chance(random, 0.6):
                    setter.text(f" = {_term(random)}")
            elif kind == "matrix" and y + layout.height < area.bottom:
                y += _matrix(setter)
            elif kind == "words":
                setter.text(_one(random, ("¤", "¤ ¤:", "¤ = " + _number_text(random))))
            else:
                setter.text(_formula(random), gap=between(random, 0.0, 0.12))
            x = setter.x + between(random, 1.0, 4.0) * layout.height
            if chance(random, 0.6):
                break
        lines += 1
        y += layout.pitch * between(random, 1.0, 1.2)
    return layout


def _fraction(setter: Setter) -> None:
    """One thing over another."""
    random, size = setter.random, setter.size
    ends = []
    for text, up in ((_term(random), True), (_term(random), False)):
        part = replace(setter)
        part.y += (-0.72 if up else 0.72) * size
        part.x += between(random, 0.0, 0.3) * size
        part.size = max(SMALLEST - 1, size * 0.85)
        part.text(text)
        ends.append(part.x)
    y = setter.foot(setter.x) - 0.42 * size
    line = floats(
        [[setter.x - 0.1 * size, y], [max(ends) + 0.1 * size, y + float(random.normal(0, 0.04)) * size]]
    )
    setter.layout.rules.append(line)
    setter.x = max(ends) + 0.3 * size


def _matrix(setter: Setter) -> float:
    """Numbers in brackets, row by row; returns how far the next line must be further down."""
    random, size = setter.random, setter.size
    rows, columns = int(random.integers(2, 4)), int(random.integers(1, 4))
    pitch, step = size * between(random, 1.15, 1.6), size * between(random, 1.3, 2.2)
    if chance(random, 0.5):
        setter.text(_one(random, ("A = ", "det ", "B = ", "v = ")))
    left = setter.x
    x0, top = left + 0.4 * size, setter.y
    right = x0
    for row in range(rows):
        for column in range(columns):
            part = replace(
                setter, x=x0 + column * step, y=top + row * pitch, row=setter.row + 1000 * (row + 1)
            )
            text = str(random.integers(0, 10 if chance(random, 0.7) else 100))
            part.text(("-" if chance(random, 0.1) else "") + text)
            right = max(right, part.x)
    bracket = _one(random, "([|")
    high, low = top - 1.15 * size, top + (rows - 1) * pitch + 0.2 * size
    for side, x in ((1, left), (-1, right + 0.25 * size)):
        bow = 0.25 * size * side
        points = {
            "(": [
                [x + bow, high],
                [x, high + 0.3 * (low - high)],
                [x, low - 0.3 * (low - high)],
                [x + bow, low],
            ],
            "[": [[x + bow, high], [x, high], [x, low], [x + bow, low]],
            "|": [[x, high], [x + float(random.normal(0, 0.05)) * size, low]],
        }[bracket]
        setter.layout.rules.append(floats(points))
    setter.x = right + 0.6 * size
    setter.layout.taken.append(Area(left, high, right, low))
    return (rows - 1) * pitch


def column_sum(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Sums in columns as at school: numbers below each other with a sign, a line and a result."""
    layout = _page(random, "column sum", area, 0.03, 0.2)
    size = layout.height
    step = size * between(random, 0.75, 1.1)
    y0 = area.top + size * between(random, 1.0, 1.5)
    pitch = layout.pitch = size * between(random, 1.15, 1.6)
    row = 0
    while y0 + 2.5 * pitch < area.bottom + size:
        x0 = area.left
        while x0 < area.right:
            digits = int(random.integers(1, 5))
            right = x0 + (digits + 1.8) * step
            if right > area.right or len(layout.numbers) > MOST_NUMBERS:
                break
            count = int(random.integers(2, 4))
            sign = _one(random, "+-×")
            for i in range(count + int(chance(random, 0.7))):
                value = str(random.integers(10 ** (digits - 1) if i < count else 1, 10**digits))
                setter = _setter(
                    random, bank, hand, layout, area, y0 + i * pitch + (0.25 * size if i >= count else 0)
                )
                setter.rise, setter.row = 0.0, (row := row + 1)
                if i == count - 1:
                    setter.x = x0 + between(random, 0, 0.3) * size
                    setter.character(sign)
                    under = setter.y + 0.25 * size
                    layout.rules.append(
                        floats([[x0, under], [right, under + float(random.normal(0, 0.05)) * size]])
                    )
                marks, taken = write_number(
                    random,
                    bank,
                    replace(hand, gap=min(hand.gap, 0.35)),
                    [int(c) for c in value],
                    0,
                    setter.y,
                    size,
                    0.0,
                )
                shift = right - taken.right
                moved = [replace(m, place=replace(m.place, x=m.place.x + shift)) for m in marks]
                layout.numbers.append(moved)
                layout.taken.append(Area(taken.left + shift, taken.top, taken.right + shift, taken.bottom))
            x0 = right + between(random, 1.5, 4) * size
        y0 += 4.4 * pitch
    return layout


def table(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """A ruled table with headings in words, and words, digits and crosses in its cells."""
    layout = _page(random, "table", area, 0.02, 0.1)
    size = layout.height
    columns = int(random.integers(2, max(3, min(9, int(area.width / (3.0 * size))))))
    pitch = layout.pitch = size * between(random, 1.5, 2.4)
    rows = int(random.integers(2, max(3, min(14, int(area.height / pitch)))))
    widths = random.uniform(0.7, 1.3, columns)
    if chance(random, 0.7):
        widths[0] *= 1.7
    wide = min(area.width, columns * size * between(random, 2.6, 5.0))
    widths *= wide / widths.sum()
    x0 = area.left + max(0.0, area.width - wide) * random.random()
    y0 = area.top + max(0.0, area.height - rows * pitch) * random.random()
    edges = x0 + np.concatenate([[0], np.cumsum(widths)])
    kinds = [
        pick(random, {"digit": 3, "number": 3, "fact": 1.2, "word": 1, "letter": 0.7, "mixed": 1})
        for _ in range(columns)
    ]
    if chance(random, 0.18):
        kinds = [pick(random, {"word": 2, "letter": 2, "tick": 1}) for _ in range(columns)]
    headed, named = chance(random, 0.8), chance(random, 0.75)
    for row in range(rows):
        y = y0 + row * pitch + pitch / 2 + size / 2
        for column in range(columns):
            cell = Area(edges[column], y - size, edges[column + 1] - 0.1 * size, y)
            setter = _setter(random, bank, hand, layout, cell, y)
            setter.rise, setter.row = 0.0, row
            setter.x += between(random, 0.15, 0.6) * size
            if (headed and row == 0) or (named and column == 0):
                setter.words *= min(1.0, widths[column] / (3.2 * size))
                setter.text(
                    _one(
                        random,
                        (
                            "¤",
                            "¤",
                            "¤",
                            "No.",
                            "Nr",
                            "d" + str(random.integers(1, 9)),
                            "%",
                            "x",
                            "€",
                            "A",
                            "S",
                        ),
                    )
                )
                continue
            kind = kinds[column]
            if kind == "mixed":
                kind = pick(
                    random,
                    {"digit": 1, "number": 1, "word": 1, "cross": 1, "tick": 0.5, "empty": 1, "dash": 1},
                )
            if chance(random, 0.08):
                kind = pick(random, {"empty": 2, "cross": 1, "dash": 2})
            if kind == "digit":
                setter.x += between(random, 0, max(0.1, widths[column] / size - 1.6)) * size
            text = {
                "digit": str(random.integers(0, 10)),
                "number": _number_text(random)[:5].strip(".,"),
                "fact": _fact(random),
                "word": "¤",
                "letter": _one(random, "ABCDEFGHJKMNPRTUVWXY"),
                "tick": _one(random, "✓✗x"),
                "dash": "-",
                "empty": "",
                "cross": "",
            }[kind]
            setter.text(text)
            if kind == "cross":
                a, b = cell.left, cell.right
                top, foot = y - 1.1 * size, y + 0.2 * size
                layout.rules += [floats([[a, top], [b, foot]]), floats([[a, foot], [b, top]])]
    top, foot = y0, y0 + rows * pitch
    if chance(random, 0.85):
        drawn = layout.rules if chance(random, 0.55) else layout.printed
        lines = [[[edges[0], y0 + r * pitch], [edges[-1], y0 + r * pitch]] for r in range(rows + 1)]
        lines += [[[x, top], [x, foot]] for x in edges]
        shake = 0.04 * size if drawn is layout.rules else 0.0
        for line in lines:
            start, end = floats(line)
            points = np.linspace(start, end, 5, dtype=np.float32)
            drawn.append(points + random.normal(0, shake + 1e-6, points.shape).astype(np.float32))
    return layout


def samples(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Sample digits, each a number of its own: 0 1 2 3 in rows, at times with letters beside them."""
    layout = _page(random, "samples", area, 0.03, 0.35)
    size = layout.height
    y = layout.first_line = area.top + size * between(random, 1.0, 1.6)
    step = size * between(random, 0.95, 2.2)
    letters = chance(random, 0.25)
    count, row = 0, 0
    start = int(random.integers(10))
    ordered = chance(random, 0.6)
    while y < area.bottom and count < MOST_NUMBERS:
        x = area.left + between(random, 0, 1) * size
        row += 1
        setter = _setter(random, bank, hand, layout, area, y)
        while x < area.right - 0.7 * size and count < MOST_NUMBERS:
            setter.x, setter.row = x, row
            count += 1
            start = (start + 1) % 10 if ordered else int(random.integers(10))
            if letters and chance(random, 0.5):
                setter.text(_one(random, "aAcdDeEfFGhHjJkKmMnNpPrRtTuUvVwWxXyY+=?&%#"))
            else:
                setter.text(str(start))
            x = max(x + step * between(random, 0.92, 1.08), setter.x + 0.25 * size)
        y += size * between(random, 1.3, 2.0)
        if chance(random, 0.2):
            break
    return layout


def labelled(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """A few large numbers with words, units or signs before, after, above or below each."""
    layout = _page(random, "labelled", area, 0.06, 0.3)
    layout.height = min(layout.height, area.width / 5)
    y = layout.first_line = area.top + layout.height * between(random, 1.2, 2.0)
    row = 0
    while y < area.bottom:
        setter = _setter(random, bank, hand, layout, area, y)
        setter.x += between(random, 0, 0.4) * area.width
        setter.row = row = row + 1
        fact = _fact(random)
        text = pick(
            random,
            {
                "{f}": 1,
                "¤ {f}": 2,
                "{f} ¤": 2,
                "¤: {f}": 1.5,
                "¤ = {f}": 1,
                "{f} ¤ {n}": 1,
                "¤": 1,
                "¤ ¤": 0.5,
            },
        )
        start = setter.x
        setter.text(text.format(f=fact, n=_number_text(random)))
        if chance(random, 0.3):  # a note above or below, smaller
            note = replace(setter, x=start, size=max(SMALLEST, setter.size * 0.5), row=1000 + row)
            note.y += (-1.2 if chance(random, 0.6) else 0.7) * setter.size
            if note.y - note.size > area.top:
                note.text(_one(random, ("¤", "¤ ¤", "(¤)", "¤!")))
        y += layout.pitch * between(random, 1.0, 1.6)
        if chance(random, 0.2):
            break
    return layout


def signs(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Letters, signs and words in rows, without a digit."""
    layout = _page(random, "signs", area, 0.03, 0.35)
    size = layout.height
    y = layout.first_line = area.top + size * between(random, 1.0, 1.6)
    row = 0
    while y < area.bottom and len(layout.signs) < 80:
        setter = _setter(random, bank, hand, layout, area, y)
        setter.row = row = row + 1
        while setter.x < area.right - size:
            token = pick(random, {"sign": 2, "letter": 2, "word": 1, "operators": 1.5})
            if token == "sign":
                setter.text(_one(random, "+=×÷*%#&@?√Σ∫→≤≥$€<>"))
            elif token == "letter":
                setter.text(_one(random, "aAcdDeEfFGhHjJkKmMnNpPrRtTuUvVwWxXyY"))
            elif token == "operators":
                setter.text(
                    _one(
                        random,
                        (
                            "( ) * / + -",
                            "/ | \\ ( )",
                            "+ - × / =",
                            "( ) [ ]",
                            "(x + y)",
                            "a / b",
                            "x = y",
                            "[a]",
                            "|x|",
                            "f(x)",
                            "p v q",
                            "(p)",
                            "a - b",
                            "x + y = z",
                            "y/x",
                        ),
                    )
                )
            elif not setter.text("¤"):
                break
            setter.x += between(random, 0.2, 1.2) * size
        y += size * between(random, 1.4, 2.2)
        if chance(random, 0.15):
            break
    return layout


def diagram(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Boxes and rings joined by lines and arrows, with letters and values: graphs, circuits, plans."""
    layout = _page(random, "diagram", area, 0.02, 0.1)
    size = layout.height
    count = int(random.integers(2, 10))
    digits = chance(random, 0.5)
    middles: list[tuple[float, float, float]] = []
    for row in range(count):
        half = size * between(random, 0.9, 2.0)
        if min(area.width, area.height) < 3 * half:
            break
        x = between(random, area.left + half, area.right - half)
        y = between(random, area.top + half, area.bottom - half)
        box = Area(x - half, y - half, x + half, y + half)
        if not layout.free(box.inset(-0.6 * size)):
            continue
        kind = pick(random, {"ring": 3, "box": 3, "text": 2})
        t = np.linspace(0, 2 * np.pi + between(random, -0.1, 0.4), 22, dtype=np.float32) + between(
            random, 0, 6
        )
        wobble = random.normal(0, 0.03, 2)
        if kind == "ring":
            ring = np.stack([np.cos(t) * (1 + wobble[0]), np.sin(t) * (1 + wobble[1])], axis=1)
            layout.rules.append(floats([x, y]) + floats(ring) * np.float32(half))
        elif kind == "box":
            corners = floats([[-1, -0.8], [1, -0.8], [1, 0.8], [-1, 0.8], [-1, -0.82]])
            corners += random.normal(0, 0.04, corners.shape).astype(np.float32)
            layout.rules.append(floats([x, y]) + corners * np.float32(half))
        setter = _setter(random, bank, hand, layout, area, y + 0.5 * size)
        setter.x, setter.rise, setter.row = x - 0.35 * size, 0.0, row
        letter = _one(random, "ABCDEFGHKMNPRTUVWXYabcdefhkmnprtuvwxy")
        setter.text(
            _one(random, (letter, f"{letter}_{row}", str(row), f"{letter}{row}")) if digits else letter
        )
        layout.taken.append(box)
        middles.append((x, y, half))
        if chance(random, 0.35):  # a value beside it
            beside = _setter(random, bank, hand, layout, area, y - half - 0.2 * size)
            beside.x, beside.rise, beside.row = x - half, 0.0, 100 + row
            beside.text(f"{letter} = {_number_text(random)} {_one(random, UNITS)}" if digits else "¤")
    for _ in range(len(middles)):
        if len(middles) < 2:
            break
        a, b = (middles[i] for i in random.choice(len(middles), 2, replace=False))
        start, end = floats(a[:2]), floats(b[:2])
        heading = (end - start) / np.float32(max(float(np.hypot(*(end - start))), 1e-6))
        start, end = start + heading * np.float32(a[2] * 1.1), end - heading * np.float32(b[2] * 1.1)
        bow = float(random.normal(0, 0.15)) if chance(random, 0.6) else 0.0
        across = (end - start)[::-1] * floats([-bow, bow])
        t = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
        layout.rules.append(start + t * (end - start) + 4 * t * (1 - t) * across)
        if chance(random, 0.6):
            turn = float(np.arctan2(*(end - layout.rules[-1][-3])[::-1]))
            wings = [
                end - floats([np.cos(turn + d), np.sin(turn + d)]) * np.float32(0.5 * size)
                for d in (0.5, -0.5)
            ]
            layout.rules.append(np.stack([wings[0], end, wings[1]]))
    return layout


MARKED = 0.6
"""Share of the numbers in `numbers` that are written with marks."""

LOOKALIKE = 0.3
"""Share of its other texts in which a sign beside a number does not belong to it."""


def _marked_text(random: Random) -> str:
    """A number with marks, as people write it: a decimal, a time, a fraction, a date, a negative number."""
    kind = pick(random, {"decimal": 4, "negative": 2, "time": 2, "fraction": 1.5, "date": 1.5})
    day, month, year = random.integers(1, 32), random.integers(1, 13), random.integers(1950, 2040)
    match kind:
        case "decimal" | "negative":
            whole = str(random.integers(0, 10 ** int(random.integers(1, 5))))
            decimal = kind == "decimal" or chance(random, 0.3)
            part = _one(random, ".,") + _some_digits(random, int(random.integers(1, 4))) if decimal else ""
            return "-" * (kind == "negative") + whole + part
        case "time":
            return f"{random.integers(0, 24)}:{random.integers(0, 60):02d}"
        case "fraction":
            return f"{random.integers(1, 30)}/{random.integers(2, 30)}"
        case _:
            return _one(
                random,
                (f"{year}-{month:02d}-{day:02d}", f"{day}.{month}.{year}", f"{day}/{month}/{year % 100:02d}"),
            )


def _lookalike_text(random: Random) -> str:
    """A number beside a sign that is no part of it: a sum, a list, the end of a sentence."""
    some = _some_digits(random, int(random.integers(1, 4)))
    other = _some_digits(random, int(random.integers(1, 4)))
    texts = (
        "{} - {}",
        "{}.",
        "{},",
        "{}.  {}",
        "{},  {}",
        "{}:",
        "{} : {}",
        "{}/",
        "{} {}",
        "¤ {}.",
        "{} + {}",
    )
    return _one(random, texts).format(some, other)


def numbers(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Rows of numbers as they are written, many with marks; to be read whole."""
    layout = _page(random, "numbers", area, 0.06, 0.3)
    y = layout.first_line = area.top + layout.height * between(random, 1.0, 1.6)
    row = 0
    while y < area.bottom:
        setter = _setter(random, bank, hand, layout, area, y)
        setter.x += between(random, 0, 1.5) * layout.height
        setter.row = row = row + 1
        while not line_is_full(setter):
            if chance(random, MARKED):
                fits = setter.number(_marked_text(random))
            elif chance(random, LOOKALIKE):
                fits = setter.text(_lookalike_text(random))
            else:
                fits = setter.number(_some_digits(random, int(random.integers(1, 7))))
            if not fits:
                break
            setter.space(between(random, 1.5, 4.0))
        y += layout.pitch
    return layout


COMPOSED: dict[str, Callable[[Random, GlyphBank, Hand, Area], Layout]] = {
    "notes": notes,
    "list": listing,
    "formulas": formulas,
    "column sum": column_sum,
    "table": table,
    "samples": samples,
    "labelled": labelled,
    "signs": signs,
    "diagram": diagram,
    "numbers": numbers,
}
"""Plans by name."""
