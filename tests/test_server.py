"""The REST API and the live view, asked over HTTP."""

import base64
import io
import json
import os
import re
import signal
import socket
import stat
import time
import zlib
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest
from PIL import Image
from samples import png_chunk, png_of_size, written

from edge.commands import main
from edge.decode import can_decode_heic
from edge.isolated import Isolated

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

from serving import PATIENCE_S, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.reader import DigitReader
from edge.server.reading import answer, request


def pixels(compressed):
    """The rest of a PNG."""
    return png_chunk(b"IDAT", compressed) + png_chunk(b"IEND", b"")


PNG = cv2.imencode(".png", written("407"))[1].tobytes()
JPEG = cv2.imencode(".jpg", written("407"))[1].tobytes()


def phone_photo(kind):
    """The same as a phone keeps it."""
    buffer = io.BytesIO()
    can_decode_heic()
    Image.fromarray(written("407")).convert("RGB").save(buffer, kind, quality=95)
    return buffer.getvalue()


WEBP = cv2.imencode(".webp", written("407"))[1].tobytes()


@pytest.fixture(scope="module")
def server():
    with serving("demo", "--fps", "10") as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def events(server):
    with listening(server, "?since=0") as socket:
        yield socket


def listening(server, query="", **options):
    return connect(f"ws{server.url[4:]}/v1/events{query}", max_queue=None, **options)


def texts(answer):
    return [reading["text"] for reading in answer.json()["readings"]]


@pytest.mark.parametrize("picture", [PNG, JPEG, WEBP])
def test_a_picture_is_read_as_schema_1(client, picture):
    answer = client.post("/v1/predict", content=picture)
    assert answer.headers["content-type"] == "application/json"
    result = answer.json()
    assert (result["schema"], result["source"], result["image_size"]) == (1, "upload", [320, 240])
    (reading,) = result["readings"]
    assert (reading["text"], reading["status"], reading["track_id"]) == ("407", "accepted", None)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF"])
def test_of_an_upload_of_several_pictures_it_is_told_that_the_first_is_read(client, kind):
    can_decode_heic()
    first, *others = (Image.fromarray(written(text)).convert("RGB") for text in ("407", "19", "52"))
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others)
    for query in ("", "?glyphs=1"):
        result = client.post(f"/v1/predict{query}", content=buffer.getvalue()).json()
        assert result["warnings"] == ["an animation of 3 pictures, of which the first is read"]
    assert client.post("/v1/predict", content=PNG).json()["warnings"] == []


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_phone_s_photo_is_read_as_the_same_picture_is_as_png(client, kind):
    answer = client.post("/v1/predict", content=phone_photo(kind))
    assert answer.status_code == 200, answer.text
    assert answer.json()["image_size"] == [320, 240]
    found = [digit["box"] for reading in answer.json()["readings"] for digit in reading["digits"]]
    plain = client.post("/v1/predict", content=PNG).json()
    expected = [digit["box"] for reading in plain["readings"] for digit in reading["digits"]]
    assert len(found) == len(expected) > 0
    assert np.abs(np.subtract(found, expected)).max() <= 6


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_phone_s_photo_that_is_cut_off_is_refused(client, kind):
    whole = phone_photo(kind)
    for share in (0.01, 0.3, 0.6, 0.95):
        answer = client.post("/v1/predict", content=whole[: int(len(whole) * share)])
        assert answer.status_code == 422
        assert "\n" not in answer.json()["detail"]
        assert "died" not in answer.json()["detail"]


def test_the_type_is_found_from_the_content(client):
    answer = client.post("/v1/predict", content=PNG, headers={"Content-Type": "text/html"})
    assert texts(answer) == ["407"]


