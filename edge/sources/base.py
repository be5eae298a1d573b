"""What every source of frames is, and what it may be asked for."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import ClassVar, Literal, Self

from edge.errors import UsageError
from edge.types import Frame

DEFAULT_SIZE = (640, 480)
"""Width and height in pixels that cameras are asked for: digits of 20 px and more, at the lowest price."""

DEFAULT_FPS = 30.0

SIDES = 16, 10_000
"""Pixels of a picture's sides, at least and at most: no camera that can be had has more."""

ROTATIONS = (0, 90, 180, 270)

State = Literal["running", "black", "lost"]
"""How a source is: it gives frames; it gives frames that are black; it gives none and is being restarted."""

Drop = Literal["busy", "missed", "repeated", "outage"]
"""Why a frame of a live source was not given: nobody was ready for it; the camera, the driver or the network
lost it (a gap in the times); it was the frame before once more; it was due while the source was lost."""

Trouble = Literal["ended", "hung", "frozen", "resized", "died"]
"""Why a live source had to be started again: it ended or could not be read; it gave no frame in time; it gave
the same one all the time; its pictures changed their size; the process that read it died."""

Notice = Callable[[str], None]
"""Told in a line, for people, when a live source is lost, is back, goes black or sees again, and what of a
folder or a file is left out."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a source is asked for. Each takes what it knows and leaves the rest alone.

    Attributes:
        size: width and height in pixels, of cameras and `demo`; a camera may choose another.
        fps: frames per second, of cameras and `demo`.
        rotation: degrees clockwise that cameras, pictures and videos are turned by: 0, 90, 180 or 270.
        mirror: whether their left and right are swapped, after turning.
        exposure_us: of a camera module, microseconds; None leaves it to the camera.
        gain: of a camera module, 1 or more; None leaves it to the camera.
        focus: of a camera module whose lens moves, dioptres (1 / metres; 0 is far away); None focuses
            all the time.
        frozen_after_s: seconds of one and the same picture after which a camera counts as frozen and is
            restarted; `math.inf` never. A strongly compressed stream may repeat a still scene.
        realtime: whether frames come in their own time or as fast as they are asked for; None is in time
            for `demo` and fast for video files.
        seed: of `demo`: the same seed gives the same pictures.

    Raises:
        UsageError: a value that makes no sense.
    """

    size: tuple[int, int] = DEFAULT_SIZE
    fps: float = DEFAULT_FPS
    rotation: int = 0
    mirror: bool = False
    exposure_us: int | None = None
    gain: float | None = None
    focus: float | None = None
    frozen_after_s: float = 1.0
    realtime: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        least, most = SIDES
        if min(self.size) < least or max(self.size) > most:
            raise UsageError(
                f"expected a size of {least} x {least} to {most} x {most} pixels, "
                f"found {self.size[0]} x {self.size[1]}"
            )
        if not 0 < self.fps <= 1000:
            raise UsageError(f"expected more than 0 and at most 1000 frames per second, found {self.fps:g}")
        if self.rotation not in ROTATIONS:
            raise UsageError(f"expected a rotation of 0, 90, 180 or 270 degrees, found {self.rotation}")
        if self.exposure_us is not None and not 0 < self.exposure_us <= 1e6 / self.fps:
            raise UsageError(
                f"expected an exposure of 1 to {1e6 / self.fps:.0f} us, the time of a frame at {self.fps:g} "
                f"frames per second, found {self.exposure_us}: expose shorter, or ask for fewer frames"
            )
        if self.gain is not None and not self.gain >= 1:
            raise UsageError(f"expected a gain of 1 or more, found {self.gain:g}")
        if self.focus is not None and not self.focus >= 0:
            raise UsageError(f"expected a focus of 0 or more dioptres, found {self.focus:g}")
        if not self.frozen_after_s > 0:
            raise UsageError(
                f"expected more than 0 seconds until a picture is frozen, found {self.frozen_after_s:g}"
            )


class Source(ABC):
    """Frames, one after the other: iterate it, and close it or use it in a `with` block.

    Attributes:
        name: the file or camera, as the user wrote it; of an address, scheme, host and port (`public_name`).
        live: frames come in real time; the newest one is given, and what came in between is dropped.
        in_time: the times of its frames are when they came. Those of a simulated camera that need not keep
            time are not.
        continuous: frames follow each other in time, so that what is in one is probably in the next; False
            for separate pictures.
        drops: frames that a live source did not give so far, by their cause (`Drop`).
        restarts: how often a live source had to be started again so far, by what was wrong (`Trouble`).
        state: how it is (`State`).
    """

    live: ClassVar[bool] = False
    in_time: bool = True
    continuous: bool = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.drops: Counter[Drop] = Counter()
        self.restarts: Counter[Trouble] = Counter()
        self.state: State = "running"

    @property
    def dropped(self) -> int:
        """Frames that a live source did not give so far."""
        return self.drops.total()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames; of a live source without end, until it is closed.

        Raises:
            SourceError: the source ended before its end, or stopped.
            ImageError: a picture cannot be decoded.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened; iteration ends. May be called twice, and from another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def wall_clock(timestamp: float) -> datetime:
    """The time of day, UTC, at a moment of `time.monotonic`."""
    return datetime.fromtimestamp(time.time() + timestamp - time.monotonic(), UTC)


_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[\da-fA-F:.]+\](:\d{1,5})?")
"""What may be told of an address besides its scheme."""

_PASSWORD = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?[/?].*(passw\w*|pass|pwd|pw|token|secret)=", re.IGNORECASE)
"""A host, and behind it what may be a password."""

_HIDDEN = "…"
"""Stands for an address of which nothing else can be told for certain not to be a secret."""


def public_name(text: str) -> str:
    """A source as it may be shown: of an address only scheme, host and port.

    Cameras take passwords before the host, in the path and in the query, and people write them with signs
    that belong elsewhere: what may be a password is left out. A source that is no address (a
    file, `0`, `picamera`, `demo`) is shown as it is.

    Examples:
        rtsp://user:secret@10.0.0.7:554/stream?pwd=secret is rtsp://10.0.0.7:554, and rtsp://user:se/cret@host
        is rtsp://…, because the host may as well be `user`.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        # user:secret@host/stream and host/stream?pwd=secret are addresses whose scheme was forgotten.
        forgotten = "@" in text and ":" in text.partition("@")[0]
        path = text.startswith(("/", ".", "faulty:"))
        return _HIDDEN if (forgotten or _PASSWORD.match(text)) and not path else text
    authority, *others = re.split(r"[/?#\\]", rest, maxsplit=1)
    host = authority.rpartition("@")[2]
    certain = _HOST.fullmatch(host) and not any("@" in other for other in others)
    return f"{scheme if scheme.isalnum() else _HIDDEN}://{host if certain else _HIDDEN}"
