"""Places that a network learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from edge.errors import UsageError
from edge.types import ByteArray


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Patches of pages.

    Attributes:
        patches: as edge cuts them out, shape (n, rows, columns, 3), uint8.
        labels: what is there, an index in the network's labels, 0 for nothing; shape (n,).
        pages: whose they are, shape (n,).
    """

    patches: ByteArray
    labels: npt.NDArray[np.int64]
    pages: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __add__(self, other: Places) -> Places:
        return Places.together([self, other])

    @classmethod
    def together(cls, parts: Sequence[Places]) -> Places:
        """The places of several, whose pages are counted on."""
        firsts = np.cumsum([0, *(int(part.pages.max(initial=-1)) + 1 for part in parts)])
        return cls(
            np.concatenate([part.patches for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.pages + first for part, first in zip(parts, firsts, strict=False)]),
        )

    def save(self, path: Path) -> None:
        """Write all of it to one file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, **{field.name: getattr(self, field.name) for field in fields(self)})
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Places:
        """What `save` wrote.

        Raises:
            UsageError: when it is missing or damaged.
        """
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                return cls(*(arrays[field.name] for field in fields(cls)))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise UsageError(
                f"cannot read the places in {path}: {error}; delete it to cut them anew"
            ) from error