@pytest.mark.parametrize(
    ("picture", "files"),
    [
        (JPEG, {"file": ("photo.jpg", JPEG, "image/jpeg")}),
        (PNG, {"photo": ("photo.png", PNG, "text/plain")}),
        (JPEG, {"other": ("a.txt", b"no picture"), "file": ("photo.jpg", JPEG)}),
        (WEBP, {"note": (None, "for the archive"), "upload": ("photo.webp", WEBP)}),
        (PNG, {"file": (None, PNG)}),
    ],
    ids=["curl", "only", "named", "note", "field"],
)
def test_the_file_in_a_form_is_read_as_the_file_alone(client, picture, files):
    answer = client.post("/v1/predict", files=files)
    assert answer.status_code == 200, answer.text
    alone = client.post("/v1/predict", content=picture).json()
    assert answer.json()["readings"] == alone["readings"]
    assert answer.json()["image_size"] == [320, 240]


def form(body, kind="multipart/form-data; boundary=b"):
    return {"content": body, "headers": {"Content-Type": kind}}


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        ({"files": {"a": ("a.png", PNG), "b": ("b.png", PNG)}}, 422, "found 2 files; send it as curl"),
        ({"files": [("file", ("a.png", PNG)), ("file", ("b.png", PNG))]}, 422, "found 2 files"),
        ({"files": {"note": (None, "hello")}}, 422, "found 1 field and no file"),
        ({"files": {"file": ("a.png", b"")}}, 422, "the upload is empty"),
        ({"files": {f"f{k}": (None, "x") for k in range(17)}}, 422, "at most 16 fields"),
        ({"files": {"file": ("a" * 2000, PNG)}}, 422, "the form is damaged"),
        ({"files": {"file": ("a.png", bytes(4 << 20))}}, 413, "at most 4,194,304 bytes"),
        (form(b"--b--", "multipart/form-data"), 422, "names its boundary, found none"),
        (form(b"no form at all"), 422, "the form is damaged"),
        (form(b""), 422, "the form is cut off"),
        (
            form(PNG.replace(b"\n", b""), "application/x-www-form-urlencoded"),
            422,
            "send it with --data-binary",
        ),
        (
            form(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + PNG),
            422,
            "the form is cut off",
        ),
    ],
    ids=[
        *("two files", "two of the name", "no file", "empty", "parts", "header", "size"),
        *("no boundary", "no form", "nothing", "curl -d", "cut off"),
    ],
)
def test_a_form_that_is_no_good_is_refused(client, sent, status, detail):
    answer = client.post("/v1/predict", **sent)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_a_canvas_with_transparent_paper_is_read(client):
    ink = 255 - cv2.imdecode(np.frombuffer(PNG, np.uint8), 0)
    ink = np.clip((ink.astype(int) - 45) * 2, 0, 255).astype(np.uint8)
    canvas = np.dstack([np.zeros((*ink.shape, 3), np.uint8), ink])
    assert texts(client.post("/v1/predict", content=cv2.imencode(".png", canvas)[1].tobytes())) == ["407"]


def test_a_photo_is_turned_as_its_exif_says(client):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.fromarray(np.rot90(written("407"))).save(buffer, "JPEG", exif=exif)
    answer = client.post("/v1/predict", content=buffer.getvalue())
    assert answer.json()["image_size"] == [320, 240]
    assert texts(answer) == ["407"]


def test_the_annotated_picture_is_a_png_of_the_same_size(client):
    answer = client.post("/v1/predict?annotate=1", content=JPEG)
    assert answer.headers["content-type"] == "image/png"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == (240, 320, 3)
    assert (drawn[..., 0] != drawn[..., 1]).any()


def decoded(data_url):
    kind, _, data = data_url.partition(",")
    assert kind == "data:image/png;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)


