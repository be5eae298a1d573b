"""The history over the API: pages, ETags, CSV, crops, and what is told when it cannot be kept."""

import asyncio
import contextlib
import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

import httpx
from fastapi import FastAPI
from serving import serving

from edge.server.history_api import history_api, prefers_csv
from edge.server.problems import Problem
from edge.store import NewEntry, Store

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(text="00123.4", minutes=0, **more):
    facts = {"kind": "field", "field": "water", "value": float(text), "raw": text, "unit": "m³"}
    return NewEntry(
        text=text,
        **{**facts, **more},
        confidence=0.97,
        captured_at=NOON + timedelta(minutes=minutes),
        synchronised=True,
        boot="here",
    )


@pytest.fixture
def store(tmp_path):
    with contextlib.closing(Store(tmp_path / "history.db")) as store:
        store.open()
        yield store


class Client:
    """Asks the history of a store."""

    def __init__(self, store, failures=()):
        self._app = FastAPI()
        live = SimpleNamespace(view=SimpleNamespace(failures=failures))
        self._app.include_router(history_api(store, live))
        self._app.add_exception_handler(Problem, self._problem)

    async def _problem(self, request, error):
        return error.response()

    def get(self, path, **options):
        async def ask():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.get(path, **options)

        return asyncio.run(ask())


@pytest.fixture
def client(store):
    return Client(store)


def texts(answer):
    return [one["text"] for one in answer.json()["entries"]]


def test_pages_lead_to_the_first_entry(store, client):
    store.record([entry(str(number), number) for number in range(5)])

    first = client.get("/v1/history", params={"limit": 2})
    second = client.get("/v1/history", params={"limit": 2, "cursor": first.json()["next"]})
    third = client.get("/v1/history", params={"limit": 2, "cursor": second.json()["next"]})

    assert first.json()["schema"] == 1
    assert [texts(page) for page in (first, second, third)] == [["4", "3"], ["2", "1"], ["0"]]
    assert third.json()["next"] is None


def test_an_entry_has_all_that_is_known(store, client):
    store.record([entry(crop=b"\xff\xd8 a picture")])
    (kept,) = client.get("/v1/history").json()["entries"]
    assert kept["captured_at"] == "2026-06-01T12:00:00.000Z"
    assert (kept["field"], kept["text"], kept["value"], kept["unit"]) == ("water", "00123.4", 123.4, "m³")
    assert kept["problem"] is None
    picture = client.get(kept["crop"])
    assert picture.content == b"\xff\xd8 a picture"
    assert picture.headers["content-type"] == "image/jpeg"
    again = client.get(kept["crop"], headers={"If-None-Match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"field": "water"}, ["2", "1"]),
        ({"field": ""}, ["7"]),
        ({"field": "wine"}, []),
        ({"since": "2026-06-01T12:01Z"}, ["7", "2"]),
        ({"since": "2026-06-01T12:01"}, ["7", "2"]),  # UTC, where no zone is given
        ({"since": "2026-06-01T14:01+02:00"}, ["7", "2"]),
        ({"until": "2026-06-01T12:01Z"}, ["1"]),
        ({"since": "2026-06-01", "until": "2026-06-01T12:01:30Z", "field": "water"}, ["2", "1"]),
        ({"since": "3d"}, []),
    ],
)
def test_field_and_time_select(store, client, asked, expected):
    store.record([entry("1"), entry("2", 1), entry("7", 2, kind="number", field="")])
    assert texts(client.get("/v1/history", params=asked)) == expected


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"since": "blue"}, "found 'blue'"),
        ({"until": "99d99d"}, "expected a time"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"cursor": "a"}, "cursor"),
        ({"fields": "water"}, "expected only cursor, field, limit, since, until"),
    ],
)
def test_what_makes_no_sense_is_refused(client, asked, told):
    answer = client.get("/v1/history", params=asked)
    assert answer.status_code == 422
    assert told in answer.text


def test_what_has_not_changed_is_not_sent_again(store, client):
    store.record([entry("1")])
    first = client.get("/v1/history")
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/v1/history", headers=known).status_code == 304
    assert client.get("/v1/history", params={"limit": 1}, headers=known).status_code == 200
    assert client.get("/v1/history", headers={**known, "Accept": "text/csv"}).status_code == 200
    store.record([entry("2", 1)])
    changed = client.get("/v1/history", headers=known)
    assert (changed.status_code, texts(changed)) == (200, ["2", "1"])


