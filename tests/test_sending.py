"""Sending, by the command itself."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from receiver import OK, receiving

from edge.commands import main
from edge.store import Store

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def running(*words: str, home: Path, settings: str = ""):
    """The command, with settings and a state of its own."""
    home.mkdir(exist_ok=True)
    (home / "digitcam.toml").write_text(settings)
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", *words],
        env={
            **os.environ,
            "XDG_CONFIG_HOME": str(home),
            "XDG_STATE_HOME": str(home),
            "PYTHONWARNINGS": "error",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ran(*words: str, home: Path, settings: str = "", expected: int = 0) -> tuple[list[dict], str]:
    """The JSON lines that a command prints, and what it says."""
    with running(*words, home=home, settings=settings) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == expected, err
    return [json.loads(line) for line in out.splitlines()], err


def waiting(home: Path) -> int:
    return Store(home / "digitcam" / "history.db").outbox.waiting("webhook")


DEMO = ("run", "demo", "--seed", "3", "--no-realtime", "--frames", "150", "--json")


def test_what_was_accepted_is_posted_in_its_order(tmp_path):
    with receiving() as receiver:
        lines, said = ran(*DEMO, "--webhook", receiver.url, home=tmp_path)
    accepted = [line for line in lines if line["event"] == "accepted"]
    posted = [json.loads(got.body) for got in receiver.got]
    assert len(accepted) > 3
    assert [{**one, "device": None} for one in posted] == [{**one, "device": None} for one in accepted]
    assert len(set(receiver.ids)) == len(posted)
    assert waiting(tmp_path) == 0 and "s3cret" not in said


def test_what_does_not_get_through_waits_for_the_next_start_and_is_then_signed(tmp_path):
    url, key = tmp_path / "url", tmp_path / "key"
    key.write_text(SECRET)
    with receiving() as receiver:
        url.write_text(receiver.url + "?token=t0ken")
        for file in (url, key):
            file.chmod(0o600)
        settings = f'[webhook]\nurl_file = "{url}"\nsecret_file = "{key}"\nevents = ["accepted"]\n'
        receiver.plan = [503]
        lines, said = ran(*DEMO, home=tmp_path, settings=settings)
        count = sum(line["event"] == "accepted" for line in lines)
        assert f"{count} messages for webhook will be sent with the next start" in said
        assert "answers 503 Service Unavailable; messages wait" in said
        assert waiting(tmp_path) == count
        receiver.plan = [OK]
        before = len(receiver.got)
        *_, again = ran(
            "run", "demo", "--frames", "1", home=tmp_path, settings=settings + "\n[run]\njson = true\n"
        )
        sent = receiver.got[before:]
    assert [json.loads(got.body)["event"] for got in sent[:count]] == ["accepted"] * count
    assert all(got.headers["webhook-signature"].startswith("v1,") for got in sent)
    assert not any(secret in said + again for secret in ("t0ken", "s3cret", "whsec", "MfKQ9"))


@pytest.mark.slow
def test_a_killed_digitcam_loses_no_message_and_doubles_none_by_id(tmp_path):
    history = ("--history", str(tmp_path / "readings.db"))
    store = Store(tmp_path / "readings.db")
    with receiving() as receiver:
        receiver.plan = [OK, 500, OK, "close", OK, "break_head"] * 20 + [OK]
        posting = ("--webhook", receiver.url, *history)
        for k in range(3):
            before = len(receiver.got)
            words = ("run", "demo", "--seed", str(k), "--no-realtime", *posting)
            with running(*words, home=tmp_path) as process:
                receiver.wait_for(before + 5, 120)
                process.kill()
        assert store.outbox.waiting("webhook")  # or the kills came too late to show anything
        for _ in range(10):
            ran("run", "demo", "--frames", "1", "--json", *posting, home=tmp_path)
            if not store.outbox.waiting("webhook"):
                break
    bodies: dict[str, bytes] = {}
    for got in receiver.got:
        assert bodies.setdefault(got.headers["webhook-id"], got.body) == got.body
    posted = [json.loads(body)["reading"]["text"] for body in bodies.values()]
    with contextlib.closing(sqlite3.connect(tmp_path / "readings.db")) as database:
        kept = [text for (text,) in database.execute("SELECT text FROM entries ORDER BY number")]
    assert len(kept) >= 10 and posted == kept


def test_the_server_tells_what_waits_and_nothing_secret(tmp_path):
    serving = pytest.importorskip("serving", reason="needs digitcam[web]").serving
    with receiving() as receiver:
        receiver.plan = [500]
        env = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
        with serving("demo", "--webhook", receiver.url, env=env) as server, server.client() as client:
            until = time.monotonic() + 120
            while not (told := client.get("/v1/senders").json()["senders"])[0]["last_error"]:
                assert time.monotonic() < until
                time.sleep(0.2)
            assert told[0]["destination"] == "webhook" and told[0]["waiting"] >= 1
            assert "answers 500" in told[0]["last_error"]
            text = client.get("/metrics").text
            assert 'digitcam_sender_connected{destination="webhook"} 0.0' in text
            assert client.get("/readyz").status_code == 200
            answers = text + client.get("/v1/info").text + json.dumps(told)
            server.process.send_signal(signal.SIGINT)
            said = "".join(server.said) + server.process.stderr.read()
    assert "will be sent with the next start" in said
    assert "s3cret" not in said + answers


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (
            ("--webhook", "http://example.org/s3cret"),
            "",
            "--webhook: expected https, or this machine",
        ),
        (("--webhook", "https://me:s3cret@example.org"), "", "--webhook: .*url_file"),
        ((), 'webhook = "https://x/?s3cret"', "webhook: url: expected|webhook: expected a URL without"),
        (
            (),
            '[webhook]\nurl = "https://x/?s3cret"',
            r"digitcam\.toml: \[webhook\] url: expected a URL without",
        ),
        ((), '[webhook]\nsecret_file = "/etc/key"', r"expected url or url_file in the table \[webhook\]"),
        ((), '[phone]\nurls_file = "/nowhere/phone"', "cannot read the secret in /nowhere/phone"),
        ((), 'phone = "tgram://s3cret"', r"expected a table headed \[phone\]"),
    ],
)
def test_settings_that_make_no_sense_end_the_command_with_a_clear_line(
    tmp_path, monkeypatch, capsys, words, settings, told
):
    (tmp_path / "digitcam.toml").write_text(settings)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["run", "demo", "--frames", "1", *words]) == 2
    said = capsys.readouterr().err
    assert re.search(told, said), said
    assert "s3cret" not in said and "Traceback" not in said
