"""How frames and messages pass between the process that reads a camera and the one that wants its frames.

Pixels lie in shared memory: an anonymous file (`memfd`), which needs no name and no tracker process, and
which the kernel frees when both sides are gone, however they died. Messages go over a pair of sockets and say
whose the memory is: the child writes to it only between an `Ask` and the `Shot` that answers it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import socket
from dataclasses import asdict, dataclass, field
from math import isfinite, prod
from typing import Any, get_args

import numpy as np

from edge import errors
from edge.errors import EdgeError, SourceError
from edge.sources.base import Drop, SourceOptions, Trouble
from edge.types import ByteArray, Frame

SHARED_BYTES = 64 << 20
"""Room for a frame of 16 million pixels in colour and grey; memory that is not written to takes no room."""

_LARGEST_MESSAGE = 1 << 16


@dataclass(frozen=True, slots=True)
class Start:
    """To the child: what to read.

    Attributes:
        text: the source, as the user wrote it.
        options: what it is asked for.
        patient: try again and again when it cannot be opened; otherwise say so, and end.
        fingerprint: of the last picture that an earlier child gave (`Watch.fingerprint`).
    """

    text: str
    options: SourceOptions
    patient: bool = False
    fingerprint: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """To the child: give the newest frame, or the next, when it was given already."""


@dataclass(frozen=True, slots=True)
class Shot:
    """From the child: the shared memory holds a frame, and is the reader's until it asks again.

    Attributes:
        frame_id: counts from 0 in each child.
        timestamp: of the frame, seconds, monotonic.
        capture_ms: milliseconds that fetching and decoding it took.
        shape: of the picture.
        grey: whether its grey picture lies behind it.
        black: whether it is black.
        fingerprint: of the picture.
        drops: frames that were not given since the `Shot` before, by their cause.
    """

    frame_id: int
    timestamp: float
    capture_ms: float
    shape: tuple[int, ...]
    grey: bool
    black: bool
    fingerprint: int | None
    drops: dict[Drop, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Beat:
    """From the child, while there is no new frame: it lives; and why the source cannot be opened, if so."""

    problem: EdgeError | None


@dataclass(frozen=True, slots=True)
class Failure:
    """From the child, which then ends: what is wrong with the source."""

    trouble: Trouble
    error: EdgeError


Message = Start | Ask | Shot | Beat | Failure


class MessageError(ValueError):
    """What came over the line is no message."""


def encode_message(message: Message) -> bytes:
    """A message as JSON."""
    match message:
        case Beat(problem):
            fields: dict[str, Any] = {"problem": problem and _error_as_dict(problem)}
        case Failure(trouble, error):
            fields = {"trouble": trouble, "error": _error_as_dict(error)}
        case _:
            fields = asdict(message)
    return json.dumps({"kind": type(message).__name__, **fields}).encode()


def decode_message(data: bytes) -> Message:
    """The message in `encode_message`'s JSON.

    The process that reads a camera holds decoders that strangers' bytes go through: what it sends is taken
    as data, field by field, and never as code.

    Raises:
        MessageError: it is no message, or one whose fields make no sense.
    """
    try:
        fields = json.loads(data)
        match fields.pop("kind"):
            case "Start":
                options = fields.pop("options")
                return Start(options=SourceOptions(**{**options, "size": tuple(options["size"])}), **fields)
            case "Ask":
                return Ask(**fields)
            case "Shot":
                return _checked(Shot(**{**fields, "shape": tuple(fields["shape"])}))
            case "Beat":
                problem = fields["problem"]
                return Beat(problem and _error_from_dict(problem))
            case "Failure":
                if fields["trouble"] not in get_args(Trouble):
                    raise MessageError(f"unknown trouble {fields['trouble']!r}")
                return Failure(fields["trouble"], _error_from_dict(fields["error"]))
            case kind:
                raise MessageError(f"unknown kind {kind!r}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MessageError(f"{len(data)} bytes that are no message: {error}") from error


def _checked(shot: Shot) -> Shot:
    """A shot whose fields have their types, and whose picture fits into the memory."""
    shape = shot.shape
    pixels = all(type(side) is int and side > 0 for side in shape) and (len(shape), *shape[2:]) in {
        (2,),
        (3, 3),
    }
    grey = prod(shape[:2]) if shot.grey is True else 0
    if not pixels or prod(shape) + grey > SHARED_BYTES:
        raise MessageError(f"expected the shape of a picture, found {shape}")
    numbers = [shot.frame_id, shot.timestamp, shot.capture_ms, *shot.drops.values()]
    if not all(type(number) in {int, float} and isfinite(number) for number in numbers):
        raise MessageError("expected numbers")
    if type(shot.frame_id) is not int or not set(shot.drops) <= set(get_args(Drop)):
        raise MessageError("expected the number of a frame, and causes that frames were not given for")
    if not all(type(count) is int and count >= 0 for count in shot.drops.values()):
        raise MessageError("expected how many frames were not given")
    if type(shot.fingerprint) not in {int, type(None)}:
        raise MessageError(f"expected a fingerprint, found {shot.fingerprint!r}")
    return shot


def _error_as_dict(error: EdgeError) -> dict[str, str]:
    return {"type": type(error).__name__, "message": str(error)}


def _error_from_dict(fields: dict[str, str]) -> EdgeError:
    kind = getattr(errors, fields["type"], None)
    known = isinstance(kind, type) and issubclass(kind, EdgeError)
    error: EdgeError = (kind if known and kind else SourceError)(str(fields["message"]))
    return error


class Link:
    """One end of the line between the two processes: whole messages, as plain data.

    Args:
        end: a connected socket that keeps the bounds of messages (`SOCK_SEQPACKET`).
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            OSError: the other end is closed.
        """
        self._end.settimeout(None)
        self._end.send(encode_message(message))

    def receive(self, timeout_s: float | None) -> Message | None:
        """The next message; None when there is none in time.

        Raises:
            EOFError: the other end is closed.
            MessageError: it sent what is no message.
        """
        try:
            self._end.settimeout(timeout_s)
            try:
                data = self._end.recv(_LARGEST_MESSAGE)
            except ConnectionResetError:  # it closed without reading all; what it wrote is still there
                data = self._end.recv(_LARGEST_MESSAGE)
        except TimeoutError:
            return None
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        return decode_message(data)

    def hang_up(self) -> None:
        """Both ends find the line closed, also one that waits at this moment."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give this end back."""
        self._end.close()


