"""`faulty:FILE`: the simulated camera with the faults of real ones, on demand.

The file says in one word what is wrong; while it is empty or missing, nothing is. It serves the tests, and
whoever wants to see what an installation does when its camera fails: `echo gone > fault`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.errors import CameraNotFoundError, SourceError, UsageError
from edge.sources.base import Source, SourceOptions
from edge.sources.demo import DemoCamera
from edge.types import ByteArray, Frame

FAULTS = {
    "gone": "it is unplugged: reading ends, and it cannot be opened",
    "black": "its pictures are black",
    "hang": "reading does not come back, until it is opened anew",
    "freeze": "it repeats one picture, until it is opened anew",
    "resize": "its pictures have half their size, until it is opened anew",
}
"""The words that the file may hold."""

LASTING = ("gone", "black")
"""Faults that opening the camera anew does not cure."""


class FaultyCamera(Source):
    """A simulated camera that does what a file says.

    Args:
        control: the file.
        options: size, frame rate and seed.

    Raises:
        CameraNotFoundError: it is gone.
        SourceError: while iterating, when it goes.
        UsageError: the file holds another word.
    """

    live = True
    continuous = True

    def __init__(self, control: Path, options: SourceOptions) -> None:
        super().__init__(f"faulty:{control}")
        self._control = control
        self._cured = ""
        fault = self._fault()
        if fault == "gone":
            raise CameraNotFoundError(f"{self.name} is gone: {control} says so")
        self._cured = fault if fault not in LASTING else ""
        self._demo = DemoCamera(options.seed, size=options.size, fps=options.fps)

    def __iter__(self) -> Iterator[Frame]:
        frozen: ByteArray | None = None
        for frame in self._demo:
            image = frame.image
            match self._fault():
                case "gone":
                    raise SourceError(f"{self.name} went away: {self._control} says so")
                case "black":
                    image = np.zeros_like(image)
                case "hang":
                    threading.Event().wait()
                case "freeze":
                    image = frozen if frozen is not None else image
                case "resize":
                    image = np.ascontiguousarray(image[::2, ::2])
            frozen = image
            yield replace(frame, image=image, source=self.name)

    def close(self) -> None:
        """End the iteration."""
        self._demo.close()

    def _fault(self) -> str:
        """What is wrong now; a word that was there when the camera was opened, and is cured, says nothing."""
        try:
            word = self._control.read_text().strip()
        except FileNotFoundError:
            word = ""
        if word and word not in FAULTS:
            raise UsageError(f"{self._control} says {word!r}: expected {', '.join(FAULTS)} or nothing")
        if word != self._cured:
            self._cured = ""
        return "" if word == self._cured else word
