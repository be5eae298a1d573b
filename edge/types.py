"""The vocabulary: the values that travel along the road of data. Read this first.

    Frame ─page network→ [Candidate] ─to_glyph→ [Glyph] ─classify→ [Prediction] ─group→ [Line] ─track→
    [Reading] ─→ Sink

All values are frozen. Coordinates are pixels of the picture as the user sees it: x grows to the right, y
grows downwards, and `right` and `bottom` are exclusive.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edge.errors import ImageError
from edge.formats import MARKS, value_of

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

Glyph = ByteArray
"""A digit as the network sees it: shape (28, 28), uint8, white ink on black, as MNIST was made."""

Status = Literal["accepted", "uncertain", "rejected"]

Problem = Literal["format", "limit", "change", "unsure", "not found", "stale"]
"""Why a field does not take what is read: it has another format; it is below or above a limit; it has changed
too fast; it is not certain enough; there is nothing there; or there has been nothing for too long."""

SIGNS = ("", *MARKS, "minus")
"""What may stand before a digit: nothing, a mark inside of its number, or a minus in front of it."""

WITHIN, MINUS = slice(1, len(MARKS) + 1), len(MARKS) + 1
"""Of `SIGNS`, those by which a digit belongs to the number on its left, and that by which it begins one."""

NOTHING: FloatArray = np.eye(1, len(SIGNS), dtype=np.float32)[0]
"""Probabilities of `SIGNS` where there is no mark."""

UNSURE = "?"
"""Stands in a reading's text for a digit that is not certain enough to be shown."""

SCHEMA = 1
"""Version of the JSON that `Result.as_dict` makes."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """Square pixels; 0 for an empty box."""
        return max(0, self.width) * max(0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def intersection(self, other: Box) -> Box:
        """The box both share; its area is 0 where they do not meet."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection(other).area
        either = self.area + other.area - shared
        return shared / either if either else 0.0

    def scaled(self, factor: float) -> Box:
        """The box in a picture `factor` times as large, rounded outwards."""
        return Box(
            math.floor(self.left * factor),
            math.floor(self.top * factor),
            math.ceil(self.right * factor),
            math.ceil(self.bottom * factor),
        )

    def moved(self, dx: int, dy: int) -> Box:
        """The box shifted right by `dx` and down by `dy` pixels."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def turned(self, quarters: int, rows: int, columns: int) -> Box:
        """The box after a picture of this size was turned clockwise by so many quarters."""
        box = self
        for _ in range(quarters % 4):
            box = Box(rows - box.bottom, box.left, rows - box.top, box.right)
            rows, columns = columns, rows
        return box

    def clipped(self, rows: int, columns: int) -> Box:
        """The part of the box inside a picture of this size."""
        return self.intersection(Box(0, 0, columns, rows))

    def of(self, image: ByteArray) -> ByteArray:
        """The pixels of `image` inside the box: a view, not a copy."""
        view: ByteArray = image[self.top : self.bottom, self.left : self.right]
        return view

    def as_list(self) -> list[int]:
        """[left, top, right, bottom], as schema 1 writes it."""
        return [self.left, self.top, self.right, self.bottom]


def bounding_box(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of `boxes`, of which there must be at least one."""
    boxes = iter(boxes)
    box = next(boxes)
    for other in boxes:
        box = box.union(other)
    return box


