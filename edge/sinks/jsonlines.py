"""Results or events as JSON, one object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from edge.events import AnyEvent
from edge.files import write_line
from edge.sinks import Sink
from edge.types import Result


class JsonLines(Sink):
    """Writes a line for each event, or one for each frame.

    Args:
        stream: text, flushed after each line so that the next program in a pipe sees it at once.
        every_frame: one schema-1 object for each frame instead of one event for each change of a reading.
    """

    def __init__(self, stream: TextIO, *, every_frame: bool = False) -> None:
        self._stream = stream
        self.name = getattr(stream, "name", "JSON lines").replace("<stdout>", "standard output")
        self._every_frame = every_frame

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Print what this frame brought.

        Raises:
            OutputError: it cannot be written.
        """
        for item in [result] if self._every_frame else events:
            write_line(self._stream, json.dumps(item.as_dict()))

    def finish(self, events: Sequence[AnyEvent]) -> None:
        """Print the last events, unless it has a line for each frame.

        Raises:
            OutputError: it cannot be written.
        """
        for event in () if self._every_frame else events:
            write_line(self._stream, json.dumps(event.as_dict()))
