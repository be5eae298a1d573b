"""Workers on this machine: child processes, each of which may die without the others."""

from __future__ import annotations

import contextlib
import pickle
import queue
import threading
from collections.abc import Sequence
from typing import Any

from edge.isolated import Isolated, IsolatedError
from edge.workers.base import Doer, Ended, Job, WorkerError, Workers

ANSWER = "edge.workers.local:answer"

START_LIMIT_S = 300.0
"""For a worker to load what it needs."""

FOREVER_S = 1e8
"""A batch has no limit of its own: what is in it has."""

RESTART_S = 1.0
"""Between two attempts to start a worker."""

MOST_STARTS = 10
"""Attempts in a row, of all workers together, that fail before it is said."""


class LocalWorkers(Workers):
    """Child processes. Each is started when there is work for it, and again when it has died.

    Args:
        job: what they do.
        count: how many.
    """

    def __init__(self, job: Job, count: int) -> None:
        self._count = count
        self._job = pickle.dumps(job)
        self._tasks: queue.SimpleQueue[tuple[int, Sequence[Any]] | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Ended | Exception] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._failed_starts = 0
        self._children = [Isolated(ANSWER, memory_mb=None) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._serve, args=[child], name="digitcam-worker", daemon=True)
            for child in self._children
        ]
        for thread in self._threads:
            thread.start()

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    def submit(self, number: int, items: Sequence[Any]) -> None:
        """Have a batch done, as soon as a worker is free."""
        self._tasks.put((number, items))

    def ended(self, timeout_s: float) -> list[Ended]:
        """Wait for batches to end; none after this time.

        Raises:
            WorkerError: the workers cannot be started.
            Exception: whatever the job raised.
        """
        found: list[Ended] = []
        with contextlib.suppress(queue.Empty):
            one = self._ended.get(timeout=timeout_s) if timeout_s > 0 else self._ended.get_nowait()
            while True:
                if isinstance(one, Exception):
                    raise one
                found.append(one)
                one = self._ended.get_nowait()
        return found

    def close(self) -> None:
        """Kill them; may be called twice."""
        self._closed.set()
        for child in self._children:
            child.close()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, child: Isolated) -> None:
        with child:
            while not self._closed.is_set() and (task := self._tasks.get()) is not None:
                if self._start(child):
                    self._ended.put(self._do(child, *task))

    def _start(self, child: Isolated) -> bool:
        """Make sure that a worker is there; False at the end."""
        while not child.running and not self._closed.is_set():
            try:
                _call(child, b"open" + self._job, START_LIMIT_S)
            except IsolatedError as error:
                self._failed_starts += 1
                if self._failed_starts >= MOST_STARTS and not self._closed.is_set():
                    self._ended.put(WorkerError(f"workers cannot be started: {error}"))
                self._closed.wait(RESTART_S)
            except Exception as error:  # the job's own
                child.close()
                self._ended.put(error)
                return False
            else:
                self._failed_starts = 0
        return not self._closed.is_set()

    def _do(self, child: Isolated, number: int, items: Sequence[Any]) -> Ended | Exception:
        try:
            return Ended(number, _call(child, b"work" + pickle.dumps(items), FOREVER_S))
        except IsolatedError as error:
            return Ended(number, deaths=1, why=str(error))
        except Exception as error:  # the job's own
            return error


def _call(child: Isolated, message: bytes, timeout_s: float) -> Any:  # noqa: ANN401 - what the job returns
    """Ask a worker.

    Raises:
        IsolatedError: it died.
        Exception: whatever the job raised.
    """
    done, value = pickle.loads(child.call(message, timeout_s=timeout_s))
    if not done:
        raise value
    return value


_doer: Doer


def answer(message: bytes) -> bytes:
    """In the child: open the job, or do a batch of it."""
    global _doer
    try:
        if message[:4] == b"open":
            job: Job = pickle.loads(message[4:])
            _doer = job.open()
            return pickle.dumps((True, None))
        return pickle.dumps((True, _doer.do(pickle.loads(message[4:]))))
    except MemoryError:
        raise  # this process is no good any more
    except Exception as error:
        return _pickled(error)


def _pickled(error: Exception) -> bytes:
    """An exception for another process; one that cannot be sent comes as its words."""
    message = pickle.dumps((False, error), protocol=pickle.HIGHEST_PROTOCOL)
    try:
        pickle.loads(message)
    except Exception:
        return pickle.dumps((False, WorkerError(f"{type(error).__name__}: {error}")))
    return message
