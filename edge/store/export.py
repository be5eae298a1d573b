"""Entries as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from edge.store.history import Entry

COLUMNS = (
    *("number", "kind", "field", "text", "value", "raw", "problem", "why", "confidence", "unit"),
    *("captured_at", "synchronised", "boot", "timestamp", "source", "digits_model", "page_model", "crop"),
)

HEAD = ",".join(COLUMNS) + "\r\n"
"""The first line: the names of the columns."""


def csv_rows(entries: Iterable[Entry]) -> str:
    """A line for each entry; what is null in JSON is empty, true is 1 and false is 0."""
    text = io.StringIO()
    writer = csv.writer(text)
    for entry in entries:
        row = entry.as_dict()
        writer.writerow([int(row[name]) if isinstance(row[name], bool) else row[name] for name in COLUMNS])
    return text.getvalue()
