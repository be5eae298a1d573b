"""Composes the road by the page network: grey picture -> [Line]."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from edge.classifier import Classifier
from edge.lines import numbers_of, rows_of
from edge.marks import Places, marked
from edge.page_file import PageFile, check_pair, load_page, open_page
from edge.recognizer import Recognizer
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
        self.recognizer = Recognizer(open_page(page, threads=threads), classifier, least=page.card.least)
        self.name = page.name
        self.card: dict[str, Any] = {**page.card.as_dict(), "sha256": page.sha256}

    def read(self, grey: ByteArray) -> Scan:
        """The numbers in a picture, shape (rows, columns), uint8."""
        start = time.perf_counter()
        seen = self.recognizer.see(grey)
        found = seen.found
        rows = rows_of(seen.digits(self._fusion, self.thresholds.digit))
        if self._marking is not None and found.grey is not None:
            rows = marked(rows, Places(found.grey, found.looks), self._marking)
        lines = numbers_of(rows, self._linking)
        if found.turned:
            rows, columns = grey.shape if found.turned == 2 else grey.shape[::-1]
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
    return Line(tuple(replace(digit, box=digit.box.turned(quarters, rows, columns)) for digit in line.digits))
