"""What a worker does: it fetches the pictures of a batch and has a child process read them.

A picture harms only that child: it is killed when it takes too long or too much memory, and the next picture
gets another. The child is a process of its own, since a worker of a cluster has other things to answer for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, replace
from pathlib import Path

from edge.archive.fetching import Fetched, Listed, MissingError, Pending, PlaceError, fetch
from edge.archive.reading import Opening, Page, PageRead, page_read, request
from edge.archive.rows import Row, failed
from edge.archive.settings import Settings
from edge.errors import ImageError
from edge.isolated import DiedError, Isolated, IsolatedError, TooLongError
from edge.workers import WorkerError

READ = "edge.archive.reading:answer"

START_LIMIT_S = 300.0
"""For a child to import, and to load and check the networks."""

AGAIN = 2
"""Times that a page is read again whose child died: it may have been the system that wanted its memory."""


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a picture.

    Attributes:
        rows: at least one.
        missing: whether it was not there.
        again: whether it is to be read again with the next run, since something else than the picture was to
            blame.
    """

    rows: tuple[Row, ...]
    missing: bool = False
    again: bool = False


class BatchReader:
    """Reads batches of pictures with one child process.

    Args:
        settings: what they are read with.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._child = Isolated(READ, memory_mb=settings.memory_limit >> 20)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opening = Opening(
            replace(settings, model=None, page_model=None),
            self._file("digits.tflite", settings.model),
            self._file("page.tflite", settings.page_model),
        )
        self._fetcher = ThreadPoolExecutor(1, "digitcam-fetch")

    def do(self, items: Sequence[Pending]) -> list[Read]:
        """What came of each picture; while one is read, the next is fetched.

        Raises:
            WorkerError: the networks cannot be opened here.
            PackageMissingError: a package is missing here that such addresses need.
        """
        listed = [item.listed for item in items]
        return [self._read(one, fetched) for one, fetched in self._fetched(listed)]

    def close(self) -> None:
        """End the child."""
        self._child.close()
        self._fetcher.shutdown(wait=False, cancel_futures=True)
        if self._folder is not None:
            self._folder.cleanup()

    def _file(self, name: str, model: bytes | None) -> Path | None:
        if model is None:
            return None
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="digitcam-")
        path = Path(self._folder.name, name)
        path.write_bytes(model)
        return path

    def _fetched(self, items: Sequence[Listed]) -> Iterator[tuple[Listed, Fetched | ImageError]]:
        limit_s = self._settings.time_limit_s
        folder = self._settings.folder
        coming = self._fetcher.submit(fetch, items[0], folder) if items else None
        for index, listed in enumerate(items):
            assert coming is not None
            got = self._wait(coming, listed, limit_s)
            if index + 1 < len(items):
                coming = self._fetcher.submit(fetch, items[index + 1], folder)
            yield listed, got

    def _wait(self, coming: Future[Fetched], listed: Listed, limit_s: float) -> Fetched | ImageError:
        try:
            return coming.result(timeout=limit_s)
        except ImageError as error:
            return error
        except TooLate:
            self._fetcher.shutdown(wait=False)  # it hangs: nobody knows for how long
            self._fetcher = ThreadPoolExecutor(1, "digitcam-fetch")
            return PlaceError(f"{listed.source} has not come within {limit_s:g} s")

    def _read(self, listed: Listed, fetched: Fetched | ImageError) -> Read:
        if isinstance(fetched, ImageError):
            row = failed(listed.source, 1, str(fetched))
            return Read((row,), isinstance(fetched, MissingError), again=isinstance(fetched, PlaceError))
        rows: list[Row] = []
        page = pages = 1
        again = False
        while page <= pages:
            try:
                read = self._ask(request(Page(fetched.data, listed.source, page, fetched.modified_at)))
                pages = read.pages if page == 1 else pages
                rows += read.rows
                again |= read.again
            except IsolatedError as error:
                rows.append(failed(listed.source, page, str(error), fetched.modified_at))
                # Time and memory are what the machine has, or what the limits leave.
                again |= isinstance(error, DiedError | TooLongError)
            page += 1
        return Read(tuple(rows), again=again)

    def _ask(self, message: bytes) -> PageRead:
        """Have a page read.

        Raises:
            IsolatedError: it cannot be read within the limits.
            WorkerError: the networks cannot be opened here.
        """
        for again in reversed(range(AGAIN + 1)):
            if not self._child.running:
                self._open()
            try:
                return page_read(self._child.call(message, timeout_s=self._settings.time_limit_s))
            except TooLongError:
                raise
            except DiedError:
                if not again:
                    raise
        raise AssertionError

    def _open(self) -> None:
        for again in reversed(range(AGAIN + 1)):
            try:
                self._child.call(request(self._opening), timeout_s=START_LIMIT_S)
            except IsolatedError as error:
                self._child.close()
                if not again or not isinstance(error, DiedError):
                    raise WorkerError(f"the networks cannot be opened by a worker: {error}") from error
            else:
                return
