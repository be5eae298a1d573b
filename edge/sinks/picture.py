"""The last frame that had numbers, as an annotated picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge.events import AnyEvent
from edge.files import write_whole
from edge.overlay import draw, encode
from edge.sinks import Sink
from edge.types import Result


class LastPicture(Sink):
    """Keeps the last frame that had numbers, else the last one, and writes it at the end.

    Args:
        path: a PNG or JPEG file.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, str(path)
        self._last: Result | None = None
        self._saved = False

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Keep this frame if it is worth more than the one kept."""
        if result.readings or self._last is None or not self._last.readings:
            self._last = result

    def close(self) -> None:
        """Write the picture, when there was one.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._last is not None:
            picture = draw(self._last.frame.image, self._last.readings)
            self._last = None
            write_whole(self._path, encode(picture, self._path.suffix))
            self._saved = True

    def summary(self) -> str:
        """Which file it wrote."""
        return f"saved {self._path}" if self._saved else ""
