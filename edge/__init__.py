"""digitcam's runtime: reads handwritten digits from pictures, videos and live cameras.

Example:
    from edge import DigitReader, open_source

    for reading in DigitReader().read(open_source("demo")):
        print(reading.text)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from edge.errors import EdgeError
from edge.events import Changes, Event
from edge.sinks import Sink
from edge.sources import Source, SourceOptions, open_source
from edge.types import Box, Digit, Frame, Moment, Prediction, Reading, Result

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.overlay import draw as annotate
    from edge.reader import DigitReader
    from edge.track import TrackerOptions
    from edge.tracker import Tracker

    __version__: str

__all__ = [
    "Box",
    "Changes",
    "Classifier",
    "Digit",
    "DigitReader",
    "EdgeError",
    "Event",
    "Frame",
    "Moment",
    "Prediction",
    "Reading",
    "Result",
    "Sink",
    "Source",
    "SourceOptions",
    "Tracker",
    "TrackerOptions",
    "__version__",
    "annotate",
    "open_source",
]

# The process that reads a camera needs none of these, and a board has little memory.
_WHEN_USED = {
    "Classifier": ("edge.classifier", "Classifier"),
    "DigitReader": ("edge.reader", "DigitReader"),
    "Tracker": ("edge.tracker", "Tracker"),
    "TrackerOptions": ("edge.track", "TrackerOptions"),
    "annotate": ("edge.overlay", "draw"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("digitcam")
        if name not in _WHEN_USED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, inside = _WHEN_USED[name]
        return getattr(import_module(module), inside)
