"""What was read, kept: rows, selections, retention, clocks, and the sink that writes them."""

import contextlib
import random
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import cv2
import numpy as np
import pytest
from samples import prediction, result_of

from edge import clock
from edge.errors import OutputError, UsageError
from edge.events import Event, FieldEvent
from edge.sinks.history import History
from edge.store import Limits, NewEntry, NewMessage, Selection, Store, tables
from edge.store.recovery import torn_files
from edge.types import Box, Digit, FieldReading, Reading

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PLENTY = Limits(10**9)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


@pytest.fixture
def store(path):
    with contextlib.closing(Store(path)) as store:
        yield store


def entry(text="00123.4", at=NOON, **more):
    facts = {
        "kind": "field",
        "field": "water",
        "text": text,
        "value": 123.4,
        "raw": text,
        "confidence": 0.97,
        "unit": "m³",
        "captured_at": at,
        "synchronised": True,
        "boot": "this boot",
        "timestamp": 12.3,
        "source": "picamera",
        "digits_model": "d" * 64,
        "page_model": "p" * 64,
    }
    return NewEntry(**{**facts, **more})


def texts(store, *args, **selection):
    return [one.text for one in store.history.page(Selection(**selection), *args).entries]


def tidy(store, limits, *, now=NOON, synchronised=True, boot="this boot", timestamp=1e9):
    return store.history.tidy(limits, now=now, synchronised=synchronised, boot=boot, timestamp=timestamp)


def test_what_is_kept_comes_back_as_it_was(store):
    new = entry(crop=b"a picture")
    store.record([new])

    (kept,) = store.history.page().entries

    facts = {name: getattr(new, name) for name in new.__dataclass_fields__ if name != "crop"}
    assert {name: getattr(kept, name) for name in facts} == facts
    assert kept.has_crop
    assert store.history.crop(kept.number) == b"a picture"


def test_what_was_refused_has_no_text_and_no_value(store):
    store.record([entry(None, value=None, raw="00999.9", problem="change", why="too fast")])

    (kept,) = store.history.page().entries

    assert (kept.text, kept.value, kept.raw, kept.problem, kept.why) == (
        None,
        None,
        "00999.9",
        "change",
        "too fast",
    )
    assert kept.as_dict()["crop"] is None


def test_whether_the_clock_was_right_may_be_unknown(store):
    store.record([entry(str(number), synchronised=one) for number, one in enumerate([None, False, True])])

    assert [one.synchronised for one in store.history.page().entries] == [True, False, None]


def test_entries_and_their_messages_are_kept_together_or_not_at_all(store):
    store.record([entry()], [NewMessage("mqtt", "t", b"1")])
    with pytest.raises(OutputError):
        store.record([entry("2")], [NewMessage("mqtt", "t", "no bytes")])

    assert texts(store) == ["00123.4"]
    assert [one.body for one in store.outbox.pending("mqtt")] == [b"1"]


def test_the_newest_entries_come_first_and_pages_follow_each_other(store):
    store.record([entry(str(number)) for number in range(7)])

    first = store.history.page(limit=3)
    second = store.history.page(Selection(before=first.next), 3)
    third = store.history.page(Selection(before=second.next), 3)

    assert [[one.text for one in page.entries] for page in (first, second, third)] == [
        ["6", "5", "4"],
        ["3", "2", "1"],
        ["0"],
    ]
    assert third.next is None


def test_a_page_that_is_just_full_is_the_last(store):
    store.record([entry(str(number)) for number in range(3)])
    assert store.history.page(limit=3).next is None


def test_what_is_added_between_two_pages_moves_nothing(store):
    store.record([entry(str(number)) for number in range(4)])
    first = store.history.page(limit=2)
    store.record([entry("new")])

    assert texts(store, 2, before=first.next) == ["1", "0"]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, ["7", "gas", "second", "first"]),
        ({"field": "water"}, ["second", "first"]),
        ({"field": ""}, ["7"]),
        ({"field": "wine"}, []),
        ({"since": NOON + DAY}, ["7", "gas", "second"]),
        ({"until": NOON + DAY}, ["first"]),
        ({"since": NOON + DAY, "until": NOON + 2 * DAY}, ["second"]),
        ({"since": NOON, "field": "gas"}, ["gas"]),
        ({"since": NOON + 9 * DAY}, []),
    ],
)
def test_entries_are_selected_by_field_and_time(store, selection, expected):
    store.record(
        [
            entry("first"),
            entry("second", NOON + DAY),
            entry("gas", NOON + 2 * DAY, field="gas"),
            entry("7", NOON + 3 * DAY, kind="number", field=""),
        ]
    )
    assert texts(store, **selection) == expected
    assert [one.text for one in store.history.each(Selection(**selection))] == expected[::-1]