def test_csv_has_all_of_it_the_oldest_first(store, client):
    store.record([entry(str(number), number) for number in range(2500)])
    store.record([entry("1", 3000, why='a "quoted" reason, with a comma', problem="limit")])

    answer = client.get("/v1/history", headers={"Accept": "text/csv"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["text"] for row in rows[:-1]] == [str(number) for number in range(2500)]
    assert rows[0]["captured_at"] == "2026-06-01T12:00:00.000Z"
    assert (rows[0]["synchronised"], rows[0]["problem"], rows[0]["crop"]) == ("1", "", "")
    assert rows[-1]["why"] == 'a "quoted" reason, with a comma'


def test_csv_in_pages_is_refused(client):
    answer = client.get("/v1/history", params={"limit": 5}, headers={"Accept": "text/csv"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("application/json", False),
        ("text/csv;q=0.5, application/json", False),
        ("text/csv, application/json;q=0.5", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("Text/CSV; charset=utf-8", True),
        ("text/csv;q=0", False),
        ("text/csv;q=nonsense", False),
        ("text/*", True),
    ],
)
def test_what_a_client_prefers_is_understood(accept, expected):
    assert prefers_csv(accept) is expected


def test_fields_and_what_is_wrong_are_told(store):
    store.record([entry("1"), entry("2", -100_000, problem="limit")])  # the clock was set back
    (store.path.parent / "history.db.torn-20261129T120000Z").touch()
    client = Client(store, ("the history is on a full disk",))
    answer = client.get("/v1/history/fields").json()
    (water,) = answer["fields"]
    assert (water["name"], water["unit"], water["entries"], water["refused"]) == ("water", "m³", 2, 1)
    assert (answer["entries"], answer["deleted"], answer["crops"]) == (2, 0, 0)
    back, torn, full = answer["notices"]
    assert "set back" in back
    assert "history.db.torn-20261129T120000Z" in torn
    assert full == "the history is on a full disk"


def test_without_a_history_it_is_said_how_to_begin_one():
    for path in ("/v1/history", "/v1/history/fields", "/v1/history/1/crop"):
        answer = Client(None).get(path)
        assert answer.status_code == 404
        assert "--history FILE" in answer.json()["detail"]


def test_a_crop_that_is_not_kept_is_not_found(store, client):
    store.record([entry()])
    assert client.get("/v1/history/1/crop").status_code == 404
    assert client.get(f"/v1/history/{2**63}/crop").status_code == 422


def test_a_history_that_cannot_be_read_is_told(store, client):
    store.close()
    store.path.write_bytes(b"something else" * 1000)
    answer = client.get("/v1/history")
    assert answer.status_code == 503
    assert "history" in answer.json()["detail"]


def waits_for(look, seconds=60):
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_a_server_reads_on_while_its_disk_takes_nothing_and_keeps_what_it_read_then(tmp_path):
    """The folder of the history cannot be made, until it can."""
    place = tmp_path / "disk"
    place.touch()
    settings = tmp_path / "digitcam.toml"
    settings.touch()
    options = ("demo", "--history", place / "history.db")
    with serving(*options, env={"XDG_CONFIG_HOME": str(tmp_path)}) as server, server.client() as client:

        def camera():
            return client.get("/v1/readings").json()["camera"]

        assert waits_for(lambda: camera()["failures"])
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "cannot be written to" in ready.json()["detail"]
        assert client.get("/v1/history").status_code == 503
        assert waits_for(lambda: client.get("/v1/readings?since=0").json()["events"])
        assert camera()["trouble"] == ""

        place.unlink()
        assert waits_for(lambda: client.get("/readyz").status_code == 200)
        kept = waits_for(lambda: client.get("/v1/history").json().get("entries"))
        accepted = [
            event["reading"]["text"]
            for event in client.get("/v1/readings?since=0").json()["events"]
            if event["event"] == "accepted"
        ]
        assert kept[-1]["text"] == accepted[0]  # read while nothing could be kept
        server.process.terminate()
        told = server.process.stderr.read()
    assert re.search("works again", told)