def test_glyphs_are_what_the_network_saw(client, classifier):
    answer = client.post("/v1/predict?glyphs=1", content=PNG)
    digits = answer.json()["readings"][0]["digits"]
    assert [digit["label"] for digit in digits] == [4, 0, 7]
    for digit in digits:
        (prediction,) = classifier.classify([decoded(digit["glyph"])])
        assert prediction.label == digit["label"]
        # What stands around it has a say too.
        assert prediction.confidence == pytest.approx(digit["confidence"], abs=0.02)
        assert digit["probabilities"] == pytest.approx(prediction.probabilities, abs=0.02)
        assert min(decoded(digit["crop"]).shape[:2]) >= 48


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 422, "the upload is empty: expected a picture"),
        (b"hello", 422, "expected PNG, JPEG, WebP, HEIF or AVIF, found 5 bytes"),
        (b'{"image": "aGVsbG8="}', 422, "found JSON; send the bytes of the picture alone"),
        (base64.b64encode(JPEG), 422, "found base64; send the bytes of the picture alone"),
        (
            b"image=" + base64.b64encode(PNG),
            422,
            "found form fields (application/x-www-form-urlencoded); send",
        ),
        (JPEG[:1000], 422, "damaged or cut off"),
        (png_of_size(4001, 4000, pixels(b"")), 422, "expected at most 16 million pixels, found 4001 x 4000"),
        (png_of_size(20000, 20000, pixels(b"")), 422, "expected at most 16 million pixels"),
        (bytes((4 << 20) + 1), 413, "expected a picture of at most 4,194,304 bytes, found 4194305"),
    ],
    ids=["empty", "text", "json", "base64", "fields", "cut", "16 megapixels", "400 megapixels", "4 MB"],
)
def test_what_is_no_good_picture_is_refused(client, body, status, detail):
    answer = client.post("/v1/predict", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert detail in problem["detail"]


def read_slowly(message):
    """What a child does with an upload on a slow board."""
    read = DigitReader.read_image

    def slowly(reader, *what):
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        return read(reader, *what)

    with mock.patch.object(DigitReader, "read_image", slowly):
        return answer(message)


def test_reading_may_take_longer_than_decoding():
    with Isolated("test_server:read_slowly") as child:
        child.call(request(PNG, "json", None), timeout_s=120)  # loads what it needs
        result = json.loads(child.call(request(PNG, "json", None), timeout_s=120, cpu_s=0.2))
    assert [reading["text"] for reading in result["readings"]] == ["407"]


def test_a_body_whose_length_is_not_said_is_cut_off(client):
    answer = client.post("/v1/predict", content=(b"x" * 65536 for _ in range(80)))
    assert answer.status_code == 413


def memory_kb(process):
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_pictures_that_are_no_good_do_not_make_the_server_grow(server, client):
    client.post("/v1/predict", content=PNG)
    before = memory_kb(server.process)
    white = zlib.compress(b"\xff" * 4001 * 4000)
    for side, body in [(4000, white), (4000, white[:99]), (20000, white)]:
        client.post("/v1/predict", content=png_of_size(side, side, pixels(body)))
    client.post("/v1/predict", content=bytes(5 << 20))
    assert memory_kb(server.process) - before < 20_000


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nothing", 404, "there is nothing at /nothing"),
        ("GET", "/page/../serve.py", 404, "there is nothing at"),
        ("GET", "/page/%2e%2e/serve.py", 404, "there is nothing at"),
        ("GET", "/v1/predict", 405, "expected POST at /v1/predict, found GET"),
        ("GET", "/v1/readings?since=x", 422, "since: expected a whole number, found 'x'"),
        ("GET", "/v1/readings?since=-1", 422, "since: expected at least 0, found '-1'"),
        ("GET", "/v1/readings?glyphs=maybe", 422, "glyphs: expected 1 or 0, found 'maybe'"),
        ("POST", "/v1/session", 422, "the body: expected a value, found none"),
        ("POST", "/v1/predict?anotate=1", 422, "expected only annotate, glyphs behind the ? of /v1/predict"),
        ("GET", "/healthz?x=1", 422, "expected no keys behind the ? of /healthz, found 'x'"),
        ("GET", "/v1/events", 426, "expected a WebSocket at /v1/events, found a plain GET"),
    ],
)
def test_errors_are_problem_details(client, method, path, status, detail):
    answer = client.request(method, path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["type"]) == (status, status, "about:blank")
    assert detail in problem["detail"]


def test_a_body_of_another_kind_is_told_as_text(client):
    answer = client.post("/v1/session", content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.json()["detail"].endswith("with Content-Type: application/json, found 'x'")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "8.8.8.8"}, 421),
        ({"Host": "[::1"}, 421),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example@localhost"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
    ],
)
def test_other_sites_get_nothing(client, headers, status):
    assert client.post("/v1/predict", content=PNG, headers=headers).status_code == status