def test_pages_of_a_time_are_whole_wherever_they_are_cut(store):
    """Against a selection made by hand, of times in any order."""
    draw = random.Random(5)
    times = [NOON + timedelta(seconds=draw.randrange(1000)) for _ in range(200)]
    store.record([entry(str(k), at, field=draw.choice("ab")) for k, at in enumerate(times)])
    everything = store.history.page(limit=1000).entries
    for _ in range(20):
        since, until = sorted(NOON + timedelta(seconds=draw.randrange(1000)) for _ in range(2))
        field = draw.choice(["a", "b", None])
        expected = [
            one.text for one in everything if since <= one.captured_at < until and field in (None, one.field)
        ]
        found, selection = [], Selection(field, since, until)
        while selection is not None:
            page = store.history.page(selection, draw.randrange(1, 40))
            found += [one.text for one in page.entries]
            selection = replace(selection, before=page.next) if page.next else None
        assert found == expected


def test_many_entries_come_in_their_order(store):
    store.record([entry(str(number)) for number in range(2500)])
    assert [one.text for one in store.history.each()] == [str(number) for number in range(2500)]


def test_fields_are_summed_up(store):
    store.record(
        [
            entry(unit="l"),
            entry(None, NOON + DAY, problem="limit"),
            entry("2", NOON + 2 * DAY, unit="m³"),
            entry("42", kind="number", field="", unit=""),
        ]
    )

    numbers, water = store.history.fields()

    assert (numbers.name, numbers.entries, numbers.refused) == ("", 1, 0)
    assert (water.name, water.unit, water.entries, water.refused) == ("water", "m³", 3, 1)
    assert (water.first, water.last) == (NOON, NOON + 2 * DAY)


def counted_by_sqlite(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT field, count(*), count(problem) FROM entries GROUP BY field ORDER BY field"
        ).fetchall()


def summed_up(store):
    return [(one.name, one.entries, one.refused) for one in store.history.fields()]


