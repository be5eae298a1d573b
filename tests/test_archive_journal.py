"""What is done, and what is not, whenever the process is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from archives import environment

from edge.archive.errors import ArchiveError
from edge.archive.fetching import Listed
from edge.archive.journal import Done, Journal
from edge.archive.rows import Row, failed


def row(source, number=1):
    return Row(source=source, kind="number", number=number, text="407", complete=True, confidence=0.5)


def test_each_picture_is_given_out_once_and_again_after_a_restart_until_it_is_done(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add([Listed("a"), Listed("b", 5, 1.5), Listed("a")])
        first, second = journal.pending(5)
        assert (first.listed, second.listed) == (Listed("a"), Listed("b", 5, 1.5))
        assert journal.pending(5) == []
        journal.done([Done(first.id, [row("a"), row("a", 2)])])
    with Journal(tmp_path) as journal:
        journal.add([Listed("a"), Listed("b"), Listed("c")])
        assert [one.listed.source for one in journal.pending(5)] == ["b", "c"]
        assert list(journal.rows()) == [row("a"), row("a", 2)]
        assert (journal.counts.listed, journal.counts.done, journal.counts.kept) == (3, 1, 2)


def test_rows_leave_the_journal_with_their_part(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add([Listed("a"), Listed("b")])
        for one in journal.pending(2):
            journal.done([Done(one.id, [failed(one.listed.source, 1, "no picture")])])
        journal.written(0)
        assert list(journal.rows()) == []
        counts = journal.counts
    assert (counts.done, counts.failed, counts.rows, counts.parts, counts.kept) == (2, 2, 2, 1, 0)
    with Journal(tmp_path) as journal:
        assert journal.counts == counts


def test_counting_anew_gives_what_was_counted(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add(Listed(str(k)) for k in range(9))
        journal.done([Done(one.id, [row(one.listed.source)]) for one in journal.pending(4)])
        journal.done([Done(one.id, [failed(one.listed.source, 1, "?")]) for one in journal.pending(1)])
        late = failed("late", 1, "it took more than 60 s")
        journal.done([Done(one.id, [late], again=True) for one in journal.pending(2)])
        counts = journal.counts
        assert (counts.done, counts.failed, counts.again, counts.rows) == (7, 3, 2, 7)
        assert (counts.kept, counts.held) == (5, 2)
        assert journal.recount() == counts


def test_what_was_not_to_blame_is_given_out_again_with_the_next_run_and_its_rows_are_taken_back(tmp_path):
    late = failed("late", 1, "it took more than 60 s")
    with Journal(tmp_path) as journal:
        journal.add([Listed("good"), Listed("late"), Listed("bad")])
        good, second, bad = journal.pending(3)
        journal.done([Done(good.id, [row("good")]), Done(second.id, [row("late"), late], again=True)])
        journal.done([Done(bad.id, [failed("bad", 1, "no picture")])])
        assert list(journal.held()) == [row("late"), late]
        journal.written(0)
        assert list(journal.held()) == [row("late"), late]
    with Journal(tmp_path) as journal:
        assert journal.pending(3) == []
        journal.read_again()
        assert [one.listed.source for one in journal.pending(3)] == ["late"]
        assert (list(journal.held()), list(journal.rows())) == ([], [])
        counts = journal.counts
        assert (counts.done, counts.failed, counts.again, counts.rows) == (2, 1, 0, 2)


def test_one_process_at_a_time_has_it(tmp_path):
    code = "import sys, pathlib; from edge.archive.journal import *; Journal(pathlib.Path(sys.argv[1]))"
    with Journal(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path], env=environment(), capture_output=True, text=True
        )
    assert "is being written by another digitcam" in done.stderr
    with Journal(tmp_path):
        pass


def test_a_file_that_is_no_journal_is_told(tmp_path):
    (tmp_path / "_journal.sqlite").write_bytes(b"x" * 4096)
    with pytest.raises(ArchiveError, match="cannot write .*_journal.sqlite: file is not a database"):
        Journal(tmp_path)


def test_a_journal_that_cannot_be_opened_is_closed(tmp_path):
    (tmp_path / "_journal.sqlite").write_bytes(b"x" * 4096)
    with pytest.raises(ArchiveError) as told:
        Journal(tmp_path)
    assert told.tb is not None  # holds the journal that was begun, as whoever tells the error does
    opened = [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]
    assert not [path for path in opened if path.startswith(str(tmp_path))]
