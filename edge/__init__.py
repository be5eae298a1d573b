"""digitcam's runtime: reads handwritten digits from pictures, videos and live cameras.

Example:
    from edge import DigitReader, open_source

    for reading in DigitReader().read(open_source("demo")):
        print(reading.text)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.errors import EdgeError
    from edge.reader import DigitReader
    from edge.sources import Source, SourceOptions, open_source
    from edge.tracker import Tracker
    from edge.types import Box, Digit, Frame, Prediction, Reading, Result

_PLACES = {
    "Classifier": "classifier",
    "EdgeError": "errors",
    "DigitReader": "reader",
    "Source": "sources",
    "SourceOptions": "sources",
    "open_source": "sources",
    "Tracker": "tracker",
    "Box": "types",
    "Digit": "types",
    "Frame": "types",
    "Prediction": "types",
    "Reading": "types",
    "Result": "types",
}
"""The module of each public name. It is imported when the name is first used: a child process that only
captures frames does not load the networks, and `digitcam doctor` runs where OpenCV does not."""

__all__ = [
    "Box",
    "Classifier",
    "Digit",
    "DigitReader",
    "EdgeError",
    "Frame",
    "Prediction",
    "Reading",
    "Result",
    "Source",
    "SourceOptions",
    "Tracker",
    "open_source",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type is that of the name, which mypy takes from above
    """Import a public name (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'edge' has no attribute {name!r}")
    return getattr(import_module(f"edge.{_PLACES[name]}"), name)