def check_image(image: object, name: str) -> None:
    """Check that something is a picture as all of edge takes it, and say the cure where it is not.

    Args:
        image: should be grey (rows, columns) or BGR (rows, columns, 3), uint8, with a pixel at least.
        name: what to call it in the error.

    Raises:
        ImageError: it is something else.
    """
    expected = f"expected {name} as a grey (rows, columns) or BGR (rows, columns, 3) array of uint8, found "
    if not isinstance(image, np.ndarray):
        found = "None (cv2.imread returns it for a file that it cannot read)"
        if image is not None:
            found = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
        raise ImageError(
            f"{expected}{found}: read a file with open_source(path), convert the rest with numpy.asarray"
        )
    found = f"shape {image.shape}, {image.dtype}"
    if image.dtype != np.uint8:
        cure = (
            "(image / 257).astype(numpy.uint8)"
            if image.dtype == np.uint16
            else ("(image * 255).astype(numpy.uint8) where 1 is white")
        )
        raise ImageError(f"{expected}{found}: scale it so that 0 is black and 255 is white: {cure}")
    if image.ndim == 3 and image.shape[2] in (1, 4):
        cure = "image[..., 0]" if image.shape[2] == 1 else "cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)"
        raise ImageError(f"{expected}{found}: {cure}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ImageError(f"{expected}{found}: give one picture at a time")
    if not image.size:
        raise ImageError(f"{expected}{found}: it holds no pixel")


@dataclass(frozen=True, slots=True)
class Span:
    """How long something must last: so many seconds, and so many frames however slowly they come.

    Attributes:
        seconds: from the first frame to the last.
        frames: with the first and the last.
    """

    seconds: float
    frames: int

    def is_reached(self, times: Sequence[float]) -> bool:
        """Whether frames of these times, seconds, in their order, last so long."""
        return len(times) >= self.frames and times[-1] - times[0] >= self.seconds

    def latest(self, times: Sequence[float]) -> int:
        """How many of the latest frames of these times it takes to last so long; all where they do not."""
        for count in range(self.frames, len(times)):
            if times[-1] - times[-count] >= self.seconds:
                return count
        return len(times)


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a picture was taken: what may be remembered of a frame, whose pixels may not.

    Attributes:
        source: the file, camera or address it came from.
        frame_id: counts from 0; a live source leaves out the numbers of the frames that it dropped.
        timestamp: when it was captured, seconds of `time.monotonic`; for intervals.
        captured_at: the same moment on the wall clock, UTC; for people.
        size: width and height of the picture in pixels.
    """

    source: str
    frame_id: int
    timestamp: float
    captured_at: datetime
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source.

    Attributes:
        image: grey (rows, columns) or BGR (rows, columns, 3), uint8; 0 is black.
        frame_id: counts from 0; a live source leaves out the numbers of the frames that it dropped.
        timestamp: when it was captured, seconds of `time.monotonic`; for intervals.
        captured_at: the same moment on the wall clock, UTC; for people.
        source: the file, camera or address it came from.
        capture_ms: milliseconds that fetching and decoding it took.
        grey: the same picture in grey, (rows, columns), where the camera gives one too; saves converting it.
    """

    image: ByteArray
    frame_id: int
    timestamp: float
    captured_at: datetime
    source: str
    capture_ms: float = 0.0
    grey: ByteArray | None = None

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Frame {self.frame_id} of {self.source}, {width} x {height}>"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def moment(self) -> Moment:
        """All of it but the pixels."""
        return Moment(self.source, self.frame_id, self.timestamp, self.captured_at, self.size)


def unknown() -> FloatArray:
    """Logarithms of the probabilities of ten digits of which nothing is known."""
    return np.full(10, -math.log(10), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Where the page network sees a digit, and what it says of it there.

    Attributes:
        box: around it, in pixels of the frame.
        digit: logit of its being a digit, the mean of all looks that know digits as high as it is.
        labels: logarithms of the probabilities of the ten digits, shape (10,), float32.
        writing: logit of other writing being there, likewise.
        links: logits of its number going on to the left, and to the right.
        look: which look of the pyramid sees it best, counted from the closest.
        peak: logit of its being a digit in that look.
        refined: logit of its being a digit, by the refinement network; None where that was not asked.
        refined_labels: logarithms of the probabilities of the ten digits, likewise, shape (10,), float32.
    """

    box: Box
    digit: float
    labels: FloatArray
    writing: float
    links: tuple[float, float]
    look: int
    peak: float
    refined: float | None = None
    refined_labels: FloatArray = field(default_factory=unknown)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the network says of a glyph: ten calibrated probabilities.

    Attributes:
        probabilities: shape (10,), float32, sum 1.
        label: the most probable digit.
        confidence: its probability.
    """

    probabilities: FloatArray
    label: int = field(init=False)
    confidence: float = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what is asked again and again."""
        label = int(self.probabilities.argmax())
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "confidence", float(self.probabilities[label]))

    @property
    def margin(self) -> float:
        """How far the most probable digit is ahead of the second."""
        second, first = np.partition(self.probabilities, -2)[-2:]
        return float(first - second)

    def top_k(self, k: int = 2) -> list[tuple[int, float]]:
        """The `k` most probable digits with their probabilities, best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(int(label), float(self.probabilities[label])) for label in order]

    def __repr__(self) -> str:
        return f"<Prediction {self.label}, {self.confidence:.1%}>"


@dataclass(frozen=True, slots=True, eq=False)
class Digit:
    """A digit found in a frame: where it stands and what the network says of it.

    Attributes:
        box: where it stands.
        prediction: what the network says of it; in a stream, of the last frames together.
        ink: what it was read from, white on black, uint8; `to_glyph` makes of it the glyph that the network
            saw. None where it is only remembered, as in events.
        links: logits of its number going on to the left, and to the right, by the page network.
        before: probabilities of `SIGNS`, what stands before it, shape (len(SIGNS),).
    """

    box: Box
    prediction: Prediction
    ink: ByteArray | None = None
    links: tuple[float, float] = (0.0, 0.0)
    before: FloatArray = field(default_factory=NOTHING.copy)

    def __repr__(self) -> str:
        return f"<Digit {self.prediction.label}, {self.prediction.confidence:.1%}, at {self.box.as_list()}>"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Digits that stand together as one number, from left to right; at least one.

    Attributes:
        digits: with what stands before each.
        chance: calibrated probability that the whole number is right, where it was read by a format; None
            where each digit and mark counts for itself.
    """

    digits: tuple[Digit, ...]
    chance: float | None = None

    @property
    def box(self) -> Box:
        """The smallest box that holds all digits."""
        return bounding_box(digit.box for digit in self.digits)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Calibrated confidences, chosen when the model was converted and stored in it.

    Attributes:
        accept: a digit at or above it is shown, one below it is `?`.
        digit: what stays below it is no digit at all.
        mark: a number with a mark below it is not certain.
        nothing: one where there is no mark by less than this is not either.
        number: a number that is read by a format is certain from this probability on.
    """

    accept: float
    digit: float
    mark: float = 0.0
    nothing: float = 0.0
    number: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A number as the user wants it.

    Attributes:
        text: as it is written, with its marks ("12.5", "-3", "12:45"), leading zeros kept, `?` for a digit
            that is not certain.
        status: "accepted"; "uncertain" when a digit is `?`, a mark is in doubt or, in a stream, not enough
            frames agree yet; "rejected" when it is no number after all.
        confidence: that of its least certain digit or mark, 0 to 1.
        box: where it stands.
        digits: what it is made of.
        track_id: the same number keeps its id from frame to frame, and no other number of the stream ever
            gets it; None in a single picture.
        field: name of the field that it is read for; "" where it belongs to none, or to one without a name.
        problem: why it is "rejected"; None where it is not.
    """

    text: str
    status: Status
    confidence: float
    box: Box
    digits: tuple[Digit, ...]
    track_id: int | None = None
    field: str = ""
    problem: Problem | None = None

    @property
    def value(self) -> float | None:
        """The number that is written, where that is a plain decimal number and certain; see `value_of`."""
        return value_of(self.text) if self.status == "accepted" else None

    def __repr__(self) -> str:
        track = "" if self.track_id is None else f", track {self.track_id}"
        return f"<Reading {self.text} {self.status}, {self.confidence:.1%}, at {self.box.as_list()}{track}>"

    def without_pixels(self) -> Reading:
        """The same without what its digits were read from: what may be remembered of it."""
        return replace(self, digits=tuple(replace(digit, ink=None) for digit in self.digits))

    def as_text(self) -> str:
        """The number for people: one that is not accepted is never shown like one that is."""
        return self.text if self.status == "accepted" else f"{self.text} ({self.status})"

    def as_dict(self) -> dict[str, Any]:
        """The reading as schema 1 writes it."""
        return {
            "text": self.text,
            "value": self.value,
            "status": self.status,
            "confidence": round(self.confidence, 4),
            "box": self.box.as_list(),
            "track_id": self.track_id,
            "digits": [
                {
                    "label": digit.prediction.label,
                    "confidence": round(digit.prediction.confidence, 4),
                    "margin": round(digit.prediction.margin, 4),
                    "box": digit.box.as_list(),
                    "top_k": [[label, round(p, 4)] for label, p in digit.prediction.top_k()],
                }
                for digit in self.digits
            ],
            "field": self.field,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What is known of a field at one moment: what was read, what was accepted last, and why not this.

    Attributes:
        name: of the field.
        raw: the number in the field, as it is written, `?` for a digit that is not certain; None where there
            is none.
        text: the last that was accepted, as it is written; None before the first.
        value: the same as a number; None where it is none, as a time and a date are.
        unit: of the value.
        status: of `raw`: "accepted"; "rejected", which a rule of the field refuses (problem "format", "limit"
            or "change"); "uncertain", with every other problem.
        problem: why `raw` was not accepted; None where it was.
        why: the same in words, for people; "" where it was.
        confidence: of `raw`, 0 to 1; 0 where there is none.
        box: where `raw` stands, in pixels of the frame.
        outline: corners of its region in pixels of the frame, (x, y): top left, top right, bottom right,
            bottom left. None where it has no region, or where the sheet was not found.
        due: whether it was looked for in this frame; what is not due is as it was when it last was.
        age_s: seconds since the value was last read; None before the first.
        accepted_at: when that was, on the wall clock, UTC.
        since: when this value was accepted for the first time, on the wall clock, UTC.
    """

    name: str
    raw: str | None = None
    text: str | None = None
    value: Decimal | None = None
    unit: str = ""
    status: Status = "uncertain"
    problem: Problem | None = "not found"
    why: str = ""
    confidence: float = 0.0
    box: Box | None = None
    outline: tuple[tuple[float, float], ...] | None = None
    due: bool = True
    age_s: float | None = None
    accepted_at: datetime | None = None
    since: datetime | None = None

    def as_text(self) -> str:
        """The field for people, as in "water = 00123.4 m³": the value, and what was refused and why."""
        unit = f" {self.unit}" if self.unit else ""
        known = f"{self.name} = {'?' if self.text is None else self.text}{unit if self.text else ''}"
        if self.problem is None:
            return known
        return f"{known} ({self.problem}{f': {self.why}' if self.why else ''})"

    def as_dict(self) -> dict[str, Any]:
        """The field as schema 1 writes it."""
        return {
            "name": self.name,
            "raw": self.raw,
            "text": self.text,
            "value": None if self.value is None else float(self.value),
            "unit": self.unit,
            "status": self.status,
            "problem": self.problem,
            "why": self.why,
            "confidence": round(self.confidence, 4),
            "box": None if self.box is None else self.box.as_list(),
            "outline": None
            if self.outline is None
            else [[round(x, 1), round(y, 1)] for x, y in self.outline],
            "due": self.due,
            "age_s": None if self.age_s is None else round(self.age_s, 3),
            "accepted_at": None if self.accepted_at is None else iso_utc(self.accepted_at),
            "since": None if self.since is None else iso_utc(self.since),
        }


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds that each stage took for one frame.

    Attributes:
        capture: fetching and decoding it.
        segment: finding its digits, and which of them stand together.
        normalise: cutting them out and making glyphs of them.
        classify: naming them.
    """

    capture: float = 0.0
    segment: float = 0.0
    normalise: float = 0.0
    classify: float = 0.0

    @property
    def total(self) -> float:
        """All stages together."""
        return self.capture + self.segment + self.normalise + self.classify

    def as_dict(self) -> dict[str, float]:
        """The stages as schema 1 writes them."""
        return {
            "capture": round(self.capture, 3),
            "segment": round(self.segment, 3),
            "normalise": round(self.normalise, 3),
            "classify": round(self.classify, 3),
            "total": round(self.total, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What is found in one picture.

    Attributes:
        lines: the numbers, in reading order.
        speed: of each stage.
        turned: quarter turns, clockwise, that the page stands turned; it was read upright all the same.
        complete: whether all that may be digits was looked at.
        candidates: places that were looked at because a digit may be there.
    """

    lines: list[Line]
    speed: Speed
    turned: int = 0
    complete: bool = True
    candidates: int = 0


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model made a result."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """All that was read in one frame, in reading order.

    Attributes:
        frame: what was read.
        readings: what it says.
        speed: of each stage.
        model: which network named the digits.
        page: which network found them.
        turned: quarter turns, clockwise, that the page stands turned in the frame: 2 is on its head. It was
            read upright all the same.
        complete: whether all that may be digits was looked at; a frame that is full of them is read up to a
            limit, the surest first.
        candidates: places that were looked at because a digit may be there; few of them are believed to be
            one where a picture is the wrong way round.
        fields: what is known of each field, in the order of the settings.
    """

    frame: Frame
    readings: tuple[Reading, ...]
    speed: Speed
    model: ModelName
    page: ModelName
    turned: int = 0
    complete: bool = True
    candidates: int = 0
    fields: tuple[FieldReading, ...] = ()

    def __repr__(self) -> str:
        numbers = ", ".join(reading.as_text() for reading in self.readings) or "no number"
        return f"<Result of {self.frame.source}, frame {self.frame.frame_id}: {numbers}>"

    def as_dict(self) -> dict[str, Any]:
        """The result as schema 1 writes it: one JSON object per picture or frame."""
        return {
            "schema": SCHEMA,
            "source": self.frame.source,
            "frame_id": self.frame.frame_id,
            "captured_at": iso_utc(self.frame.captured_at),
            "image_size": list(self.frame.size),
            "readings": [reading.as_dict() for reading in self.readings],
            "speed_ms": self.speed.as_dict(),
            "model": {"name": self.model.name, "sha256": self.model.sha256},
            "page_model": {"name": self.page.name, "sha256": self.page.sha256},
            "turned": 90 * self.turned,
            "complete": self.complete,
            "fields": [field.as_dict() for field in self.fields],
        }


def iso_utc(moment: datetime) -> str:
    """A moment as 2026-01-01T12:00:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
