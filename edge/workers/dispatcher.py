"""Hands out batches, and does again what is lost with a worker.

A batch that is lost is done again elsewhere, at most `AGAIN` times; then each of its items alone, to find the
one that kills its worker. That one is given up. Only one such suspect is out at a time: a scheduler that sees
a worker die blames all that was waiting there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.workers.base import Ended, WorkerError, Workers

AGAIN = 2
"""Times that a lost batch, and then an item by itself, is done again."""

AHEAD = 2
"""Batches that are out for each that is being done, so that no worker waits for the next."""

MOST_DEATHS = 100
"""Of workers, one after the other without a batch that was done in between: then they all die of something
else than an item. (A batch of 32 items that each kill takes 99.)"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch, or of an item of one that was lost: an item and its result each."""

    items: tuple[Any, ...]
    results: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An item that kills its worker, and how."""

    item: Any
    why: str


@dataclass(slots=True)
class _Batch:
    """A batch, how many workers have died with it, and whether it is a suspect."""

    items: tuple[Any, ...]
    deaths: int = 0
    suspect: bool = False


class Dispatcher:
    """Keeps workers busy.

    Args:
        workers: do the batches; they are their owner's to close.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._out: dict[int, _Batch] = {}
        self._suspects: deque[_Batch] = deque()
        self._suspect: int | None = None  # the number of the one that is out
        self._next = 0
        self._deaths = 0  # since the last batch that was done

    @property
    def out(self) -> int:
        """Batches that have not ended yet."""
        return len(self._out) + len(self._suspects)

    @property
    def wants_more(self) -> bool:
        """Whether a worker might have to wait for another batch."""
        return len(self._out) < AHEAD * max(1, self._workers.count)

    def give(self, items: Sequence[Any]) -> None:
        """Have a batch done.

        Raises:
            WorkerError: there are no workers any more.
        """
        self._submit(_Batch(tuple(items)))

    def take(self, timeout_s: float) -> list[Answer | GivenUp]:
        """Wait for results; there may be none after this time.

        Raises:
            WorkerError: there are no workers any more, or all of them die.
            Exception: whatever the job raised.
        """
        answers = [self._answer(ended) for ended in self._workers.ended(timeout_s)]
        if self._suspect is None and self._suspects:
            self._suspect = self._submit(self._suspects.popleft())
        return [answer for answer in answers if answer is not None]

    def _answer(self, ended: Ended) -> Answer | GivenUp | None:
        batch = self._out.pop(ended.number)
        if ended.number == self._suspect:
            self._suspect = None
        if ended.results is not None:
            self._deaths = 0
            return Answer(batch.items, tuple(ended.results))
        batch.deaths += max(1, ended.deaths)
        self._deaths += max(1, ended.deaths)
        if self._deaths > MOST_DEATHS:
            raise WorkerError(
                f"workers die one after the other, and nothing gets done ({ended.why}): look for the cause, "
                "such as too little memory"
            )
        if batch.deaths > AGAIN and batch.suspect:
            return GivenUp(batch.items[0], ended.why)
        if batch.deaths > AGAIN:
            self._suspects += [_Batch((item,), suspect=True) for item in batch.items]
        elif batch.suspect:
            self._suspects.appendleft(batch)
        else:
            self._submit(batch)
        return None

    def _submit(self, batch: _Batch) -> int:
        number, self._next = self._next, self._next + 1
        self._out[number] = batch
        self._workers.submit(number, batch.items)
        return number
