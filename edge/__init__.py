"""digitcam's runtime: reads handwritten digits from pictures, videos and live cameras.

Example:
    from edge import DigitReader, open_source

    for reading in DigitReader().read(open_source("demo")):
        print(reading.text)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from edge.errors import EdgeError
from edge.sources import Source, SourceOptions, open_source
from edge.types import Box, Digit, Frame, Moment, Prediction, Reading, Result

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.reader import DigitReader
    from edge.track import TrackerOptions
    from edge.tracker import Tracker

__all__ = [
    "Box",
    "Classifier",
    "Digit",
    "DigitReader",
    "EdgeError",
    "Frame",
    "Moment",
    "Prediction",
    "Reading",
    "Result",
    "Source",
    "SourceOptions",
    "Tracker",
    "TrackerOptions",
    "open_source",
]

# The process that reads a camera needs none of these, and a board has little memory.
_WHEN_USED = {
    "Classifier": "edge.classifier",
    "DigitReader": "edge.reader",
    "Tracker": "edge.tracker",
    "TrackerOptions": "edge.track",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHEN_USED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_WHEN_USED[name]), name)