def test_what_is_summed_up_stays_right_when_entries_are_deleted_and_after_damage(path):
    rng = random.Random(5)
    with contextlib.closing(Store(path)) as store:
        for day in range(40):
            names = [rng.choice(["", "water", "gas", f"only on day {day}"]) for _ in range(100)]
            at = NOON - (40 - day) * DAY
            store.record(
                [entry(at=at, field=name, boot="b", problem=rng.choice([None, "limit"])) for name in names]
            )
        assert summed_up(store) == counted_by_sqlite(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(bytes(9000))
    with contextlib.closing(Store(path)) as store:
        store.record([entry(field="after")])
        assert torn_files(path)
        assert summed_up(store) == counted_by_sqlite(path)
        assert "too old" in tidy(store, Limits(10**9, most_age_s=20 * 86400))
        assert summed_up(store) == counted_by_sqlite(path)
        assert not [one for one in store.history.fields() if one.name == "only on day 3"]
        assert store.history.state().entries == sum(count for _, count, _ in counted_by_sqlite(path))


def test_what_an_older_digitcam_has_kept_is_summed_up_when_the_file_is_brought_up_to_date(path):
    with contextlib.closing(tables.open_tables(path, 1)) as connection:
        connection.execute("INSERT INTO contexts VALUES (1, 'picamera', '', '', '')")
        connection.executemany(
            "INSERT INTO entries (kind, field, text, problem, why, confidence, unit, captured_at, timestamp,"
            " context) VALUES ('field', ?, '1', ?, '', 1, 'l', ?, 0, 1)",
            [(["gas", "water"][k % 2], [None, "limit"][k % 3 == 0], 1000 * k) for k in range(50)],
        )
    with contextlib.closing(Store(path)) as store:
        store.record([entry()])
        assert summed_up(store) == counted_by_sqlite(path) == [("gas", 25, 9), ("water", 26, 8)]


def test_its_version_changes_with_whatever_may_be_asked(store):
    store.open()
    versions = [store.history.version()]

    def change(*, limits=None, **entries):
        if limits:
            assert tidy(store, limits)
        else:
            store.record([entry(**entries)])
        versions.append(store.history.version())

    change(at=NOON - 9 * DAY, boot="", crop=b"x" * 10)
    change(crop=b"y" * 10)
    change(limits=Limits(10**9, crop_bytes=15))
    change(limits=Limits(10**9, most_age_s=86400.0))
    assert len(set(versions)) == len(versions)
    assert store.history.version() == versions[-1]


# Retention.


def test_entries_that_are_too_old_are_deleted_told_and_counted(path):
    with contextlib.closing(Store(path)) as store:
        store.record([entry(str(k), NOON - (9 - k) * DAY, boot="before", crop=b"x") for k in range(10)])
        told = tidy(store, Limits(10**9, most_age_s=3.5 * 86400))
        assert texts(store) == ["9", "8", "7", "6"]
        assert told == "deleted from the history: 6 entries (too old)"
        assert tidy(store, Limits(10**9, most_age_s=3.5 * 86400)) == ""
    with contextlib.closing(Store(path)) as store:
        state = store.history.state()
    assert (state.entries, state.deleted, state.crops, state.crops_deleted) == (4, 6, 4, 6)


def test_nothing_is_deleted_for_its_age_while_the_clock_is_not_right(store):
    store.record([entry(at=NOON - 9 * DAY, boot="before")])

    assert tidy(store, Limits(10**9, most_age_s=86400), synchronised=False) == ""
    assert tidy(store, Limits(10**9, most_age_s=86400), synchronised=None)


def test_what_this_boot_has_just_read_is_not_old_whatever_its_time_says(store):
    """A board without a clock begins in 1970, and is put right later."""
    store.record([entry("1970", datetime(1970, 1, 1, tzinfo=UTC), synchronised=True, timestamp=50)])

    assert tidy(store, Limits(10**9, most_age_s=86400), timestamp=100) == ""
    assert texts(store) == ["1970"]
    assert tidy(store, Limits(10**9, most_age_s=86400), timestamp=50 + 86401)


def test_entries_of_a_wrong_clock_go_with_the_right_ones_around_them(store):
    store.record(
        [
            entry("old", NOON - 9 * DAY, boot="a"),
            entry("unset", datetime(1970, 1, 1, tzinfo=UTC), synchronised=False, boot="b"),
            entry("young", NOON - timedelta(hours=1), boot="b"),
            entry("set back", NOON - 3000 * DAY, boot="b"),
        ]
    )
    tidy(store, Limits(10**9, most_age_s=86400))
    assert texts(store) == ["set back", "young", "unset"]

    tidy(store, Limits(10**9, most_age_s=86400), now=NOON + 2 * DAY)
    assert texts(store) == []


def test_a_clock_that_was_never_right_deletes_nothing(store):
    store.record([entry("unset", datetime(1970, 1, 1, tzinfo=UTC), synchronised=False, boot="b")])
    assert tidy(store, Limits(10**9, most_age_s=86400)) == ""


def test_the_oldest_entries_are_deleted_when_there_are_too_many(store):
    for _ in range(4):
        store.record([entry(str(number)) for number in range(2000)])
    before = store.history.state()
    half = before.bytes // 2

    told = tidy(store, Limits(half))

    after = store.history.state()
    assert "entries (more than" in told
    assert after.bytes <= half
    assert 0.35 * before.entries < after.entries < 0.55 * before.entries
    assert after.deleted == before.entries - after.entries
    assert texts(store, 1) == ["1999"]
    assert store.path.stat().st_size < 0.8 * before.bytes  # given back to the disk


def test_messages_that_wait_push_no_entry_out(store):
    store.record([entry(str(number)) for number in range(500)])
    used = store.history.state().bytes
    store.outbox.add([NewMessage("mqtt", "t", b"x" * 1000) for _ in range(2000)])

    assert tidy(store, Limits(2 * used)) == ""


def test_crops_have_a_limit_of_their_own_and_their_entries_stay(store):
    store.record([entry(str(number), crop=b"x" * 1000) for number in range(100)])

    told = tidy(store, Limits(10**9, crop_bytes=50_000))

    state = store.history.state()
    assert told.startswith("deleted from the history: 51 crops")
    assert (state.entries, state.crops, state.crop_bytes, state.crops_deleted) == (100, 49, 49_000, 51)
    assert [one.has_crop for one in store.history.each()] == [False] * 51 + [True] * 49


def test_crops_stay_when_no_more_are_asked_for(store):
    store.record([entry(crop=b"x")])
    assert tidy(store, PLENTY) == ""
    assert store.history.state().crops == 1


# The clock.


def test_a_clock_that_was_set_back_is_told_and_the_order_stays(store):
    store.record([entry("before"), entry("after", NOON - 1000 * DAY)])

    assert texts(store) == ["after", "before"]
    assert "was set back" in store.history.state().clock
    assert "2026-06-01T12:00:00.000Z" in store.history.state().clock
    store.record([entry("put right", NOON + DAY)])
    assert store.history.state().clock == ""


def test_a_clock_that_is_corrected_by_a_little_is_not_worth_a_word(store):
    store.record([entry("before"), entry("after", NOON - timedelta(seconds=5))])
    assert store.history.state().clock == ""


def test_a_clock_that_is_not_synchronised_is_told(store):
    store.record([entry(synchronised=False)])
    assert "not synchronised" in store.history.state().clock


def test_the_clock_s_state_is_what_the_kernel_says(monkeypatch):
    monkeypatch.setattr(clock, "_error_us", lambda: 5000)
    assert clock.synchronised() is True
    monkeypatch.setattr(clock, "_error_us", lambda: 16_000_000)
    assert clock.synchronised() is False


def test_where_the_kernel_may_not_be_asked_systemd_s_file_tells(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "_error_us", lambda: None)
    monkeypatch.setattr(clock, "TIMESYNC", tmp_path / "timesync")
    assert clock.synchronised() is None
    clock.TIMESYNC.mkdir()
    assert clock.synchronised() is False
    (clock.TIMESYNC / "synchronized").touch()
    assert clock.synchronised() is True


def test_the_boot_is_the_kernel_s():
    assert clock.boot_id() == clock.BOOT.read_text().strip()


# Damage and disks.


def test_of_a_damaged_history_the_good_entries_are_kept(path):
    with contextlib.closing(Store(path)) as store:
        store.record([entry(f"{number:05d}", crop=b"x" * 300) for number in range(2000)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in (0.3, 0.7):
            file.seek(int(size * place))
            file.write(bytes(6000))
    told = []

    with contextlib.closing(Store(path, on_notice=told.append)) as store:
        store.record([entry("after")])
        kept = list(store.history.each())

    good = [one for one in kept if one.source == "picamera"]
    assert len(kept) > 1900
    assert len(good) == len(kept)
    assert {one.text for one in kept} <= {f"{number:05d}" for number in range(2000)} | {"after"}
    assert kept[-1].text == "after"
    assert "was damaged" in told[0]
    assert len(torn_files(path)) == 1


def test_a_history_on_a_read_only_disk_can_be_read(path, tmp_path):
    with contextlib.closing(Store(path)) as store:
        store.record([entry("kept")])
    mount = tmp_path / "mount"
    mount.mkdir()
    copied = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], capture_output=True, check=False
    )
    if copied.returncode:
        pytest.skip("mounting needs root")
    try:
        (mount / "history.db").write_bytes(path.read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        with contextlib.closing(Store(mount / "history.db")) as store:
            assert texts(store) == ["kept"]
            with pytest.raises(OutputError, match="Read-only file system"):
                store.record([entry("new")])
            subprocess.run(["mount", "-o", "remount,rw", mount], check=True)
            store.record([entry("new")])
            assert texts(store) == ["new", "kept"]
            subprocess.run(["mount", "-o", "remount,ro", mount], check=False)
            assert texts(store) == ["new", "kept"]
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_log_on_a_read_only_disk_is_read_too(tmp_path):
    mount = tmp_path / "mount"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", mount], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    program = (
        "import os, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from edge.store import NewEntry, Store\n"
        "facts = {'kind': 'number', 'captured_at': datetime.now(UTC)}\n"
        "Store(Path(sys.argv[1])).record([NewEntry(text='in the log', **facts)])\n"
        "os._exit(0)"
    )
    path = mount / "history.db"
    try:
        subprocess.run([sys.executable, "-c", program, path], check=True)
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        assert texts(Store(path)) == ["in the log"]
        # Without the log's index there is no way to read it here, and what is in the file alone is not all.
        subprocess.run(["mount", "-o", "remount,rw", mount], check=True)
        path.with_name("history.db-shm").unlink()
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        with pytest.raises(OutputError, match="copy it, with its -wal file"):
            texts(Store(path))
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_disk_that_is_really_full_takes_nothing_and_loses_nothing(tmp_path):
    mount = tmp_path / "mount"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    try:
        kept = 0
        with contextlib.closing(Store(mount / "history.db")) as store:
            with pytest.raises(OutputError, match="disk is full|disk I/O error"):
                for kept in range(10**6):
                    store.record([entry(f"{kept}", crop=b"x" * 5000)])
            assert kept > 10
            assert texts(store, 1000) == [str(number) for number in reversed(range(kept))]
            subprocess.run(["mount", "-o", "remount,size=4m", mount], check=True)
            store.record([entry("room again")])
            assert texts(store, 1) == ["room again"]
            assert len(texts(store, 1000)) == kept + 1
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_history_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="there is no history"):
        Store(tmp_path / "none.db").history.page()


