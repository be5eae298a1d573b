"""The fields in a settings file: read, and saved so that comments and all else stay as they are.

Python reads TOML and does not write it; tomlkit does, and keeps what people have written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

from edge.errors import UsageError
from edge.fields import Field, fields_of
from edge.files import write_all

KEY = "field"
"""The array of tables that fields stand in."""


class ChangedError(UsageError):
    """Somebody else has changed the file since it was read."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a settings file says of fields.

    Attributes:
        fields: in their order.
        version: changes with what they come from; "" where there is no file.
    """

    fields: tuple[Field, ...]
    version: str


class FieldsFile:
    """A settings file whose fields can be changed.

    Args:
        path: of the file, which need not be there yet; its last good state is kept beside it, as `.bak`.
        below: a file whose fields count where this one says nothing of fields. It is never written.
    """

    def __init__(self, path: Path, below: Path | None = None) -> None:
        self.path, self._below = path, None if below == path else below

    def read(self) -> Saved:
        """The fields that the file has now.

        Raises:
            UsageError: it cannot be read, is no TOML, or a field in it makes no sense.
        """
        text, below = _text(self.path), self._text_below()
        return Saved(self._known(_parsed(self.path, text), below), _version(text, below))

    def write(self, fields: Sequence[Field], version: str) -> Saved:
        """Put fields in the place of those in the file; all else stays, with the comments.

        Args:
            fields: in their order. One with the name, or else the place, of an old one takes over its table.
            version: of the file that the change is meant for.

        Returns:
            The file as it is then.

        Raises:
            ChangedError: the file is another by now; nothing was written.
            UsageError: as `read`.
            OutputError: it cannot be written.
        """
        before, below = _text(self.path), self._text_below()
        if _version(before, below) != version:
            raise ChangedError(
                f"expected {self.path} as it was when its fields were shown, found another: somebody has "
                "changed it meanwhile; look at its fields again, and change them then"
            )
        document = _parsed(self.path, before)
        _put(document, fields, self._known(document, below))
        if not fields and below is not None:
            document[KEY] = []  # or those below would count again
        after = tomlkit.dumps(document)
        if fields_of(tomlkit.parse(after).unwrap().get(KEY, [])) != tuple(fields):
            raise UsageError(f"the fields in {self.path} cannot be changed without loss: edit it by hand")
        # What is kept is where the file really is, and no more open to others than before.
        place = Path(os.path.realpath(self.path))
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        kept = {place.with_name(f"{place.name}.bak"): before} if before is not None else {}
        write_all({**kept, place: after}, mode=mode)
        return Saved(tuple(fields), _version(after, below))

    def _text_below(self) -> str | None:
        return None if self._below is None else _text(self._below)

    def _known(self, document: tomlkit.TOMLDocument, below: str | None) -> tuple[Field, ...]:
        if KEY in document or self._below is None:
            return _fields(self.path, document)
        return _fields(self._below, _parsed(self._below, below))


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read the settings {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _parsed(path: Path, text: str | None) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text or "")
    except TOMLKitError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _fields(path: Path, document: tomlkit.TOMLDocument) -> tuple[Field, ...]:
    tables = document.unwrap().get(KEY, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{path}: expected fields as tables under [[field]], found {tables!r}")
    try:
        return fields_of(tables)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _version(*texts: str | None) -> str:
    if all(text is None for text in texts):
        return ""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def _put(document: tomlkit.TOMLDocument, fields: Sequence[Field], old: Sequence[Field]) -> None:
    """Change the tables of a document from the old fields to others, in place."""
    tables = document.get(KEY)
    known = list(tables) if isinstance(tables, AoT) else []  # inline tables are written anew
    left = dict(zip((field.name for field in old), known, strict=False))
    taken = {field.name: left.pop(field.name) for field in fields if field.name in left}
    by_name = {field.name: field for field in old}
    made: list[Table] = []
    for place, field in enumerate(fields):
        table, before = taken.get(field.name), by_name.get(field.name)
        if table is None and place < len(old) and old[place].name in left:  # renamed
            table, before = left.pop(old[place].name), old[place]
        if table is None or before is None:
            table, before = tomlkit.table(), Field()
            if made:
                made[-1].add(tomlkit.nl())
        _change(table, before.as_table() if table else {}, field.as_table())
        made.append(table)
    if not fields:
        document.pop(KEY, None)
    elif not isinstance(tables, AoT):
        document.pop(KEY, None)
        if document:
            document.add(tomlkit.nl())
        document.append(KEY, tomlkit.aot())
    if fields and [id(table) for table in made] != [id(table) for table in known]:
        array = document[KEY]
        assert isinstance(array, AoT)
        while len(array):
            del array[-1]
        for table in made:
            array.append(table)


def _change(table: Table, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Change what is another in a table; the rest stays as people have written it."""
    for key in list(table):
        if key not in after:
            table.remove(key)
    for key, value in after.items():
        if key not in table or before.get(key) != value:
            table[key] = value
