"""The file that outlasts the process: opening, transactions, damage, and the outbox in it."""

import contextlib
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from edge.errors import OutputError, UsageError
from edge.store import NewMessage, Store, tables
from edge.store.database import Database
from edge.store.outbox import Outbox
from edge.store.recovery import torn_files

ROWS = 3000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "history.db"


@pytest.fixture
def store(path):
    with contextlib.closing(Store(path)) as store:
        yield store


def message(text, destination="mqtt", **more):
    return NewMessage(destination, "digitcam/here/event", text.encode(), **more)


def bodies(outbox, destination="mqtt", **more):
    return [one.body.decode() for one in outbox.pending(destination, **more)]


def fill(path, rows=ROWS):
    """A file with many messages, whole and closed."""
    with contextlib.closing(Store(path)) as store:
        store.outbox.add([message(f"{number:05d} {'x' * 60}") for number in range(rows)])


def all_bodies(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [
            row[0].decode()[:5] for row in connection.execute("SELECT body FROM messages ORDER BY number")
        ]


def test_messages_come_out_in_the_order_in_which_they_were_put_in(store):
    store.outbox.add([message("first"), message("second")])
    store.outbox.add([message("third")])

    pending = store.outbox.pending("mqtt")

    assert [one.body for one in pending] == [b"first", b"second", b"third"]
    assert [one.number for one in pending] == sorted({one.number for one in pending})
    assert len({one.id for one in pending}) == 3
    assert pending[0].topic == "digitcam/here/event"
    assert pending[0].made_at.tzinfo is not None


def test_each_destination_has_its_own_messages(store):
    store.outbox.add([message("to the broker", retain=True), message("to the hook", "webhook")])

    (to_broker,) = store.outbox.pending("mqtt")
    (to_hook,) = store.outbox.pending("webhook")

    assert (to_broker.body, to_broker.retain) == (b"to the broker", True)
    assert (to_hook.body, to_hook.retain) == (b"to the hook", False)
    assert store.outbox.waiting("mqtt") == 1
    assert store.outbox.waiting("phone") == 0


def test_pending_goes_on_after_a_number(store):
    store.outbox.add([message(str(number)) for number in range(5)])
    first = store.outbox.pending("mqtt", limit=2)

    assert bodies(store.outbox, after=first[-1].number, limit=2) == ["2", "3"]


def test_what_is_acknowledged_is_gone_and_what_is_not_stays_after_a_restart(path):
    with contextlib.closing(Store(path)) as store:
        store.outbox.add([message(str(number)) for number in range(4)])
        pending = store.outbox.pending("mqtt")
        store.outbox.acknowledge([pending[0].number, pending[2].number])

    with contextlib.closing(Store(path)) as store:
        again = store.outbox.pending("mqtt")

    assert [one.body for one in again] == [b"1", b"3"]
    assert [one.id for one in again] == [pending[1].id, pending[3].id]


def test_a_number_is_never_given_twice(store):
    store.outbox.add([message("first")])
    (first,) = store.outbox.pending("mqtt")
    store.outbox.acknowledge([first.number])
    store.outbox.add([message("second")])

    assert store.outbox.pending("mqtt")[0].number > first.number


def test_the_oldest_messages_are_dropped_and_counted_when_too_many_wait(path):
    with contextlib.closing(Database(path)) as database:
        notices = []
        outbox = Outbox(database, most=3, on_notice=notices.append)
        outbox.add([message("other", "webhook")])
        assert notices == []
        outbox.add([message(str(number)) for number in range(5)])
        outbox.add([message("5")])

        assert bodies(outbox) == ["3", "4", "5"]
        assert bodies(outbox, "webhook") == ["other"]
        assert outbox.dropped("mqtt") == 3
        assert outbox.dropped("webhook") == 0
        (notice,) = notices
        assert notice.startswith("3 messages wait for mqtt, which is the most: from now on the oldest are")
    with contextlib.closing(Database(path)) as database:
        assert Outbox(database).dropped("mqtt") == 3


def test_whoever_waits_is_woken_by_what_is_added(store):
    store.open()
    store.outbox.wait(0)  # what was there before this thread asked
    assert not store.outbox.wait(0.01)
    adding = threading.Thread(target=store.outbox.add, args=([message("new")],))
    adding.start()
    assert store.outbox.wait(60)
    adding.join()
    assert not store.outbox.wait(0.01)


def test_what_is_added_between_looking_and_waiting_is_not_missed(store):
    store.outbox.wait(0)
    assert bodies(store.outbox) == []
    store.outbox.add([message("in between")])

    assert store.outbox.wait(60)


def test_each_waiting_thread_is_woken(store):
    woken = []

    def wait():
        store.outbox.wait(0)
        ready.release()
        woken.append(store.outbox.wait(60))

    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    store.outbox.add([message("for all")])
    for thread in threads:
        thread.join()

    assert woken == [True] * 3


def test_nothing_waits_before_the_file_is_made(store):
    assert store.outbox.pending("mqtt") == []
    assert store.outbox.waiting("mqtt") == store.outbox.dropped("mqtt") == 0


def test_many_threads_may_add_at_the_same_time(store):
    def add(name):
        for number in range(20):
            store.outbox.add([message(f"{name} {number}")])

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = bodies(store.outbox, limit=1000)
    for name in "abcd":
        assert [body for body in found if body[0] == name] == [f"{name} {number}" for number in range(20)]


def test_what_fails_in_a_transaction_leaves_nothing(path):
    with contextlib.closing(Database(path)) as database:
        outbox = Outbox(database)
        with pytest.raises(RuntimeError), database.write() as connection:
            outbox.insert(connection, [message("half")])
            raise RuntimeError
        assert outbox.pending("mqtt") == []
        outbox.add([message("whole")])
        assert bodies(outbox) == ["whole"]


def test_every_commit_waits_for_the_disk(path):
    with contextlib.closing(Database(path)) as database, database.write() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_two_processes_do_not_write_to_one_file(store):
    store.open()
    program = (
        "import sys; from pathlib import Path; from edge.store import Store; Store(Path(sys.argv[1])).open()"
    )

    other = subprocess.run([sys.executable, "-c", program, store.path], capture_output=True, text=True)

    assert other.returncode == 1
    assert "UsageError: another digitcam writes to the history" in other.stderr


@pytest.mark.parametrize("content", [b"name,value\nwater,12\n", b"\xff\xd8\xff\xe0 a photo" * 100])
def test_a_file_that_is_no_history_is_refused_and_left_as_it_is(path, content):
    path.parent.mkdir()
    path.write_bytes(content)

    with (
        contextlib.closing(Store(path)) as store,
        pytest.raises(UsageError, match="is not a history of digitcam"),
    ):
        store.open()

    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path):
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()

    with (
        contextlib.closing(Store(path)) as store,
        pytest.raises(UsageError, match="is not a history of digitcam"),
    ):
        store.open()

    assert path.read_bytes() == before