# The sink.


def reading(text="407", status="accepted", track=1):
    return Reading(
        text, status, 0.95, Box(10, 10, 40, 30), (Digit(Box(10, 10, 40, 30), prediction(4)),), track
    )


def frame_of(frame_id=0):
    result = result_of(frame_id=frame_id)
    image = np.full((60, 80, 3), 255, np.uint8)
    return replace(result, frame=replace(result.frame, image=image))


def written(path, calls, **options):
    """Let a sink take results with events, and give what is kept."""
    limits = options.pop("limits", PLENTY)
    with contextlib.closing(Store(path)) as store:
        with History(store, limits, live=options.pop("live", True), **options) as sink:
            for result, events in calls:
                sink.write(result, events)
        return list(store.history.each()), sink.summary()


def test_accepted_numbers_are_kept_and_others_are_not(path):
    result = frame_of()
    events = [
        Event(kind, reading(text), result.frame.moment)
        for kind, text in [("appeared", "1?"), ("accepted", "407"), ("uncertain", "9?"), ("gone", "407")]
    ]

    (kept,), summary = written(path, [(result, events)])

    assert (kept.kind, kept.text, kept.raw, kept.field, kept.confidence) == ("number", "407", "407", "", 0.95)
    assert kept.captured_at == result.frame.captured_at.replace(
        microsecond=result.frame.captured_at.microsecond // 1000 * 1000
    )
    assert (kept.timestamp, kept.source) == (result.frame.timestamp, result.frame.source)
    assert (kept.digits_model, kept.page_model) == (result.model.sha256, result.page.sha256)
    assert kept.boot == clock.boot_id()
    assert kept.synchronised == clock.synchronised()
    assert summary == f"kept 1 reading in {path}"


