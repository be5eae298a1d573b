"""Composes the road of data for fields: Frame -> Result, of which only the regions are looked at.

A `FieldReader` reads one stream: it remembers what its fields were, and what their regions looked like.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edge.control import ALL
from edge.fields import Field, Region
from edge.formats import Format
from edge.lines import signs_of, to_reading
from edge.planes import to_grey
from edge.plausibility import NO_NUMBER, REFUSALS, Judge, Known
from edge.reader import DigitReader
from edge.regions import View, cells, is_same, view_of
from edge.sheet import Sheet, find_sheet
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import (
    UNSURE,
    ByteArray,
    FieldReading,
    Frame,
    Line,
    Moment,
    Reading,
    Result,
    Scan,
    Speed,
    check_image,
)

NO_SHEET = "no sheet of paper is found in the picture"

SAME = 0.5
"""Intersection over union from which on two numbers that were found in two regions are one."""

Views = Mapping[Region | None, View | None]
"""What was cut out of a frame for each region, once for all fields in it; None: its sheet is not there."""


@dataclass(slots=True, eq=False)
class _Still:
    """A picture that stands still.

    Attributes:
        cells: of each region, as they were when it began.
        due: names of the fields that were due in all of it.
        since: when that was, seconds.
        read: frames since then that were read.
        result: of the last of them.
    """

    cells: dict[Region | None, ByteArray]
    due: frozenset[str]
    since: float
    read: int = 0
    result: Result | None = None


@dataclass(slots=True, eq=False)
class _Memory:
    """What is remembered of a stream.

    Attributes:
        judges: for each field with a name, in the order of the settings.
        sheet: cells of the frame in which the sheet was last searched for, and where it was.
        still: how the picture stands still.
        seen_at: when the last frame was captured, seconds.
        idle_s: seconds for which frames were not read, as nothing had changed. The tracker's clock stands
            still for so long: what it remembers does not grow old, and nothing is evidence twice.
    """

    judges: dict[str, Judge]
    sheet: tuple[ByteArray, Sheet | None] | None = None
    still: _Still | None = None
    seen_at: float | None = None
    idle_s: float = 0.0

    def find_sheet(self, grey: ByteArray) -> Sheet | None:
        """The sheet in a frame; where nothing has moved since it was searched for, it is where it was."""
        now = cells(grey)
        if self.sheet is None or not is_same(self.sheet[0], now):
            self.sheet = now, find_sheet(grey)
        return self.sheet[1]


class FieldReader:
    """Reads the fields of one stream, or of separate pictures, each for itself.

    Only the regions of fields that are due are looked at; in all of the picture where a field has none. Where
    no region has changed since it was read, the result is the last one: that is checked on its pixels, costs
    a fraction, and is no new evidence of anything.

    Args:
        reader: finds and names digits.
        fields: what is wanted, with different names. One without a name says how all numbers must be.
        known: values from before, by the names of their fields.

    Attributes:
        reader: finds and names digits.
        fields: what is wanted.
    """

    def __init__(
        self,
        reader: DigitReader,
        fields: Sequence[Field],
        *,
        known: Mapping[str, Known] | None = None,
    ) -> None:
        self.reader, self.fields = reader, tuple(fields)
        self._known = dict(known or {})
        self._memory = self._new_memory()

    @property
    def tracking(self) -> TrackerOptions:
        """When the numbers of a stream are believed."""
        return self.reader.tracking

    def change(self, fields: Sequence[Field]) -> None:
        """Want other fields from the next frame on; one that stays as it was keeps what is known of it.

        It may be called from another thread than the one that reads.
        """
        old = self._memory
        self.fields = tuple(fields)
        fresh = self._new_memory()
        kept = {
            name: before if (before := old.judges.get(name)) and before.field == judge.field else judge
            for name, judge in fresh.judges.items()
        }
        self._memory = _Memory(kept, seen_at=old.seen_at, idle_s=old.idle_s)

    def ask(self, names: Collection[str]) -> None:
        """Have fields read with the next frame of the stream, whatever their schedule says; with `ALL` each.

        They stay due until they have taken a value.
        """
        for name, judge in self._memory.judges.items():
            if name in names or ALL in names:
                judge.ask()

    def read_frame(self, frame: Frame, tracker: Tracker | None = None) -> Result:
        """Read one frame.

        Args:
            frame: a picture of its own, or the next of the stream.
            tracker: what is known of the numbers of that stream; None reads the frame for itself, and leaves
                what is remembered as it is.

        Raises:
            ImageError: its picture is not as `DigitReader.read_image` takes it.
        """
        check_image(frame.image, frame.source)
        start = time.perf_counter()
        grey = to_grey(frame.image) if frame.grey is None else frame.grey
        memory = self._new_memory() if tracker is None else self._memory
        fields, moment = self.fields, frame.moment
        due = [one for one in fields if not one.name or memory.judges[one.name].is_due(moment)]
        on_sheet = any(one.region is not None and one.region.on == "sheet" for one in due)
        sheet = memory.find_sheet(grey) if on_sheet else None
        views = {region: view_of(grey, region, sheet) for region in dict.fromkeys(one.region for one in due)}
        looks = {region: cells(view.image) for region, view in views.items() if view is not None}
        seen_at, memory.seen_at = memory.seen_at, frame.timestamp
        still = memory.still
        names = frozenset(one.name for one in due)
        if still is None or not _stands_still(still.cells, looks) or not names <= still.due:
            still = memory.still = _Still(looks, names, frame.timestamp)
        another = any(memory.judges[one.name].wants_another(moment) for one in due if one.name)
        if still.result is not None and not another and self._is_settled(still, frame.timestamp):
            memory.idle_s += frame.timestamp - (frame.timestamp if seen_at is None else seen_at)
            return self._repeat(still.result, frame, due, views, memory, 1000 * (time.perf_counter() - start))
        cut_ms = 1000 * (time.perf_counter() - start)
        result = self._read(frame, due, views, memory, tracker, cut_ms)
        still.read, still.result = still.read + 1, result
        return result

    def _new_memory(self) -> _Memory:
        return _Memory({one.name: Judge(one, self._known.get(one.name)) for one in self.fields if one.name})

    def _is_settled(self, still: _Still, now: float) -> bool:
        """Whether more frames of a picture that stands still tell nothing new."""
        readings = still.result.readings if still.result else ()
        if readings and all(_is_certain(reading) for reading in readings):
            return True
        lasting = self.tracking.confirm_doubtful
        return still.read >= 2 * lasting.frames and now - still.since >= 2 * lasting.seconds

    def _read(
        self,
        frame: Frame,
        due: Sequence[Field],
        views: Views,
        memory: _Memory,
        tracker: Tracker | None,
        cut_ms: float,
    ) -> Result:
        """Look at the regions, and let each field take what stands in its own."""
        lines: list[Line] = []
        speed = Speed(capture=frame.capture_ms, segment=cut_ms)
        turned, complete, candidates = 0, True, 0
        for region, form, all_of_it in _searches(due):
            view = views[region]
            if view is None:
                continue
            found: list[Line] = []
            places = 0
            for scan in self._scans(view, form, separate=tracker is None):
                found += [line for line in map(view.in_frame, scan.lines) if view.holds(line.box)]
                speed = replace(
                    speed,
                    segment=speed.segment + scan.speed.segment,
                    normalise=speed.normalise + scan.speed.normalise,
                    classify=speed.classify + scan.speed.classify,
                )
                turned = scan.turned if region is None else turned
                complete &= scan.complete
                places = max(places, scan.candidates)
                if found and not all_of_it:
                    break
            candidates += places
            for line in found:
                if not _is_among(line, lines):
                    lines.append(line)
        thresholds = self.reader.thresholds
        if tracker is None:
            readings = [to_reading(line, thresholds) for line in lines]
        else:
            now = frame.timestamp - memory.idle_s
            readings = tracker.update(lines, now, thresholds, frame.size)
        readings, taken = self._judge(readings, due, views, memory, frame.moment)
        return Result(
            frame,
            tuple(readings),
            speed,
            self.reader.classifier.name,
            self.reader.page.name,
            turned,
            complete,
            candidates,
            taken,
        )

    def _scans(self, view: View, form: Format | None, *, separate: bool) -> Iterator[Scan]:
        """What is in a region, the best first.

        A number that is clear without its format needs no help, which would cost another look; where none is,
        the format decides among what it may be. Then comes what is there in spite of the format.
        """
        scan = self.reader.scan(view.image, separate=separate)
        if form is not None:
            there = [line for line in scan.lines if view.holds(view.in_frame(line).box)]
            chances = [self._chance(line, form) for line in there]
            if there and min(chances) >= self.reader.thresholds.number:
                # In a stream, it counts as one that was read by the format does.
                lines = [replace(line, chance=chance) for line, chance in zip(there, chances, strict=True)]
                yield replace(scan, lines=lines)
                return
            yield self.reader.expect(view.image, form)
        yield scan

    def _chance(self, line: Line, form: Format) -> float:
        """How likely all of a number is right that was read without its format; 0 where it has another."""
        reading = to_reading(line, self.reader.thresholds)
        if reading.status != "accepted" or not form.matches(reading.text):
            return 0.0
        marks = [chance for _, chance in signs_of(line.digits)]
        return math.prod([*(digit.prediction.confidence for digit in line.digits), *marks])

    def _judge(
        self,
        readings: Sequence[Reading],
        due: Sequence[Field],
        views: Views,
        memory: _Memory,
        moment: Moment,
    ) -> tuple[list[Reading], tuple[FieldReading, ...]]:
        """What each field takes, and the readings with what the fields say of them."""
        told = [_cut(reading, views) for reading in readings]
        taken: dict[str, FieldReading] = {}
        for one in due:
            view = views[one.region]
            places = [k for k, reading in enumerate(told) if view is not None and view.holds(reading.box)]
            if not one.name:
                for k in places:
                    told[k] = _in_format(told[k], one.format)
                continue
            inside = [told[k] for k in places]
            taken[one.name], chosen = memory.judges[one.name].take(
                inside, moment, outline=_outline(view), why=NO_SHEET if view is None else NO_NUMBER
            )
            problem = taken[one.name].problem
            for k, reading in zip(places, inside, strict=True):
                if reading is chosen and problem in REFUSALS:
                    told[k] = replace(reading, field=one.name, status="rejected", problem=problem)
                elif reading is chosen or one.region is not None:
                    told[k] = replace(reading, field=one.name)
        return told, _all(taken, memory, moment)

    def _repeat(
        self,
        last: Result,
        frame: Frame,
        due: Sequence[Field],
        views: Views,
        memory: _Memory,
        checked_ms: float,
    ) -> Result:
        """The last result again: nothing has changed in the regions."""
        taken = {
            one.name: memory.judges[one.name].hold(frame.moment, outline=_outline(views[one.region]))
            for one in due
            if one.name
        }
        return replace(
            last,
            frame=frame,
            speed=Speed(capture=frame.capture_ms, segment=checked_ms),
            fields=_all(taken, memory, frame.moment),
        )


def _searches(due: Sequence[Field]) -> list[tuple[Region | None, Format | None, bool]]:
    """What to look for in each region, once: numbers of a format, and whether all others, too."""
    wanted: dict[tuple[Region | None, Format | None], bool] = {}
    for one in due:
        key = one.region, one.format
        wanted[key] = wanted.get(key, False) or not one.name
    return [(*key, all_of_it) for key, all_of_it in wanted.items()]


def _all(taken: Mapping[str, FieldReading], memory: _Memory, moment: Moment) -> tuple[FieldReading, ...]:
    """What is known of every field with a name: those that are not due rest."""
    return tuple(taken.get(name) or judge.rest(moment) for name, judge in memory.judges.items())


def _stands_still(
    before: Mapping[Region | None, ByteArray], after: Mapping[Region | None, ByteArray]
) -> bool:
    return before.keys() == after.keys() and all(is_same(before[k], after[k]) for k in after)


def _is_certain(reading: Reading) -> bool:
    """Whether it will stay as it is while the picture does: a rule refuses only what was accepted."""
    return reading.status != "uncertain"


def _is_among(line: Line, lines: Sequence[Line]) -> bool:
    """Whether a number was found in another region already: two regions may overlap."""
    return any(line.box.overlap(other.box) >= SAME for other in lines)


def _cut(reading: Reading, views: Views) -> Reading:
    """A number that may go on beyond what was cut out around its region is not certain."""
    cut = any(view and view.holds(reading.box) and view.may_cut(reading.box) for view in views.values())
    return replace(reading, status="uncertain") if cut and reading.status == "accepted" else reading


def _in_format(reading: Reading, known: Format | None) -> Reading:
    """What a field without a name says of a number: one that cannot have its format is rejected."""
    if known is None or known.matches(reading.text.replace(UNSURE, "0")):
        return reading
    return replace(reading, status="rejected", problem="format")


def _outline(view: View | None) -> tuple[tuple[float, float], ...] | None:
    if view is None or view.region is None:
        return None
    return tuple((float(x), float(y)) for x, y in view.outline)
