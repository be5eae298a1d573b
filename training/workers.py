"""Work that several processes share: drawing scenes takes most of a core."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

CHUNK = 8
"""Keys that a process gets at a time."""


@contextmanager
def mapped(
    work: Callable[[Key], Result],
    keys: Sequence[Key],
    *,
    processes: int,
    prepare: Callable[[], object] | None = None,
) -> Iterator[Iterator[Result]]:
    """What `work` makes of each key, in order, made by several processes.

    The end of the block, by an exception or Ctrl-C too, ends them after what they have begun.

    Args:
        work: a function of a module, for a process to import.
        keys: one for each call.
        processes: how many.
        prepare: called once in each process.
    """
    # Not by fork: a child would inherit the locks of TensorFlow's threads, but not the threads.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), prepare)
    # Ctrl-C goes to all of them. Those that it breaks off would leave this one waiting for them: they do not
    # hear it, as this one does not while it starts them.
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            results = pool.map(work, keys, chunksize=CHUNK)
        finally:
            signal.signal(signal.SIGINT, heard)
        yield results
    finally:
        pool.shutdown(cancel_futures=True)