def test_values_and_refusals_of_fields_are_kept(path):
    result = frame_of()
    known = FieldReading(
        "water", "00123.4", "00123.4", Decimal("123.4"), "m³", "accepted", None, "", 0.9, Box(1, 1, 9, 5)
    )
    refused = replace(
        known, raw="00999.9", status="rejected", problem="change", why="up by 876.5 in 1 s", confidence=0.8
    )
    moment = result.frame.moment

    (value, refusal), _ = written(
        path, [(result, [FieldEvent("value", known, moment), FieldEvent("refused", refused, moment)])]
    )

    assert (value.kind, value.field, value.text, value.value, value.unit) == (
        "field",
        "water",
        "00123.4",
        123.4,
        "m³",
    )
    assert (refusal.text, refusal.value, refusal.raw) == (None, None, "00999.9")
    assert (refusal.problem, refusal.why, refusal.confidence) == ("change", "up by 876.5 in 1 s", 0.8)


def test_times_of_a_video_are_of_no_boot(path):
    result = frame_of()
    (kept,), _ = written(path, [(result, [Event("accepted", reading(), result.frame.moment)])], live=False)
    assert (kept.boot, kept.synchronised) == ("", None)


def test_the_crop_shows_the_number_and_some_paper_around_it(path):
    result = frame_of()
    result.frame.image[10:30, 10:40] = 0
    limits = Limits(10**9, crop_bytes=10**6)
    with contextlib.closing(Store(path)) as store:
        with History(store, limits, live=True) as sink:
            sink.write(result, [Event("accepted", reading(), result.frame.moment)])
        (kept,) = store.history.each()
        picture = cv2.imdecode(np.frombuffer(store.history.crop(kept.number), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (40, 50, 3)
    assert picture[20, 25].max() < 30
    assert picture[2, 2].min() > 225


def test_the_crop_of_a_field_without_a_number_is_its_region(path):
    result = frame_of()
    field = FieldReading("water", outline=((5, 10), (45, 12), (45, 30), (5, 28)))
    limits = Limits(10**9, crop_bytes=10**6)
    with contextlib.closing(Store(path)) as store:
        with History(store, limits, live=True) as sink:
            sink.write(result, [FieldEvent("refused", field, result.frame.moment)])
        (kept,) = store.history.each()
        picture = cv2.imdecode(np.frombuffer(store.history.crop(kept.number), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (20, 40, 3)


def test_an_event_that_comes_with_a_later_frame_has_no_crop(path):
    before, later = frame_of(0), frame_of(1)
    event = Event("accepted", reading(), before.frame.moment)
    (kept,), _ = written(path, [(later, [event])], limits=Limits(10**9, crop_bytes=10**6))
    assert not kept.has_crop


def test_the_last_events_are_kept(path):
    result = frame_of()
    with contextlib.closing(Store(path)) as store:
        with History(store, PLENTY, live=True) as sink:
            sink.write(result, [])
            sink.finish([Event("accepted", reading("12"), result.frame.moment)])
        assert texts(store) == ["12"]


class Writer:
    def messages(self, events):
        return [NewMessage("mqtt", event.kind, event.reading.text.encode()) for event in events]


def test_messages_are_queued_with_the_entries(path):
    result = frame_of()
    moment = result.frame.moment
    events = [Event("appeared", reading("4"), moment), Event("accepted", reading("407"), moment)]
    with contextlib.closing(Store(path)) as store:
        with History(store, PLENTY, live=True, writers=[Writer()]) as sink:
            sink.write(result, events)
        assert [(one.topic, one.body) for one in store.outbox.pending("mqtt")] == [
            ("appeared", b"4"),
            ("accepted", b"407"),
        ]
        assert texts(store) == ["407"]


def test_without_a_history_messages_are_queued_alone(path):
    result = frame_of()
    with contextlib.closing(Store(path)) as store:
        with History(store, None, live=True, writers=[Writer()]) as sink:
            sink.write(result, [Event("accepted", reading(), result.frame.moment)])
        assert len(store.outbox.pending("mqtt")) == 1
        assert texts(store) == []
        assert sink.summary() == ""


def test_what_is_too_old_is_deleted_at_the_start_and_now_and_then(path, monkeypatch):
    monkeypatch.setattr("edge.sinks.history.synchronised", lambda: True)
    with contextlib.closing(Store(path)) as store:
        store.record(
            [entry("old", NOON - 2 * DAY, boot="a"), entry("older soon", NOON - 0.99 * DAY, boot="a")]
        )
    seconds, told = [1e9], []
    with (
        contextlib.closing(Store(path)) as store,
        History(
            store,
            Limits(10**9, most_age_s=86400),
            live=False,
            on_notice=told.append,
            now=lambda: NOON + timedelta(seconds=seconds[0] - 1e9),
            clock=lambda: seconds[0],
        ) as sink,
    ):
        sink.write(frame_of(), [])
        assert texts(store) == ["older soon"]
        seconds[0] += 7200
        sink.write(frame_of(), [])
        assert texts(store) == []
        assert len(told) == 2


def test_a_disk_that_takes_nothing_is_noticed_before_there_is_something_to_keep(tmp_path):
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "history.db")
    with (
        History(store, PLENTY, live=True) as sink,
        pytest.raises(OutputError, match="cannot be written to"),
    ):
        sink.write(frame_of(), [])


def test_a_bare_sqlite_reads_the_file_as_the_documents_say(path):
    with contextlib.closing(Store(path)) as store:
        store.record([entry()])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute(
            "SELECT datetime(captured_at / 1000, 'unixepoch'), field, value FROM entries"
        ).fetchall()
    assert row == ("2026-06-01 12:00:00", "water", 123.4)


def test_the_example_in_the_documents_runs(tmp_path, monkeypatch, capsys):
    with contextlib.closing(Store(tmp_path / "readings.db")) as store:
        store.record([entry(), entry("7", field="gas")])
    text = (Path(__file__).parent.parent / "docs" / "history.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert capsys.readouterr().out == "2026-06-01 12:00:00+00:00 123.4 m³\n"


def test_importing_the_store_needs_nothing_but_the_standard_library():
    code = "import sys, edge.store; print({'cv2', 'fastapi'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