@pytest.mark.parametrize("query", ["?sinse=0", "?since=x"])
def test_a_listener_that_asks_wrongly_is_told(server, query):
    with pytest.raises(InvalidStatus) as caught:
        listening(server, query)
    assert caught.value.response.status_code == 422
    assert "expected" in json.loads(caught.value.response.body)["detail"]


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/v1/info", "/docs", "/page/main.js", "/nothing", "/stream.mjpg"]
)
def test_head_answers_as_get_does_without_the_body(client, path):
    head = client.head(path)
    with client.stream("GET", path) as get:
        assert head.status_code == get.status_code
        assert head.content == b""
        for name in ("content-type", "content-length", "content-security-policy"):
            assert head.headers.get(name) == get.headers.get(name)


def test_other_sites_cannot_listen(server):
    with pytest.raises(InvalidStatus, match="403"):
        listening(server, additional_headers={"Origin": "http://evil.example"})


@pytest.mark.parametrize("path", ["/", "/healthz", "/page/main.js", "/docs", "/nothing"])
def test_every_answer_says_that_nothing_comes_from_elsewhere(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_events_come_as_they_happen(events):
    seen = [json.loads(events.recv(timeout=PATIENCE_S))]
    while seen[-1]["event"] != "accepted":
        seen.append(json.loads(events.recv(timeout=PATIENCE_S)))
    assert [event["id"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[0]["event"] == "appeared"
    assert all(event["reading"]["track_id"] for event in seen)


def test_frames_come_to_those_who_ask(server):
    with listening(server, "?frames=1") as socket:
        messages = [json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(20)]
    frames = [message for message in messages if message["event"] == "frame"]
    ids = [frame["result"]["frame_id"] for frame in frames]
    assert ids == sorted(set(ids))
    assert frames[-1]["camera"]["source"] == "demo"


def test_readings_are_the_latest_and_what_came_since(client, events):
    events.recv(timeout=PATIENCE_S)  # there is one
    latest = client.get("/v1/readings").json()
    assert latest["latest"]["source"] == "demo"
    assert latest["events"] == []
    assert latest["last_event"] > 0
    everything = client.get("/v1/readings?since=0").json()["events"]
    assert [event["id"] for event in everything] == list(range(1, len(everything) + 1))
    middle = everything[len(everything) // 2]["id"]
    rest = client.get(f"/v1/readings?since={middle}").json()["events"]
    assert rest[: len(everything) - middle] == everything[middle:]
    # After a restart a client knows a number that there is not yet.
    assert client.get("/v1/readings?since=1000000").json()["events"][0]["id"] == 1


def test_readings_show_what_the_reader_saw(client, events):
    while json.loads(events.recv(timeout=PATIENCE_S))["event"] != "accepted":
        pass
    latest = client.get("/v1/readings?glyphs=1").json()["latest"]
    for reading in latest["readings"]:
        for digit in reading["digits"]:
            assert decoded(digit["glyph"]).shape == (28, 28)
            assert len(digit["probabilities"]) == 10


def test_the_stream_is_motion_jpeg(client):
    with client.stream("GET", "/stream.mjpg") as stream:
        kind, _, boundary = stream.headers["content-type"].partition("; boundary=")
        assert kind == "multipart/x-mixed-replace"
        data = b""
        for chunk in stream.iter_raw():
            data += chunk
            if data.count(f"--{boundary}".encode()) > 3:
                break
    parts = data.split(f"--{boundary}\r\n".encode())[1:4]
    for part in parts:
        head, _, jpeg = part.partition(b"\r\n\r\n")
        assert b"Content-Type: image/jpeg" in head
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)
    assert len(set(parts)) == 3


@pytest.mark.parametrize("path", ["/snapshot.jpg", "/snapshot.jpg?annotate=1"])
def test_a_snapshot_is_the_newest_frame(client, path):
    client.get("/stream.mjpg", headers={"Host": "evil.example"})  # refused: it would never end
    picture = cv2.imdecode(np.frombuffer(client.get(path).content, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (480, 640, 3)


def test_it_says_that_it_is_well_and_what_it_is(client, events):
    events.recv(timeout=PATIENCE_S)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    info = client.get("/v1/info").json()
    assert info["source"] == "demo"
    assert info["model"]["labels"] == list("0123456789")
    assert "known_answers" not in info["model"]
    assert client.get("/v1/senders").json() == {"senders": []}


def test_metrics_count_and_never_tell_what_was_read(client, events):
    number = next(
        event["reading"]["text"]
        for event in (json.loads(events.recv(timeout=PATIENCE_S)) for _ in range(30))
        if event["event"] == "accepted" and len(event["reading"]["text"]) > 2
    )
    client.post("/v1/predict", content=PNG)
    client.post("/v1/predict", content=b"")
    text = client.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["digitcam_frames_total"]) > 0
    assert float(values['digitcam_events_total{event="accepted"}']) > 0
    assert float(values['digitcam_uploads_total{status="200"}']) > 0
    assert float(values['digitcam_uploads_total{status="422"}']) > 0
    assert float(values['digitcam_stage_seconds_count{stage="segment"}']) > 0
    assert float(values["digitcam_connections"]) >= 1
    labels = [line.rpartition(" ")[0] for line in text.splitlines()]
    assert not any(f'"{number}"' in label for label in labels)


def test_the_documentation_page_needs_no_internet(client):
    page = client.get("/docs").text
    assert "://" not in page
    for path in ("/page/swagger/swagger-ui-bundle.js", "/page/swagger/swagger-ui.css", "/page/docs.js"):
        assert path in page
        assert client.get(path).status_code == 200
    assert {"/v1/predict", "/v1/readings", "/metrics"} <= set(client.get("/openapi.json").json()["paths"])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that wants a token, which it makes."""
    file = tmp_path_factory.mktemp("home") / "digitcam" / "token"
    with serving("demo", "--host", "0.0.0.0", env={"XDG_CONFIG_HOME": str(file.parent.parent)}) as running:
        yield running, file


def test_beyond_this_machine_a_token_is_made_that_only_its_owner_can_read(guarded):
    server, file = guarded
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert len(token.replace("-", "")) == 20
    assert str(file) in "".join(server.said)
    assert token not in "".join(server.said)


@pytest.mark.parametrize(
    "path",
    ["/v1/readings", "/stream.mjpg", "/snapshot.jpg", "/metrics", "/openapi.json", "/v1/info", "/docs"],
)
def test_without_the_token_there_is_nothing_to_see(guarded, path):
    server, _ = guarded
    with server.client() as client:
        answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_without_the_token_nobody_listens_or_uploads(guarded):
    server, _ = guarded
    with pytest.raises(InvalidStatus, match="401"):
        listening(server)
    with server.client() as client:
        assert client.post("/v1/predict", content=PNG).status_code == 401


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/healthz", "/v1/session"])
def test_the_page_that_asks_for_the_token_comes_without(guarded, path):
    server, _ = guarded
    with server.client() as client:
        assert client.get(path).status_code == 200


def test_a_program_shows_the_token_with_each_request(guarded):
    server, file = guarded
    token = file.read_text().strip()
    with server.client() as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert texts(client.post("/v1/predict", content=PNG, headers=headers)) == ["407"]
        assert client.get("/v1/info", headers={"Authorization": f"Bearer {token}x"}).status_code == 401
        assert client.get("/v1/info", headers={"Authorization": token}).status_code == 401


def test_the_page_shows_it_once_and_gets_a_cookie(guarded):
    server, file = guarded
    token = file.read_text().strip()
    with server.client() as client:
        assert client.post("/v1/session", json={"token": "guess"}).status_code == 401
        assert client.get("/v1/session").json() == {"token_wanted": True, "open": False}
        answer = client.post("/v1/session", json={"token": f" {token.upper()} "})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert token not in cookie
        assert client.get("/v1/info").status_code == 200
        assert client.get("/v1/session").json() == {"token_wanted": True, "open": True}
        assert client.delete("/v1/session").status_code == 204
        assert client.get("/v1/info").status_code == 401


def test_another_program_s_cookie_does_not_lock_the_user_out(guarded):
    server, file = guarded
    with server.client() as client:
        answer = client.post("/v1/session", json={"token": file.read_text().strip()})
        cookie = answer.headers["set-cookie"]
        both = f'other={{"a": [1, "b"]}}; {cookie.partition(";")[0]}'
    with server.client() as client:
        assert client.get("/v1/info", headers={"Cookie": both}).status_code == 200
        assert client.get("/v1/info", headers={"Cookie": 'other={"a": 1}'}).status_code == 401


def test_a_log_out_ends_the_cookie_and_no_other(guarded):
    server, file = guarded
    token = {"token": file.read_text().strip()}
    with server.client() as stays, server.client() as leaves, server.client() as thief:
        assert stays.post("/v1/session", json=token).status_code == 204
        stolen = leaves.post("/v1/session", json=token).headers["set-cookie"].partition(";")[0]
        assert thief.get("/v1/info", headers={"Cookie": stolen}).status_code == 200
        assert leaves.delete("/v1/session").status_code == 204
        assert thief.get("/v1/info", headers={"Cookie": stolen}).status_code == 401
        assert stays.get("/v1/info").status_code == 200


def test_a_forwarded_header_of_anybody_is_not_believed(guarded):
    server, file = guarded
    with server.client() as client:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
        answer = client.post("/v1/session", json={"token": file.read_text().strip()}, headers=headers)
    assert answer.status_code == 204
    assert "Secure" not in answer.headers["set-cookie"]


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory):
    """A server behind a proxy on this machine, and the headers that show its token."""
    home = tmp_path_factory.mktemp("home")
    with serving("demo", "--trusted-proxy", "127.0.0.1", env={"XDG_CONFIG_HOME": str(home)}) as running:
        token = (home / "digitcam" / "token").read_text().strip()
        yield running, {"Authorization": f"Bearer {token}"}


def test_behind_a_proxy_the_token_is_asked_for_and_its_cookie_is_secure(behind_proxy):
    server, headers = behind_proxy
    with server.client() as client:
        assert client.get("/v1/readings").status_code == 401
        token = {"token": headers["Authorization"].partition(" ")[2]}
        for scheme, secure in [("https", True), ("http", False)]:
            answer = client.post("/v1/session", json=token, headers={"X-Forwarded-Proto": scheme})
            assert ("Secure" in answer.headers["set-cookie"]) == secure


def test_behind_a_proxy_the_limit_of_an_address_is_its_client_s(behind_proxy):
    server, headers = behind_proxy

    def of(client):
        return {**headers, "X-Forwarded-For": f"203.0.113.9, {client}"}  # the first is the client's own word

    with server.client() as client, ExitStack() as streams:
        for _ in range(16):
            stream = streams.enter_context(client.stream("GET", "/stream.mjpg", headers=of("192.0.2.7")))
            assert stream.status_code == 200
        refused = client.get("/v1/readings", headers=of("192.0.2.7"))
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert client.get("/v1/readings", headers=of("192.0.2.8")).status_code == 200
    with server.client() as client:
        end = time.monotonic() + PATIENCE_S
        while client.get("/v1/readings", headers=of("192.0.2.7")).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.parametrize("proxy", ["*", "proxy.lan", "10.0.0.0/99"])
def test_a_proxy_that_is_no_address_is_named(proxy, capsys):
    assert main(["serve", "demo", "--trusted-proxy", proxy]) == 2
    assert f"found '{proxy}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "Forwarded", "Via", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-IP"),
        *("CF-Connecting-IP", "True-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For"),
    ],
)
def test_what_a_proxy_passes_on_is_refused_where_no_token_is_asked_for(client, header):
    answer = client.get("/v1/readings", headers={header: "192.0.2.7"})
    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["detail"]


def test_another_name_for_the_server_means_a_token(tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    with serving("demo", "--allow-host", "digits.example", env=env) as server, server.client() as client:
        assert client.get("/v1/readings", headers={"Host": "digits.example"}).status_code == 401
        assert client.get("/v1/readings").status_code == 401
        headers = {"Authorization": f"Bearer {(tmp_path / 'digitcam' / 'token').read_text().strip()}"}
        assert client.get("/v1/readings", headers=headers).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_from_outside_is_orderly_though_somebody_watches(number):
    with serving("demo") as server, server.client() as client, client.stream("GET", "/stream.mjpg") as stream:
        parts = stream.iter_raw()
        received = next(parts)
        children = descendants(server.process.pid)
        assert len(children) >= 1
        server.process.send_signal(number)
        received += b"".join(parts)  # fails where the answer has no end
        assert received.endswith(b"--frame\r\n")
        _, rest = server.process.communicate(timeout=PATIENCE_S)
    assert server.process.returncode == 0
    (summary,) = rest.splitlines()
    assert "numbers accepted" in summary or "number accepted" in summary
    assert not [child for child in children if alive(child)]


def descendants(pid):
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in children for child in file.read_text().split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_is_served_is_recorded_and_written_too(tmp_path):
    recorded, written_to = tmp_path / "out.mp4", tmp_path / "lines"
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with systemd, written_to.open("w") as lines:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "15000000"}
        with serving("demo", "--json", "--record", recorded, env=told, stdout=lines) as server:
            assert systemd.recv(4096) == b"READY=1"
            assert systemd.recv(4096) == b"WATCHDOG=1"
            with server.client() as client:
                end = time.monotonic() + PATIENCE_S
                while not client.get("/v1/readings").json()["last_event"] and time.monotonic() < end:
                    time.sleep(0.05)
            server.process.send_signal(signal.SIGTERM)
            _, rest = server.process.communicate(timeout=PATIENCE_S)
    assert f"as {recorded}" in rest
    assert recorded.stat().st_size > 0
    events = [json.loads(line) for line in written_to.read_text().splitlines()]
    assert events[0]["event"] in ("appeared", "accepted")
    assert events[-1]["event"] == "gone"


def test_a_frame_that_cannot_be_read_is_trouble_that_the_server_tells_of(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import edge.tracker\n"
        "def fail(*what): raise ZeroDivisionError('a fault')\n"
        "edge.tracker.Tracker.update = fail\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    with serving("demo", env={"PYTHONPATH": path}) as server, server.client() as client:
        end = time.monotonic() + PATIENCE_S
        while (camera := client.get("/v1/readings").json()["camera"])["failed"] < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert re.search("frame .* cannot be read: ZeroDivisionError: a fault", camera["trouble"])
        assert camera["frames_per_second"] == 0
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "ZeroDivisionError" in ready.json()["detail"]
        assert re.search(r"digitcam_frames_failed_total [1-9]", client.get("/metrics").text)


def test_a_picture_is_served_as_a_source_too(tmp_path):
    path = tmp_path / "page.png"
    path.write_bytes(PNG)
    with serving(path) as server, server.client() as client:
        end = time.monotonic() + PATIENCE_S
        while not (answer := client.get("/v1/readings").json())["latest"] and time.monotonic() < end:
            time.sleep(0.05)
        assert [reading["text"] for reading in answer["latest"]["readings"]] == ["407"]
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nonsense", "--port", "0"], "unknown source 'nonsense'"),
        (["demo", "--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid port 8000"),
        (["demo", "--port", "0", "--model", "nowhere.tflite"], "cannot read the model nowhere.tflite"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(args, message, capsys):
    assert main(["serve", *args]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_port_that_is_no_port_is_named(capsys):
    assert main(["serve", "demo", "--port", "70000"]) == 2
    assert "expected a port, 0 to 65535, found '70000'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "demo", "--port", str(port)]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mode", "content", "message"),
    [
        (0o644, "abcdefghjkmnpqrstuvw", "others can read the token"),
        (0o600, "short", "expected a token of 16 characters or more"),
    ],
)
def test_a_token_that_is_no_good_is_refused(tmp_path, mode, content, message, capsys):
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(mode)
    assert main(["serve", "demo", "--port", "0", "--token-file", str(file)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert content not in err