def test_a_file_of_a_later_version_is_refused(path):
    fill(path, 3)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")

    with contextlib.closing(Store(path)) as store, pytest.raises(UsageError, match="tables of version 999"):
        store.open()


LATER = (*tables.MIGRATIONS, ("ALTER TABLE messages ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",))


@pytest.fixture
def later(monkeypatch):
    """A later version, with one more column."""
    monkeypatch.setattr(tables, "MIGRATIONS", LATER)
    for module in ("tables", "database", "recovery"):
        monkeypatch.setattr(f"edge.store.{module}.VERSION", len(LATER))


def columns(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {name for _, name, *_ in connection.execute("PRAGMA table_info(messages)")}


def test_an_older_file_is_brought_up_to_date_and_keeps_what_it_holds(path, request):
    fill(path, 3)
    request.getfixturevalue("later")
    with pytest.raises(UsageError, match="is brought up to date when"):
        Store(path).outbox.pending("mqtt")
    with contextlib.closing(Store(path)) as store:
        store.outbox.add([message("new")])
        assert len(store.outbox.pending("mqtt")) == 4
    assert "note" in columns(path)


def test_a_damaged_older_file_is_read_as_what_it_was(path, request):
    fill(path)
    damage_first_page(path)
    request.getfixturevalue("later")
    with contextlib.closing(Store(path)) as store:
        store.open()
    assert len(all_bodies(path)) == ROWS
    assert "note" in columns(path)


def test_a_folder_is_refused(tmp_path):
    with contextlib.closing(Store(tmp_path)) as store, pytest.raises(UsageError, match="expected a file"):
        store.open()


def test_a_full_disk_is_told_and_works_again_when_there_is_room(path):
    with contextlib.closing(Database(path)) as database:
        outbox = Outbox(database)
        outbox.add([message("kept")])
        with database.write() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutputError, match="the disk is full"):
            outbox.add([message("x" * 100_000)])
        assert bodies(outbox) == ["kept"]
        connection.execute("PRAGMA max_page_count = 1000000")
        outbox.add([message("kept, too")])
        assert bodies(outbox) == ["kept", "kept, too"]


def test_a_file_that_is_deleted_meanwhile_is_made_again(store):
    store.outbox.add([message("before")])
    for each in store.path.parent.iterdir():
        each.unlink()

    store.outbox.add([message("after")])

    assert bodies(store.outbox) == ["after"]


