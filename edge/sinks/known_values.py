"""The last value of each field, in a small file: what outlasts a restart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.errors import UsageError
from edge.events import AnyEvent
from edge.files import write_whole
from edge.plausibility import Known
from edge.sinks import PACE_S, Sink
from edge.types import FieldReading, Result, iso_utc

VERSION = 1

AGAIN_S = 600.0
"""Seconds from one writing to the next while only the age changes: memory cards wear out."""


class KnownValues(Sink):
    """Keeps the last value of each field in a file, which is written whole.

    It is written when a value changes, now and then for its age, and at the end. Fields that are in the file
    and not in the settings any more stay in it.

    Args:
        path: of the file.

    Raises:
        UsageError: it is there, and is not as this writes it.
    """

    pace_s = PACE_S

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self._known = load_known(path)
        self._written = dict(self._known)

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take the fields of a frame.

        Raises:
            OutputError: the file cannot be written.
        """
        for field in result.fields:
            if (known := _known_of(field)) is not None:
                self._known[field.name] = known
        if any(self._is_worth_writing(name) for name in self._known):
            self._save()

    def close(self) -> None:
        """Write what has not been written yet.

        Raises:
            OutputError: the file cannot be written.
        """
        if self._known != self._written:
            self._save()

    def _is_worth_writing(self, name: str) -> bool:
        known, written = self._known[name], self._written.get(name)
        if written is None or (known.text, known.since) != (written.text, written.since):
            return True
        return abs((known.at - written.at).total_seconds()) >= AGAIN_S

    def _save(self) -> None:
        fields = {
            name: {"text": known.text, "since": iso_utc(known.since), "accepted_at": iso_utc(known.at)}
            for name, known in self._known.items()
        }
        text = json.dumps({"version": VERSION, "fields": fields}, indent=2, ensure_ascii=False)
        write_whole(self._path, text + "\n")
        self._written = dict(self._known)


def load_known(path: Path) -> dict[str, Known]:
    """The values that a file holds, by the names of their fields; none where there is no file.

    Raises:
        UsageError: it cannot be read, or is something else. It is left as it is.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']!r}")
        return {str(name): _of_json(each) for name, each in data["fields"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot read the state {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the state {path} is not as digitcam writes it ({type(error).__name__}: {error}): give another "
            f"name, or delete the file and begin without known values"
        ) from error


def _known_of(field: FieldReading) -> Known | None:
    if field.text is None or field.since is None or field.accepted_at is None:
        return None
    return Known(field.text, field.since, field.accepted_at)


def _of_json(data: dict[str, Any]) -> Known:
    text = data["text"]
    if not isinstance(text, str):
        raise ValueError(f"text {text!r}")
    since, at = (datetime.fromisoformat(data[key]).astimezone(UTC) for key in ("since", "accepted_at"))
    return Known(text, since, at)
