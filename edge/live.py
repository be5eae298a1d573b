"""The live loop: a source is read frame by frame, and every sink is told."""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Callable, Sequence

from edge.errors import EdgeError, OutputError
from edge.events import Changes
from edge.reader import DigitReader
from edge.sinks import Sink
from edge.sources.base import Source
from edge.speedometer import Speedometer

BREATH = 100
"""Frames after which what is free of the heap is given back to the system, again and again."""


def read_live(
    reader: DigitReader,
    source: Source,
    sinks: Sequence[Sink],
    speedometer: Speedometer,
    *,
    seconds: float = math.inf,
    frames: float = math.inf,
    on_error: Callable[[EdgeError], None],
) -> None:
    """Read a source until its end, or for so many seconds or frames.

    A sink that cannot write any more is left out; reading goes on for the others while there are any.

    Args:
        reader: reads the frames.
        source: where they come from.
        sinks: where the readings go. They are closed by whoever opened them.
        speedometer: ticked with each frame, before the sinks are told.
        seconds: stop after so many.
        frames: stop after so many.
        on_error: told of what went wrong on the way, and of the error that ended the source.
    """
    changes = Changes()
    working = list(sinks)
    try:
        for result in reader.results(source):
            events = changes.update(result)
            speedometer.tick(result, events)
            if speedometer.frames % BREATH == 0:
                _give_back()
            for sink in list(working):
                try:
                    sink.write(result, events)
                except OutputError as error:
                    on_error(error)
                    working.remove(sink)
            if not working or speedometer.frames >= frames or speedometer.elapsed_s >= seconds:
                break
    except EdgeError as error:
        on_error(error)  # what was read until then counts all the same


def _give_back() -> None:
    """Give the system what is free of the heap, of which glibc keeps tens of megabytes. It takes 1 ms."""
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)
