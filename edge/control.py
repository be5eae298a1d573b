"""What a live reading is asked for while it runs: to pause, and to read a field at once."""

from __future__ import annotations

import threading

ALL = ""
"""Stands for every field: none has this name."""


class Control:
    """Wishes of those who watch a live reading. Any thread may call; the reading looks before each frame."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paused = False
        self._asked: frozenset[str] = frozenset()

    @property
    def paused(self) -> bool:
        """Whether frames are left unread at present. The source stays open."""
        return self._paused

    def pause(self, on: bool) -> None:
        """Leave frames unread from now on, or read them again."""
        self._paused = on

    def ask(self, field: str = ALL) -> None:
        """Have a field read with the next frame, whatever its schedule says, and told of, new or not.

        Args:
            field: its name, or `ALL`.
        """
        with self._lock:
            self._asked |= {field}

    def take_asked(self) -> frozenset[str]:
        """What was asked for since the last call: names of fields, or `ALL` among them."""
        with self._lock:
            asked, self._asked = self._asked, frozenset()
        return asked
