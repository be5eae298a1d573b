"""What a picture is read with: plain data, so that it can be sent to any worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.fields import Field
from edge.sources.base import SourceOptions

TIME_LIMIT_S = 60.0
"""For a page, unless another is set. (A photo of 12 megapixels takes a second or two.)"""

MEMORY_LIMIT = 2 << 30
"""Bytes of address space of the process that reads a picture, unless another is set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a picture is read with.

    Attributes:
        model: bytes of a digit network; None is the shipped one.
        page_model: bytes of a page network, likewise.
        threads: of the page network.
        quick: look at a picture as at the frame of a stream, not in more sizes.
        fields: what is wanted; none: all numbers.
        options: whether pictures are to be turned or mirrored.
        time_limit_s: seconds that a page may take, and fetching a picture.
        memory_limit: bytes of address space that the process that reads a picture may take.
        folder: in which relative names start; "" is the current one.
    """

    model: bytes | None = None
    page_model: bytes | None = None
    threads: int = 1
    quick: bool = False
    fields: tuple[Field, ...] = ()
    options: SourceOptions = field(default_factory=SourceOptions)
    time_limit_s: float = TIME_LIMIT_S
    memory_limit: int = MEMORY_LIMIT
    folder: str = ""
