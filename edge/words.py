"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: 1 frame, 2 frames, 10,000 frames."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
