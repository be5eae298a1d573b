"""Whether a field takes what is read: [Reading], time -> FieldReading. A stream has a `Judge` for each field.

Three things are kept apart: what was read (`raw`), what was accepted last (`text` and `value`, with their
age), and why the one is not the other (`problem`). Time comes with each frame, so that frames which are read
again in their own time are judged as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from edge.fields import UNITS_S, Field
from edge.formats import value_of
from edge.types import UNSURE, FieldReading, Moment, Problem, Reading, Status

REFUSALS = frozenset({"format", "limit", "change"})
"""Problems of a number that was read for certain: a rule of its field refuses it."""

NO_NUMBER = "there is no number"


@dataclass(frozen=True, slots=True)
class Known:
    """A value that was accepted: what outlasts a restart.

    Attributes:
        text: as it is written.
        since: when it was accepted for the first time, on the wall clock, UTC.
        at: when it was read last, likewise.
    """

    text: str
    since: datetime
    at: datetime


@dataclass(slots=True)
class _Pending:
    """A value that has changed too fast, and how often it was read so: seconds, monotonic."""

    text: str
    first: float
    latest: float
    count: int = 1


class Judge:
    """Decides what a field takes, frame by frame.

    Args:
        field: whose rules count.
        known: its value from before; None where there is none.
        zone: of the field's times of the day; None is this machine's.

    Attributes:
        field: whose rules count.
        known: the value that was accepted last.
    """

    def __init__(self, field: Field, known: Known | None = None, *, zone: tzinfo | None = None) -> None:
        self.field, self.known = field, known
        self._zone = zone
        self._since = self._at = (
            0.0  # of `known`, seconds on the monotonic clock, once a frame tells the time
        )
        self._started = self._asked = False
        self._pending: _Pending | None = None
        self._last = FieldReading(field.name, unit=field.unit)

    def ask(self) -> None:
        """Be due from now on, whatever the schedule says, until a value is accepted."""
        self._asked = True

    def is_due(self, moment: Moment) -> bool:
        """Whether the field is to be read in a frame of this time."""
        self._start(moment)
        if self.known is None or self._asked:
            return True
        if self.field.every is not None:
            return moment.timestamp - self._at >= self.field.every
        if self.field.after is not None:
            now = moment.captured_at.astimezone(self._zone)
            latest = datetime.combine(now.date(), self.field.after, now.tzinfo)
            return self.known.at < (latest if latest <= now else latest - timedelta(days=1))
        return True

    def wants_another(self, moment: Moment) -> bool:
        """Whether a frame is to be read although it shows what the last one did.

        What has changed too fast is accepted when enough readings agree. A picture that stands still must not
        keep it from that for ever, nor be counted thirty times a second.
        """
        pending = self._pending
        if pending is None:
            return False
        return moment.timestamp - pending.latest >= self.field.agree_for / (self.field.agree - 1)

    def take(
        self,
        readings: Sequence[Reading],
        moment: Moment,
        *,
        outline: tuple[tuple[float, float], ...] | None = None,
        why: str = NO_NUMBER,
    ) -> tuple[FieldReading, Reading | None]:
        """Take what a frame shows.

        Args:
            readings: the numbers in the field's region.
            moment: of the frame.
            outline: of its region.
            why: there is nothing, in words, where there is nothing.

        Returns:
            What is known of the field now, and which of the readings was its number, if one was.
        """
        self._start(moment)
        raw, chosen, problem, why = self._choose(readings, why)
        if chosen is not None and problem is None:
            problem, why = self._judge(chosen.text, moment.timestamp)
            if problem is None:
                self._accept(chosen.text, moment)
        self._last = replace(
            self._last,
            raw=raw,
            problem=problem,
            why=why,
            status=_status(problem),
            confidence=min((reading.confidence for reading in readings), default=0.0)
            if chosen is None
            else chosen.confidence,
            box=None if chosen is None else chosen.box,
            outline=outline,
            due=True,
        )
        return self._now(moment), chosen

    def hold(self, moment: Moment, *, outline: tuple[tuple[float, float], ...] | None = None) -> FieldReading:
        """What is known in a frame that shows what the last one did: seen, but no new evidence."""
        if self._last.status == "accepted" and self.known is not None:
            self.known, self._at = replace(self.known, at=moment.captured_at), moment.timestamp
            self._asked = False
        self._last = replace(self._last, outline=outline, due=True)
        return self._now(moment)

    def rest(self, moment: Moment) -> FieldReading:
        """What is known in a frame in which the field is not due."""
        self._start(moment)
        if self.known is not None and self._last.text is None and self._last.raw is None:
            self._last = replace(self._last, problem=None, status="accepted")  # from before a restart
        self._last = replace(self._last, due=False, outline=None)
        return self._now(moment)

    def _start(self, moment: Moment) -> None:
        """Bring what is known from before, with its wall clock, to the clock of the stream."""
        if self._started:
            return
        self._started = True
        if self.known is not None:
            self._since, self._at = (
                moment.timestamp - max(0.0, (moment.captured_at - when).total_seconds())
                for when in (self.known.since, self.known.at)
            )

    def _choose(
        self, readings: Sequence[Reading], why: str
    ) -> tuple[str | None, Reading | None, Problem | None, str]:
        """Which number is the field's: its text, the reading itself, and what is wrong so far."""
        if not readings:
            return None, None, "not found", why
        known_format = self.field.format
        fitting = [r for r in readings if known_format and known_format.matches(r.text.replace(UNSURE, "0"))]
        candidates = fitting or list(readings)
        raw = " ".join(reading.text for reading in candidates)
        if len(candidates) > 1:
            if known_format and not fitting:
                return raw, None, "format", f"none of {len(candidates)} numbers is as {known_format.text}"
            return raw, None, "unsure", f"{len(candidates)} numbers may be meant"
        (chosen,) = candidates
        if UNSURE in chosen.text:
            return raw, chosen, "unsure", f"{UNSURE} stands for a digit that is not certain"
        if chosen.status != "accepted":
            return raw, chosen, "unsure", "it is not certain yet, or not all of it is seen"
        return raw, chosen, None, ""

    def _judge(self, text: str, now: float) -> tuple[Problem | None, str]:
        """What the rules say of a number that was read for certain."""
        field, value = self.field, decimal_of(text)
        if field.format and not field.format.matches(text):
            return self._refuse("format", f"expected {field.format.text}")
        if field.needs_value:
            if value is None:
                return self._refuse("format", "expected a plain number, as it has limits")
            if field.least is not None and value < field.least:
                return self._refuse("limit", f"expected {field.least} or more")
            if field.most is not None and value > field.most:
                return self._refuse("limit", f"expected {field.most} or less")
            why = self._too_fast(value, now)
            if why and not self._agree(text, now):
                return "change", why
        return None, ""

    def _refuse(self, problem: Problem, why: str) -> tuple[Problem, str]:
        self._pending = None  # it was certainly read otherwise
        return problem, why

    def _too_fast(self, value: Decimal, now: float) -> str:
        """Why the value cannot have changed to this one, in words; "" where it can."""
        before = None if self.known is None else decimal_of(self.known.text)
        change = self.field.most_change
        if change is None or before is None or self.known is None:
            return ""
        step = value - before
        if change.up and step < 0:
            return f"{-step} less than {self.known.text}, and it only rises"
        most = change.most_after(max(0.0, now - self._since))
        if most is None or abs(step) <= most:
            return ""
        ago = in_words(now - self._since)
        return (
            f"{abs(step)} {'more' if step > 0 else 'less'} than {self.known.text} of {ago} ago; "
            f"expected at most {change}"
        )

    def _agree(self, text: str, now: float) -> bool:
        """Count a reading of a value that has changed too fast; whether enough of them agree."""
        pending = self._pending
        if pending is None or pending.text != text:
            self._pending = _Pending(text, now, now)
            return False
        pending.latest, pending.count = now, pending.count + 1
        return pending.count >= self.field.agree and now - pending.first >= self.field.agree_for

    def _accept(self, text: str, moment: Moment) -> None:
        self._pending, self._asked = None, False
        self._at = moment.timestamp
        if self.known is not None and self.known.text == text:
            self.known = replace(self.known, at=moment.captured_at)
            return
        self.known, self._since = Known(text, moment.captured_at, moment.captured_at), moment.timestamp

    def _now(self, moment: Moment) -> FieldReading:
        """The last reading, with what is known and how old that is."""
        known = self.known
        if known is None:
            return self._last
        age = max(0.0, moment.timestamp - self._at)
        reading = replace(
            self._last,
            text=known.text,
            value=decimal_of(known.text),
            age_s=age,
            accepted_at=known.at,
            since=known.since,
        )
        late = self.field.stale_after is not None and age > self.field.stale_after
        if late and (reading.problem == "not found" or not reading.due):
            return replace(
                reading, problem="stale", status="uncertain", why=f"it was last read {in_words(age)} ago"
            )
        return reading


def decimal_of(text: str) -> Decimal | None:
    """The exact value of a number as it is written; None where `edge.formats.value_of` has none."""
    return None if value_of(text) is None else Decimal(text.replace(",", "."))


def in_words(seconds: float) -> str:
    """A time for people: the largest unit that it is at least one of."""
    for unit, length in reversed(UNITS_S.items()):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s"


def _status(problem: Problem | None) -> Status:
    if problem is None:
        return "accepted"
    return "rejected" if problem in REFUSALS else "uncertain"