class SharedPicture:
    """The shared memory, seen from one of the processes.

    Args:
        handle: the file that another process made; None makes one.
    """

    def __init__(self, handle: int | None = None) -> None:
        if handle is None:
            handle = os.memfd_create("digitcam-frame")
            os.truncate(handle, SHARED_BYTES)
        self.handle = handle
        self._memory = mmap.mmap(handle, SHARED_BYTES)

    def write(self, frame: Frame) -> None:
        """Lay the picture, and the grey one behind it, into the memory.

        Raises:
            SourceError: they are too large.
        """
        planes = [frame.image] if frame.grey is None else [frame.image, frame.grey]
        if sum(plane.nbytes for plane in planes) > SHARED_BYTES:
            raise SourceError(
                f"{frame.source} gives {frame.size[0]} x {frame.size[1]} pixels: expected at most "
                f"{SHARED_BYTES >> 22} million: ask for a smaller size"
            )
        offset = 0
        for plane in planes:
            self._plane(offset, plane.shape)[...] = plane
            offset += plane.nbytes

    def read(self, shot: Shot) -> tuple[ByteArray, ByteArray | None]:
        """Copies of the picture and of the grey one, where there is one."""
        image = self._plane(0, shot.shape).copy()
        return image, self._plane(image.nbytes, shot.shape[:2]).copy() if shot.grey else None

    def close(self) -> None:
        """Give the memory back, here; may be called twice."""
        if not self._memory.closed:
            self._memory.close()
            os.close(self.handle)

    def _plane(self, offset: int, shape: tuple[int, ...]) -> ByteArray:
        return np.frombuffer(self._memory, np.uint8, prod(shape), offset).reshape(shape)
