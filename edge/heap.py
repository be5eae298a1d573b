"""Free memory, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Give the system what is free of the heap, of which glibc keeps tens of megabytes. It takes 1 ms."""
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)


M_ARENA_MAX = -8
"""glibc's name for the most heaps (malloc.h)."""


def share_one() -> None:
    """Let all threads that are started from now on take their memory from one heap.

    glibc gives each a heap of its own, and what is free in one is of no use to another: `serve`, with a dozen
    threads, grew by 24 MB in 100,000 frames.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
