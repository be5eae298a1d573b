"""Decides from the content and the times of its frames whether a live source is well."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Literal

from edge.sources.base import SourceOptions
from edge.types import ByteArray

Sight = Literal["fresh", "black", "repeated", "resized"]

HANG_S = 1.0
"""Seconds without a frame after which a source hangs."""

FEWEST_FRAMES = 3
"""Frames that must be overdue all the same: slow cameras have more time."""

OPENING_S = 20.0
"""Seconds that a source may take to its first frame: libraries come from a slow card, cameras wake slowly."""

BLACK = 16
"""Mean brightness of 255 below which a picture is black: the black of video."""

EVERY_ROW = 4
"""Pictures are compared by one row in so many: the noise of a live sensor is in each of them."""


class Watch:
    """Looks at every frame of a source.

    Args:
        options: the frame rate that the source was asked for, and when it counts as frozen.
        fingerprint: of the last picture that an earlier run of the source gave: a camera that is frozen
            still shows it after a restart.
        clock: seconds, monotonic; for tests.

    Attributes:
        fingerprint: of the latest picture.
    """

    def __init__(
        self,
        options: SourceOptions,
        *,
        fingerprint: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fingerprint = fingerprint
        self._patience_s = max(HANG_S, FEWEST_FRAMES / options.fps)
        self._frozen_after_s = max(options.frozen_after_s, FEWEST_FRAMES / options.fps)
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """The source is being opened, or opened once more."""
        self._opening = True
        self._shape: tuple[int, ...] | None = None
        self._arrived = self._changed = self._clock()

    def see(self, image: ByteArray) -> Sight:
        """Take a picture, grey (rows, columns) or BGR (rows, columns, 3)."""
        if self._shape not in (None, image.shape):
            return "resized"
        self._shape = image.shape
        rows = image[::EVERY_ROW]
        before, self.fingerprint = self.fingerprint, zlib.crc32(rows.tobytes())
        self._arrived = self._clock()
        black = float(rows.mean()) < BLACK
        # A cap on the lens, or a lamp in it, may leave no noise: where all is one colour, nothing can freeze.
        repeated = self.fingerprint == before and not black and bool((rows != rows[0, 0]).any())
        if not repeated or self._opening:
            self._changed = self._arrived
        self._opening = False
        return "black" if black else "repeated" if repeated else "fresh"

    def verdict(self) -> Literal["hung", "frozen"] | None:
        """What is wrong with the source, if anything."""
        now = self._clock()
        if now - self._arrived > (OPENING_S if self._opening else self._patience_s):
            return "hung"
        return "frozen" if now - self._changed > self._frozen_after_s and not self._opening else None
