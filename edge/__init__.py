"""digitcam's runtime: reads handwritten digits from pictures, videos and live cameras.

Example:
    from edge import DigitReader, open_source

    for reading in DigitReader().read(open_source("demo")):
        print(reading.text)
"""

from edge.classifier import Classifier
from edge.errors import EdgeError
from edge.reader import DigitReader
from edge.sources import Source, SourceOptions, open_source
from edge.tracker import Tracker
from edge.types import Box, Digit, Frame, Prediction, Reading, Result

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
