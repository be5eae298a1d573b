"""Composes the road by the page network: grey picture -> [Line]."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.expected import LEAST_EXPECTED, expected
from edge.formats import Format
from edge.lines import numbers_of, rows_of
from edge.marks import Places, marked
from edge.page_file import PageFile, check_pair, load_page, open_page
from edge.recognizer import Recognizer, Seen
from edge.types import ByteArray, Line, Scan, Speed


class PageRoad:
    """Reads grey pictures.

    Args:
        classifier: names the digits.
        page: sees where digits are; None takes the shipped page network.
        threads: of the page network's interpreter.

    Attributes:
        name: which network finds the digits.
        card: what that network says of itself.
        thresholds: on what both networks say together.
        recognizer: the two networks.

    Raises:
        ModelError: the two networks are no pair.
    """

    def __init__(self, classifier: Classifier, page: PageFile | None = None, *, threads: int = 1) -> None:
        page = page or load_page()
        self._fusion, self.thresholds = check_pair(classifier.card, page.card)
        self._linking, self._marking = page.card.linking, page.card.marking
        if self._marking is not None:
            self.thresholds = replace(self.thresholds, mark=self._marking.accept)
        network = open_page(page, threads=threads)
        self.recognizer = Recognizer(network, classifier, least=page.card.least)
        self._hardly = Recognizer(network, classifier, least=LEAST_EXPECTED)
        self._decoding = page.card.decoding
        if self._decoding is not None:
            self.thresholds = replace(self.thresholds, number=self._decoding.accept)
        self.name = page.name
        self.card: dict[str, Any] = {**page.card.as_dict(), "sha256": page.sha256}

    @property
    def reads_by_format(self) -> bool:
        """Whether the page network's card has what it takes to `expect` a number."""
        return self._decoding is not None and self._marking is not None

    def read(self, grey: ByteArray) -> Scan:
        """The numbers in a picture, shape (rows, columns), uint8."""
        start = time.perf_counter()
        seen = self.recognizer.see(grey)
        found = seen.found
        rows = rows_of(seen.digits(self._fusion, self.thresholds.digit))
        if self._marking is not None and found.grey is not None:
            rows = marked(rows, Places(found.grey, found.looks), self._marking)
        return self._scan(seen, numbers_of(rows, self._linking), grey.shape, start)

    def expect(self, grey: ByteArray, form: Format) -> Scan:
        """The likeliest number of a format in a picture, or in a part of one.

        Args:
            grey: shape (rows, columns), uint8.
            form: the expected format.

        Returns:
            At most one line, whose `chance` tells how likely all of it is right.

        Raises:
            ModelError: the page network's card is from before numbers were read by formats.
        """
        if self._decoding is None or self._marking is None:
            raise ModelError(
                f"{self.name.name} cannot read by a format: its card has no weights for that; fit it again, "
                "python -m convert.pair RUN"
            )
        start = time.perf_counter()
        seen = self._hardly.see(grey)
        line = expected(seen, form, self._fusion, self._decoding, self._marking)
        lines = [] if line is None else [line]
        return self._scan(seen, lines, grey.shape, start)

    def _scan(self, seen: Seen, lines: list[Line], shape: tuple[int, ...], start: float) -> Scan:
        """Lines of the upright picture in pixels of the one that was given, and how long it took."""
        found = seen.found
        if found.turned:
            rows, columns = shape if found.turned == 2 else shape[::-1]
            lines = [_turned(line, found.turned, rows, columns) for line in lines]
        total_ms = 1000 * (time.perf_counter() - start)
        speed = Speed(
            segment=total_ms - found.normalise_ms - seen.classify_ms,
            normalise=found.normalise_ms,
            classify=seen.classify_ms,
        )
        return Scan(lines, speed, found.turned, found.complete)


def _turned(line: Line, quarters: int, rows: int, columns: int) -> Line:
    """A line of a picture of this size after that was turned clockwise."""
    digits = (replace(digit, box=digit.box.turned(quarters, rows, columns)) for digit in line.digits)
    return replace(line, digits=tuple(digits))