def damage_middle(path):
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(random.Random(1).randbytes(8192))


def damage_first_page(path):
    with path.open("r+b") as file:
        file.write(bytes(4096))


def damage_header_only(path):
    with path.open("r+b") as file:
        file.write(b"\xff" * 512)


def damage_header_by_chance(path):
    with path.open("r+b") as file:
        file.write(random.Random(3).randbytes(700))


def cut_off(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)


@pytest.mark.parametrize(
    ("damage", "least"),
    [
        (damage_middle, 0.9),
        (damage_first_page, 1),
        (damage_header_only, 1),
        (damage_header_by_chance, 1),
        (cut_off, 0.4),
    ],
)
def test_of_a_damaged_file_the_good_part_is_kept_and_the_rest_set_aside(path, damage, least):
    fill(path)
    before = all_bodies(path)
    damage(path)
    damaged = path.read_bytes()
    told = []

    with contextlib.closing(Store(path, on_notice=told.append)) as store:
        store.outbox.add([message("after it")])
        last = store.outbox.pending("mqtt", after=ROWS + 10_000)

    kept = all_bodies(path)
    assert kept[-1] == "after"
    assert set(kept[:-1]) <= set(before)
    assert len(kept) - 1 >= least * ROWS
    assert [one.body for one in last] == [b"after it"]  # no number that a lost message may have had
    (torn,) = torn_files(path)
    assert torn.read_bytes() == damaged
    (line,) = told
    assert str(torn) in line
    assert f"{len(kept) - 1:,} messages" in line


def test_damage_met_while_it_runs_is_mended(path):
    fill(path)
    with contextlib.closing(Store(path)) as store:
        store.open()
        damage_middle(path)
        with pytest.raises(OutputError, match="damaged"):
            for _ in range(100):
                store.outbox.acknowledge([one.number for one in store.outbox.pending("mqtt")])
        store.outbox.add([message("after it")])
        assert "after it" in bodies(store.outbox, limit=2 * ROWS)
    assert len(torn_files(path)) == 1


def test_a_log_that_was_cut_off_loses_only_its_last_transactions(path):
    program = (
        "import os, sys; from pathlib import Path; from edge.store import NewMessage, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(50): store.outbox.add([NewMessage('mqtt', '', b'%05d' % number)])\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)
    log = path.with_name(f"{path.name}-wal")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 5000)

    with contextlib.closing(Store(path)) as store:
        found = bodies(store.outbox)

    assert found == [f"{number:05d}" for number in range(len(found))]
    assert 40 < len(found) < 50
    assert torn_files(path) == []


def test_a_file_that_a_power_cut_has_left_half_made_is_put_in_order(path, tmp_path):
    """Before it was in WAL mode: with a journal to be rolled back, for which it must be written to."""
    program = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('CREATE TABLE t (x)')\n"
        "connection.execute('PRAGMA cache_size = 5')\n"
        "connection.execute('BEGIN')\n"
        "connection.execute('DROP TABLE t')\n"
        "connection.execute('CREATE TABLE u (x)')\n"
        "connection.execute('INSERT INTO u SELECT zeroblob(100000)')\n"
        "os._exit(0)"
    )
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", program, path], check=True)
    assert path.with_name("history.db-journal").stat().st_size > 0
    with contextlib.closing(Store(path)) as store, pytest.raises(UsageError, match="is not a history"):
        store.open()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]


def test_a_copy_of_a_running_history_can_be_read(path, tmp_path):
    with contextlib.closing(Store(path)) as store:
        store.outbox.add([message("in the log")])
        for name in ("history.db", "history.db-wal"):
            shutil.copy(path.with_name(name), tmp_path)
    assert bodies(Store(tmp_path / "history.db").outbox) == ["in the log"]


def test_every_added_message_is_there_after_kills(path):
    """A slice of benchmarks/nothing_lost.py."""
    program = (
        "import sys; from pathlib import Path; from edge.store import NewMessage, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(10**6):\n"
        "    store.outbox.add([NewMessage('mqtt', '', f'{sys.argv[2]} {number}'.encode())])\n"
        "    print(f'{sys.argv[2]} {number}', flush=True)\n"
    )
    random_times = random.Random(7)
    acknowledged = []
    for life in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", program, path, str(life)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged.append(process.stdout.readline().strip())
        time.sleep(random_times.uniform(0, 0.1))
        process.kill()
        acknowledged += process.stdout.read().splitlines()
        process.stdout.close()
        process.wait()

    with contextlib.closing(Store(path)) as store:
        found = bodies(store.outbox, limit=10**6)

    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found)) <= len(acknowledged) + 5
    assert torn_files(path) == []
