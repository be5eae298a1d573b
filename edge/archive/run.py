"""Reads an archive: pictures are listed, read by workers, noted in the journal and written as parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from edge.archive.batches import BatchReader, Read
from edge.archive.fetching import Listed, Pending, is_address
from edge.archive.journal import Counts, Done, Journal
from edge.archive.listing import list_pictures
from edge.archive.manifest import NAME as MANIFEST
from edge.archive.manifest import Manifest, check
from edge.archive.parts import encode, held_name, held_parts, need, part_name
from edge.archive.reading import open_reader
from edge.archive.rows import failed
from edge.archive.settings import Settings
from edge.errors import EdgeError, OutputError
from edge.files import write_whole
from edge.types import ModelName
from edge.workers import Answer, Dispatcher, GivenUp, Job, Place, WorkerError, Workers, open_workers

BATCH = 16
"""Pictures in a batch, at most: some seconds of work, which a worker that dies takes with it."""

LISTED_AT_ONCE = 1000
"""Pictures that are listed and noted before results are looked at again."""

PART_ROWS = 50_000
"""Rows of a part, or a few more."""

SHARES = 4
"""Batches for each worker, at least, that the last pictures are parted into."""

WAIT_S = 0.5
"""For results, once all pictures are listed."""

Told = Callable[[Counts, bool], None]
"""Told how far it is, and whether all pictures are listed."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is to be read, and where to.

    Attributes:
        patterns: files, folders, globs and addresses.
        out: folder of the output; its suffix says what its parts are.
        settings: what pictures are read with.
        place: where they are read.
        resume: whether the output may have been begun.
    """

    patterns: tuple[str, ...]
    out: Path
    settings: Settings
    place: Place
    resume: bool = False


def read_archive(archive: Archive, models: tuple[Path | None, Path | None], told: Told) -> Counts:
    """Read an archive, or what is left of it.

    Args:
        archive: what is to be read; its settings have no models yet.
        models: files of the digit network and of the page network; None is the shipped one.
        told: how far it is, now and then.

    Returns:
        How far it is at the end: everything that was found is read.

    Raises:
        ArchiveError: the output cannot be begun or gone on with.
        SourceError: a pattern that nothing matches.
        UsageError: a pattern that names no files.
        ModelError: a model cannot be used.
        WorkerError: there are no workers, or they all die.
        PackageMissingError: an extra is missing.
        OutputError: a file cannot be written.
        KeyboardInterrupt: what was read until then is kept, and in a part.
    """
    need(archive.out.suffix.lower())
    settings, names = with_models(replace(archive.settings, folder=str(Path.cwd())), models)
    pictures = list_pictures(archive.patterns)
    manifest = Manifest.now(settings, names, archive.patterns)
    manifest = check(archive.out, manifest, resume=archive.resume) or manifest
    # Before anything is written: a cluster may not be there.
    with open_workers(Job(partial(BatchReader, settings)), archive.place) as workers:
        if not (archive.out / MANIFEST).exists():
            manifest.write(archive.out)
        with Journal(archive.out) as journal:
            _tidy(archive.out)
            # Before rows are taken back: from here on, the output is not finished.
            manifest.write(archive.out)
            _take_back(journal, archive.out)
            finished = False
            try:
                _work(workers, journal, pictures, manifest, archive.out, told)
                finished = True
            finally:
                workers.close()
                # An interrupt comes anywhere: what the journal says counts, not what is remembered.
                with suppress(EdgeError) if not finished else nullcontext():
                    journal.recount()
                    _flush(journal, manifest, archive.out)
                    _write_held(journal, manifest, archive.out)
                    manifest.of_run(journal.counts, finished=finished).write(archive.out)
            return journal.counts


def with_models(
    settings: Settings, models: tuple[Path | None, Path | None]
) -> tuple[Settings, tuple[ModelName, ModelName]]:
    """The settings with these models, and their names; they are opened to see that they are good.

    Raises:
        ModelError: one of them cannot be used, or the two are no pair.
    """
    _, names = open_reader(settings, *models)
    digits, page = (None if path is None else path.read_bytes() for path in models)
    return replace(settings, model=digits, page_model=page), names


def _work(
    workers: Workers,
    journal: Journal,
    pictures: Iterator[Listed],
    manifest: Manifest,
    folder: Path,
    told: Told,
) -> None:
    """List, read and write until all is done."""
    dispatcher = Dispatcher(workers)
    all_listed = False
    while True:
        while dispatcher.wants_more and (
            batch := journal.pending(_size(journal.counts, workers, all_listed))
        ):
            dispatcher.give(batch)
        if all_listed and not dispatcher.out:
            return
        answers = dispatcher.take(WAIT_S if all_listed else 0)
        if done := [one for answer in answers for one in results(answer)]:
            journal.done(done)
            if journal.counts.kept >= PART_ROWS:
                _flush(journal, manifest, folder)
        if not all_listed:
            chunk = list(islice(pictures, LISTED_AT_ONCE))
            journal.add(chunk)
            all_listed = len(chunk) < LISTED_AT_ONCE
        told(journal.counts, all_listed)


def _size(counts: Counts, workers: Workers, all_listed: bool) -> int:
    """Pictures of the next batch: fewer at the end, so that all workers end together."""
    left = counts.listed - counts.done
    return max(1, min(BATCH, left // (SHARES * max(1, workers.count)))) if all_listed else BATCH


def results(answer: Answer | GivenUp) -> list[Done]:
    """The pictures of an answer, with their rows.

    Raises:
        WorkerError: a worker does not find a file that is there.
    """
    if isinstance(answer, GivenUp):
        source = answer.item.listed.source
        row = failed(source, 1, f"{source} ends each worker that reads it: {answer.why}")
        return [Done(answer.item.id, [row], again=True)]
    found: list[Done] = []
    for item, read in zip(answer.items, answer.results, strict=True):
        assert isinstance(item, Pending) and isinstance(read, Read)
        source = item.listed.source
        if read.missing and not is_address(source) and Path(source).exists():
            raise WorkerError(
                f"a worker does not find {Path(source).absolute()}, which is here: put the archive where all "
                "machines of the cluster find it under the same name, or on an object store"
            )
        found.append(Done(item.id, read.rows, read.again))
    return found


def _flush(journal: Journal, manifest: Manifest, folder: Path) -> None:
    """Write what is in no part yet as one.

    Raises:
        OutputError: it cannot be written.
    """
    counts = journal.counts
    if counts.kept:
        part = part_name(folder, counts.parts)
        write_whole(part, encode(journal.rows(), folder.suffix.lower(), told=manifest.as_text()))
        journal.written(counts.parts)


def _write_held(journal: Journal, manifest: Manifest, folder: Path) -> None:
    """Write the rows that are held back as parts of their own, until the next run.

    Raises:
        OutputError: one cannot be written.
    """
    held = journal.held()
    for number in range(math.ceil(journal.counts.held / PART_ROWS)):
        rows = islice(held, PART_ROWS)
        write_whole(held_name(folder, number), encode(rows, folder.suffix.lower(), told=manifest.as_text()))


def _take_back(journal: Journal, folder: Path) -> None:
    """Have pictures be read again that could not be read for no fault of their own.

    Raises:
        OutputError: a part with their rows cannot be deleted.
    """
    for path in held_parts(folder):
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(f"cannot delete {path}: {error.strerror or error}") from error
    journal.read_again()


def _tidy(folder: Path) -> None:
    """Take away what a run that was killed had not finished writing."""
    for path in folder.glob(".part-*"):
        path.unlink(missing_ok=True)
