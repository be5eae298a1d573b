"""What all workers have in common, wherever they are."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from edge.errors import EdgeError


class WorkerError(EdgeError, RuntimeError):
    """There are no workers, they cannot be used, or all of them die."""


class Doer(Protocol):
    """Does the work of a job, inside a worker; what it needs is loaded once."""

    def do(self, items: Sequence[Any], /) -> list[Any]:
        """The result of each item, in their order."""

    def close(self) -> None:
        """Give back what it has opened."""


@dataclass(frozen=True, slots=True)
class Job:
    """What workers do. It is sent to them by pickle.

    Attributes:
        open: makes a `Doer`: a function or class of a module that a worker can import, or a
            `functools.partial` of one with plain data. It is called once for each batch that a worker does at
            the same time, and again where a worker has died.
        packages: names of the packages whose code it is, which must be the same on all machines.
        name: no other job has it.
    """

    open: Callable[[], Doer]
    packages: tuple[str, ...] = ("edge",)
    name: str = field(default_factory=lambda: f"digitcam-{uuid.uuid4().hex[:12]}")


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a batch.

    Attributes:
        number: of the batch.
        results: of its items; None where it was lost.
        deaths: workers that died with it, since it was submitted.
        why: it was lost.
    """

    number: int
    results: list[Any] | None = None
    deaths: int = 0
    why: str = ""


class Workers(ABC):
    """Processes that do the work of a job; use them in a `with` block."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many batches they do at the same time. It may change."""

    @abstractmethod
    def submit(self, number: int, items: Sequence[Any]) -> None:
        """Have a batch done, as soon as a worker is free.

        Raises:
            WorkerError: there are no workers any more.
        """

    @abstractmethod
    def ended(self, timeout_s: float) -> list[Ended]:
        """Wait for batches to end; none after this time.

        Raises:
            WorkerError: there are no workers any more.
            Exception: whatever the job raised.
        """

    @abstractmethod
    def close(self) -> None:
        """End them within two seconds or so, whatever they do; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
