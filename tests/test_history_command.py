"""`digitcam history`, and what `run` keeps for it."""

import contextlib
import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clock import moment_of
from edge.commands import main, understand
from edge.commands.history import find_history
from edge.errors import UsageError
from edge.outputs import outputs_of, service_history, user_history
from edge.store import Limits, NewEntry, Store

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    """Tables show the system's own time."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def without_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def entry(text, minutes=0, field="water", **more):
    facts = {"raw": text, "unit": "m³", "confidence": 0.97, "synchronised": True, "boot": "here"}
    at = NOON + timedelta(minutes=minutes)
    return NewEntry(kind="field", field=field, text=text, captured_at=at, **{**facts, **more})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "history.db"
    with contextlib.closing(Store(path)) as store:
        store.record(
            [
                entry("00123.4"),
                entry(None, 5, raw="00999.9", problem="change", why="up by 876.5 in 5 min", confidence=0.8),
                entry("00123.5", 10, synchronised=False),
                entry("7", 15, ""),
            ]
        )
    return path


def shown(capsys, *words):
    """What a command prints on both streams."""
    assert main([*map(str, words)]) == 0
    done = capsys.readouterr()
    return done.out, done.err


def test_a_table_shows_the_newest_entries_the_oldest_of_them_first(path, capsys):
    out, err = shown(capsys, "history", path)
    assert out.splitlines() == [
        "number  time                  field  value       confidence  refused",
        "1       2026-06-01 12:00:00   water  00123.4 m³  97%",
        "2       2026-06-01 12:05:00   water  -           80%         00999.9 (change: up by 876.5 in 5 min)",
        "3       2026-06-01 12:10:00*  water  00123.5 m³  97%",
        "4       2026-06-01 12:15:00   -      7 m³        97%",
    ]
    assert err == "digitcam: * the clock was not synchronised\n"


def test_a_table_tells_that_there_is_more(path, capsys):
    out, err = shown(capsys, "history", path, "--limit", 1)
    assert out.splitlines()[1].startswith("4 ")
    assert f"the newest of 4 entries of {path}" in err


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["--field", "water"], [1, 2, 3]),
        (["--since", "2026-06-01T12:05"], [2, 3, 4]),
        (["--since", "2026-06-01T14:05+02:00", "--until", "2026-06-01T12:15Z"], [2, 3]),
        (["--limit", "2"], [3, 4]),
        (["--since", "1d"], []),
        ([], [1, 2, 3, 4]),
    ],
)
def test_json_lines_and_csv_hold_what_is_asked_for_the_oldest_first(path, capsys, words, numbers):
    out, _ = shown(capsys, "history", path, "--json", *words)
    assert [json.loads(line)["number"] for line in out.splitlines()] == numbers
    out, _ = shown(capsys, "history", path, "--csv", *words)
    assert [int(row["number"]) for row in csv.DictReader(io.StringIO(out))] == numbers


def test_json_has_what_the_api_has(path, capsys):
    out, _ = shown(capsys, "history", path, "--json", "--limit", 1)
    kept = json.loads(out)
    assert (kept["text"], kept["captured_at"], kept["crop"]) == ("7", "2026-06-01T12:15:00.000Z", None)


def test_many_entries_are_all_printed(tmp_path, capsys):
    with contextlib.closing(Store(tmp_path / "many.db")) as store:
        store.record([entry(str(number)) for number in range(2345)])
    out, _ = shown(capsys, "history", tmp_path / "many.db", "--csv")
    assert [row["text"] for row in csv.DictReader(io.StringIO(out))] == [str(k) for k in range(2345)]


def fails(capsys, *words):
    assert main([*map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_makes_no_sense_is_told_in_a_line(path, tmp_path, capsys):
    assert "expected one of its fields: water" in fails(capsys, "history", path, "--field", "wine")
    assert "expected a time such as" in fails(capsys, "history", path, "--since", "blue")
    assert "--csv or --json" in fails(capsys, "history", path, "--csv", "--json")
    assert "there is no history" in fails(capsys, "history", tmp_path / "none.db")
    assert "ends in .db or .sqlite" in fails(capsys, "history", tmp_path)
    (tmp_path / "other.db").write_bytes(b"no database at all" * 100)
    assert main(["history", str(tmp_path / "other.db")]) != 0
    assert "other.db" in capsys.readouterr().err


def test_where_nothing_was_kept_it_is_said_how_to_begin(capsys):
    assert "digitcam run --history FILE keeps one" in fails(capsys, "history")


def test_a_set_back_clock_deleted_entries_and_damage_are_told(path, capsys):
    with contextlib.closing(Store(path)) as store:
        store.record([entry("8", -9_000_000)])
        store.history.tidy(Limits(1), now=NOON, synchronised=True, boot="here", timestamp=0.0)
        store.record([entry("9"), entry("8", -9_000_000)])
    torn = path.with_name("history.db.torn-20261129T120000Z")
    torn.touch()
    _, err = shown(capsys, "history", path)
    assert "the clock was set back" in err
    assert "5 older entries were deleted" in err
    assert f"a damaged history was set aside: {torn}" in err


def test_without_a_name_the_user_s_own_is_shown(tmp_path):
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    place = tmp_path / "digitcam" / "history.db"
    with pytest.raises(UsageError, match=str(place)):
        find_history(environment)
    place.parent.mkdir()
    place.touch()
    assert find_history(environment) == place


def test_the_name_can_stand_in_settings(path, tmp_path, capsys, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "digitcam.toml").write_text(f'history = "{path}"\n')
    out, _ = shown(capsys, "history", "--csv")
    assert len(out.splitlines()) == 5
    _, args = understand(["run"])
    assert args.history == path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01", NOON - timedelta(hours=12)),
        ("2026-06-01T12:00", NOON),
        (" 2026-06-01 12:00 ", NOON),
        ("2026-06-01T12:00Z", NOON),
        ("2026-06-01T14:00+02:00", NOON),
        ("2026-06-01T14:00 +02:00", NOON),
        ("90 min", NOON - timedelta(minutes=90)),
        ("1.5h", NOON - timedelta(minutes=90)),
        ("7d", NOON - timedelta(days=7)),
        ("2w", NOON - timedelta(days=14)),
        ("0s", NOON),
    ],
)
def test_times_are_read_as_people_write_them(text, expected):
    assert moment_of(text, now=NOON, zone=UTC) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7x", "-3d", "2026-13-01", "999999999w", "12:00"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="expected a time such as"):
        moment_of(text, now=NOON, zone=UTC)


# What run and serve keep.


def outputs(*words, environment=None, monkeypatch):
    for name, value in (environment or {}).items():
        monkeypatch.setenv(name, value)
    _, args = understand(["run", *words], dict(environment or {}), Path("/nowhere"))
    return outputs_of(args)


def test_nothing_is_kept_unless_it_is_asked_for(monkeypatch):
    assert outputs(monkeypatch=monkeypatch).store is None


def test_what_is_asked_for_is_kept(monkeypatch):
    asked = outputs(
        *("--history", "h.db", "--keep-crops", "500MB", "--history-size", "1GB", "--history-age", "365d"),
        monkeypatch=monkeypatch,
    )
    assert asked.store == Path("h.db")
    assert asked.history == Limits(10**9, 365 * 86400.0, 500_000_000)


def test_a_service_keeps_a_history_in_its_own_folder_unless_told_otherwise(monkeypatch):
    service = {"STATE_DIRECTORY": "/var/lib/digitcam"}
    kept = outputs(environment=service, monkeypatch=monkeypatch)
    assert (kept.store, kept.history) == (Path("/var/lib/digitcam/history.db"), Limits(200_000_000))
    assert outputs("--history", "x.db", environment=service, monkeypatch=monkeypatch).store == Path("x.db")
    assert outputs("--history", "none", environment=service, monkeypatch=monkeypatch).store is None


def test_places_follow_the_system_s_conventions():
    assert service_history({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}) == Path("/var/lib/a/history.db")
    assert service_history({}) is None
    assert user_history({"HOME": "/home/me"}) == Path("/home/me/.local/state/digitcam/history.db")
    assert user_history({"HOME": "/home/me", "XDG_STATE_HOME": "/s"}) == Path("/s/digitcam/history.db")


@pytest.mark.parametrize(
    "words", [("--keep-crops", "1MB"), ("--history-size", "1MB"), ("--history-age", "1d")]
)
def test_limits_without_a_history_are_refused(words, monkeypatch):
    with pytest.raises(UsageError, match=f"{words[0]} goes with --history"):
        outputs(*words, monkeypatch=monkeypatch)


@pytest.mark.parametrize("name", ["photo.jpg", "history", ""])
def test_a_history_must_have_a_name_that_says_so(name, capsys):
    assert main(["run", "--history", name]) == 2
    assert "ends in .db or .sqlite" in capsys.readouterr().err


def test_what_run_accepts_is_kept_and_shown_while_it_runs(tmp_path):
    path = tmp_path / "history.db"
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "demo", "--json", "--history", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    ) as run:
        accepted = []
        for line in run.stdout:
            event = json.loads(line)
            if event["event"] == "accepted":
                accepted.append(event["reading"]["text"])
            if len(accepted) == 3:
                break
        command = [sys.executable, "-m", "edge", "history", path, "--json"]
        meanwhile = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        run.send_signal(signal.SIGTERM)
        rest, said = run.stdout.read(), run.stderr.read()
    accepted += [
        event["reading"]["text"]
        for event in map(json.loads, rest.splitlines())
        if event["event"] == "accepted"
    ]
    assert not path.with_name("history.db-wal").exists()  # in order, and one file
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kept = [json.loads(line)["text"] for line in done.splitlines()]
    assert kept == accepted
    assert kept[: meanwhile.count("\n")] == [json.loads(line)["text"] for line in meanwhile.splitlines()]
    assert f"kept {len(kept)} readings in {path}" in said


def test_run_does_not_touch_a_file_that_is_something_else(tmp_path, capsys):
    path = tmp_path / "notes.db"
    path.write_text("my notes")
    assert main(["run", "demo", "--history", str(path), "--frames", "1"]) == 2
    assert "is not a history of digitcam" in capsys.readouterr().err
    assert path.read_text() == "my notes"
