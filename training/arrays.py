"""Dataclasses of arrays, kept in one file each."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zipfile import BadZipFile

import numpy as np

from edge.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Kept = TypeVar("Kept", bound="DataclassInstance")


def save_arrays(kept: DataclassInstance, path: Path, *, compressed: bool) -> None:
    """Write all fields of a dataclass of arrays to one file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    save = np.savez_compressed if compressed else np.savez
    save(part, **{field.name: getattr(kept, field.name) for field in fields(kept)})
    part.replace(path)


def load_arrays(kind: type[Kept], path: Path, cure: str) -> Kept:
    """What `save_arrays` wrote.

    Args:
        kind: of the dataclass.
        path: of the file.
        cure: what helps where it is no such file.

    Raises:
        UsageError: when it is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return kind(*(arrays[field.name] for field in fields(kind)))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise UsageError(f"cannot read {path}: {error}; {cure}") from error
