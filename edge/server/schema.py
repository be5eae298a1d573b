"""The API's answers, as OpenAPI describes them; what they describe is made elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Box = tuple[int, int, int, int]

# Where something may be null, a tuple would be described by `prefixItems` inside of `anyOf`, which not all
# programs that read OpenAPI understand.
BoxList = Annotated[list[int], Field(min_length=4, max_length=4)]
RegionList = Annotated[list[float], Field(min_length=4, max_length=4)]
PointList = Annotated[list[float], Field(min_length=2, max_length=2)]


class Digit(BaseModel):
    """A digit of a number."""

    label: int = Field(ge=0, le=9)
    confidence: float = Field(ge=0, le=1)
    margin: float = Field(ge=0, le=1, description="how far it is ahead of the second")
    box: Box = Field(description="left, top, right, bottom in pixels; right and bottom are exclusive")
    top_k: list[tuple[int, float]] = Field(description="the most probable digits, best first")
    crop: str | None = Field(None, description="with glyphs=1: the digit in the picture, a data URL")
    glyph: str | None = Field(None, description="with glyphs=1: the 28x28 picture that the network saw")
    probabilities: list[float] | None = Field(None, description="with glyphs=1: of 0 to 9")


class Reading(BaseModel):
    """A number."""

    text: str = Field(
        description="as it is written, with its marks; leading zeros kept; ? for a digit that is not certain"
    )
    value: float | None = Field(description="of a plain decimal number that is accepted; null otherwise")
    status: Literal["accepted", "uncertain", "rejected"]
    confidence: float = Field(ge=0, le=1)
    box: Box
    track_id: int | None = Field(description="stays with a number from frame to frame; null in a picture")
    digits: list[Digit]
    field: str = Field(description="name of the field that it is read for; empty where there is none")
    problem: Literal["format", "limit", "change", "unsure", "not found", "stale"] | None = Field(
        description="why it is rejected"
    )


class FieldReading(BaseModel):
    """What is known of a field: what was read, what was accepted last, and why not this."""

    name: str
    raw: str | None = Field(description="what is read, as it is written; null where there is nothing")
    text: str | None = Field(description="the last that was accepted, as it is written")
    value: float | None = Field(description="the same as a number; null where it is none, as a time")
    unit: str
    status: Literal["accepted", "uncertain", "rejected"] = Field(description="of raw")
    problem: Literal["format", "limit", "change", "unsure", "not found", "stale"] | None = Field(
        description="why raw was not accepted"
    )
    why: str = Field(description="the same in words")
    confidence: float = Field(ge=0, le=1)
    box: BoxList | None = Field(description="where raw stands")
    outline: list[PointList] | None = Field(
        description="corners of the region in the picture, clockwise from the top left; null without one"
    )
    due: bool = Field(description="whether it was looked for in this frame")
    age_s: float | None = Field(description="seconds since the value was last read")
    accepted_at: str | None
    since: str | None = Field(description="when this value was accepted for the first time")


class Speed(BaseModel):
    """Milliseconds that each stage took."""

    capture: float
    segment: float
    normalise: float
    classify: float
    total: float


class ModelName(BaseModel):
    """Which model made a result."""

    name: str
    sha256: str


class Result(BaseModel):
    """All that was read in a picture or frame: schema 1."""

    schema_: Literal[1] = Field(alias="schema")
    source: str
    frame_id: int
    captured_at: str
    image_size: tuple[int, int] = Field(description="width, height")
    readings: list[Reading]
    speed_ms: Speed
    model: ModelName = Field(description="the network that named the digits")
    page_model: ModelName = Field(description="the network that found them")
    turned: Literal[0, 90, 180, 270] = Field(
        description="degrees, clockwise, by which the page stands turned; it is read upright all the same"
    )
    complete: bool = Field(description="false: there is more that may be digits than is read; the surest was")
    fields: list[FieldReading] = Field(description="in the order of the settings")


class Upload(Result):
    """All that was read in an uploaded picture."""

    warnings: list[str] = Field(description="what was not read, as further pages; empty for most pictures")


class Event(BaseModel):
    """A number appeared, changed, was accepted, stays uncertain or went."""

    schema_: Literal[1] = Field(alias="schema")
    id: int = Field(description="counts up; pass it as since")
    event: Literal["appeared", "changed", "accepted", "uncertain", "gone"]
    source: str
    frame_id: int
    captured_at: str
    reading: Reading


class FieldEvent(BaseModel):
    """A field has taken a value, or has refused what is read for a while."""

    schema_: Literal[1] = Field(alias="schema")
    id: int = Field(description="counts up; pass it as since")
    event: Literal["value", "refused"]
    source: str
    frame_id: int
    captured_at: str
    field: FieldReading


class Camera(BaseModel):
    """How the live reading goes."""

    source: str
    frames_per_second: float
    latency_ms: float = Field(description="from capture to reading of the newest frame")
    dropped: int = Field(description="frames given up so far")
    failed: int = Field(description="frames that could not be read so far")
    trouble: str = Field(description="why there is no new result; empty where all is well")
    failures: list[str] = Field(
        description="what cannot be written at present, as the history on a full disk, and why"
    )


class Readings(BaseModel):
    """What the source shows, and what changed."""

    latest: Result | None
    camera: Camera
    events: list[Event | FieldEvent]
    last_event: int = Field(description="pass it as since")


class Aim(BaseModel):
    """How a frame shows its digits; null where there are none to measure."""

    digits: int = Field(description="that were measured")
    height: float | None = Field(description="of a digit, pixels; the median, as all of these")
    edge: float | None = Field(description="width of a stroke's edge, pixels; 2 is as sharp as pixels can be")
    contrast: float | None = Field(description="of ink to paper, 0 to 1")
    glare: float | None = Field(description="share of the pixels around the digits that are saturated")
    tilt: float | None = Field(description="of the rows, degrees, clockwise")


class Trend(BaseModel):
    """How the last seconds were read."""

    frames: int
    refused: float = Field(ge=0, le=1, description="share of them with nothing read, or not all for certain")
    lowest_confidence: float | None


class Advice(BaseModel):
    """Something to do about the picture."""

    what: Literal["nothing", "height", "sharpness", "contrast", "glare", "tilt", "reading"]
    text: str


class AimingAt(BaseModel):
    """How well a picture, or the region of a field, is shown."""

    name: str = Field(description="of the field; empty for the whole picture")
    aim: Aim = Field(description="of the newest frame")
    trend: Trend
    advice: list[Advice] = Field(description="what helps most first; empty where all reads well")


class Aiming(BaseModel):
    """How well the camera is aimed."""

    picture: AimingAt | None = Field(description="null before the first frame")
    fields: list[AimingAt] = Field(description="of the fields whose region is in the picture")
    limits: dict[str, float] = Field(
        description="from where on digits read well; edge: as a share of their height"
    )


class FieldSettings(BaseModel):
    """A field, as a [[field]] of the settings has it; docs/fields.md tells what the keys mean."""

    model_config = ConfigDict(extra="forbid")

    name: str
    region: RegionList | None = Field(
        None, description="left, top, right, bottom as shares of what it is on, 0 to 1"
    )
    on: Literal["picture", "sheet"] | None = Field(None, description="what the region is a share of")
    format: str | None = Field(None, description="0 a digit, ? one or none, . , : / - as written")
    unit: str | None = None
    least: float | None = None
    most: float | None = None
    most_change: str | None = Field(None, description="such as 0.5 / h, up 0.5 / h, or up")
    after: str | None = Field(None, description="time of the day from which on it is read, such as 21:00")
    every: str | None = Field(None, description="such as 10 min")
    agree: int | None = None
    agree_for: str | None = None
    stale_after: str | None = None


class FieldsGiven(BaseModel):
    """Fields to save."""

    fields: list[FieldSettings] = Field(max_length=100)
    version: str = Field(max_length=64, description="of the fields that the change is meant for")


class Fields(BaseModel):
    """The fields in the settings file."""

    fields: list[FieldSettings]
    version: str = Field(description="changes with the file; send it back to save")
    file: str
    read: bool = Field(description="false: --format or --region of the command line is read instead")


class HistoryEntry(BaseModel):
    """A number that was accepted, or a change of a field."""

    number: int = Field(description="counts up in the order in which entries were kept; with gaps")
    kind: Literal["number", "field"]
    field: str = Field(description="name of the field; empty for a number that belongs to none")
    text: str | None = Field(description="as it is written; null where it was refused")
    value: float | None = Field(description="the same as a number; null where it is none, as a time")
    raw: str | None = Field(description="what was read; null where there was nothing")
    problem: Literal["format", "limit", "change", "unsure", "not found", "stale"] | None = Field(
        description="why it was refused"
    )
    why: str = Field(description="the same in words")
    confidence: float = Field(ge=0, le=1)
    unit: str
    captured_at: str
    synchronised: bool | None = Field(description="whether the clock was right then; null: not known")
    boot: str = Field(description="of the machine; empty where it did not take the picture, as in a video")
    timestamp: float = Field(description="seconds, monotonic, since that boot")
    source: str
    digits_model: str = Field(description="SHA-256 of the network that named the digits")
    page_model: str = Field(description="SHA-256 of the network that found them")
    crop: str | None = Field(description="path of its picture; null where none is kept")


class History(BaseModel):
    """Entries, the newest first."""

    schema_: Literal[1] = Field(alias="schema")
    entries: list[HistoryEntry]
    next: int | None = Field(description="pass it as cursor; null where there are no more")


class HistoryField(BaseModel):
    """What is kept of a field."""

    name: str = Field(description="of the field; empty for numbers that belong to none")
    unit: str
    entries: int
    refused: int
    first: str
    last: str


class HistoryFields(BaseModel):
    """What is kept of each field, how much there is in all, and what is wrong with it."""

    schema_: Literal[1] = Field(alias="schema")
    fields: list[HistoryField]
    entries: int
    deleted: int = Field(description="entries that were deleted, as they were too old or too many")
    crops: int
    crop_bytes: int
    crops_deleted: int
    bytes: int = Field(description="that the file takes, with the messages that wait to be sent")
    notices: list[str] = Field(
        description="what people should know: the clock is wrong, the disk is full, a damaged file was set "
        "aside; empty where all is well"
    )


class Info(BaseModel):
    """What runs here."""

    version: str
    source: str
    runtime: str
    model: dict[str, object] = Field(description="the digit network's card")
    page_model: dict[str, object] = Field(description="the card of the network that finds digits")
    device: dict[str, object]
    limits: dict[str, object]


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"]


class Sender(BaseModel):
    """How messages to one destination fare."""

    destination: str = Field(description="webhook, mqtt or phone")
    connected: bool = Field(description="whether messages get through, by the last attempt")
    waiting: int = Field(description="messages that wait to be sent")
    dropped: int = Field(description="messages dropped so far, because too many were waiting")
    sent: int = Field(description="messages that have arrived since the start")
    refused: int = Field(description="messages given up since the start: the receiver does not take them")
    last_error: str = Field(description="what is wrong; empty where all is well")


class Senders(BaseModel):
    """How messages to all destinations fare."""

    senders: list[Sender]


class Session(BaseModel):
    """Whether a token is wanted and was shown."""

    token_wanted: bool
    open: bool = Field(description="whether this client may ask for more than the page")


class Token(BaseModel):
    """What is sent to log in."""

    token: str = Field(max_length=200)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="what was wanted, and what came")
