"""Work that several processes share, here or on a cluster: drawing scenes takes most of a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from edge.workers import Dispatcher, GivenUp, Job, Place, WorkerError, Workers, open_workers

Key = TypeVar("Key")
Result = TypeVar("Result")

ALONE = Place(1)
"""One process on this machine."""

CHUNK = 8
"""Keys that a process gets at a time."""

FAR = 256
"""Keys, at most, that are begun beyond the first that is not done: results wait for their turn in memory."""

WAIT_S = 1.0
"""For results, before it is looked whether there is more to be done."""


@contextmanager
def mapped(
    work: Callable[..., Result],
    keys: Sequence[Key],
    *,
    place: Place = ALONE,
    prepare: Callable[[], object] | None = None,
) -> Iterator[Iterator[Result]]:
    """What `work` makes of each key, in order, made by several processes; the same wherever they are.

    The end of the block, by an exception or Ctrl-C too, ends them.

    Args:
        work: a function of a module, for a process to import; it takes a key, behind what `prepare` returns.
        keys: one for each call.
        place: where, and how many processes.
        prepare: called once in each process, a function of a module or a `functools.partial` of one.

    Raises:
        WorkerError: there are no workers, they all die, or a key kills each of them.
        PackageMissingError: the extra `cluster` is missing.
    """
    job = Job(partial(_Each, work, prepare), packages=("edge", "training"))
    with open_workers(job, place) as workers:
        yield _in_order(workers, keys)


class _Each:
    """In a worker: calls `work` with one key after the other."""

    def __init__(self, work: Callable[..., Any], prepare: Callable[[], object] | None) -> None:
        self._work = work if prepare is None else partial(work, prepare())

    def do(self, items: Sequence[tuple[int, Any]]) -> list[Any]:
        return [self._work(key) for _, key in items]

    def close(self) -> None:
        pass


def _in_order(workers: Workers, keys: Sequence[Any]) -> Iterator[Any]:
    dispatcher = Dispatcher(workers)
    done: dict[int, Any] = {}
    given = turn = 0
    while turn < len(keys):
        while given < min(len(keys), turn + FAR) and dispatcher.wants_more:
            batch = [(number, keys[number]) for number in range(given, min(len(keys), given + CHUNK))]
            dispatcher.give(batch)
            given += len(batch)
        for answer in dispatcher.take(WAIT_S):
            if isinstance(answer, GivenUp):
                raise WorkerError(f"{answer.item[1]} ends each process that is given it: {answer.why}")
            done.update(
                {number: result for (number, _), result in zip(answer.items, answer.results, strict=True)}
            )
        while turn in done:
            yield done.pop(turn)
            turn += 1
