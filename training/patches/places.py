"""Places that a network learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.types import ByteArray
from training.arrays import load_arrays, save_arrays


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
        save_arrays(self, path, compressed=False)

    @classmethod
    def load(cls, path: Path) -> Places:
        """What `save` wrote.

        Raises:
            UsageError: when it is missing or damaged.
        """
        return load_arrays(cls, path, "delete it to cut the places anew")
