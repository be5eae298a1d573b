"""What of a source's address is told: scheme, host and port, and never a secret."""

import contextlib
import json
import time
from argparse import ArgumentTypeError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import cv2
import pytest
from samples import written

from edge.commands import VERBS, main
from edge.errors import EdgeError
from edge.sources import open_source
from edge.sources.base import public_name

SECRETS = [
    ("rtsp://admin:hunter2@10.0.0.5:554/stream", "rtsp://10.0.0.5:554"),
    ("rtsp://user:hunter@2@camera.lan/stream", "rtsp://camera.lan"),
    ("rtsp://user:hun/ter2@camera.lan", "rtsp://…"),
    ("rtsp://user:12/hunter2@camera.lan", "rtsp://…"),
    ("rtsp://user:a@hunter2/b@camera.lan", "rtsp://…"),
    ("rtsp://hunter2@camera.lan:8554/", "rtsp://camera.lan:8554"),
    ("http://camera.lan/video?user=admin&pwd=hunter2", "http://camera.lan"),
    ("http://camera.lan?pwd=x@hunter2", "http://…"),
    ("rtsp://10.0.0.5:554/user=admin_password=hunter2_channel=1", "rtsp://10.0.0.5:554"),
    ("https://[fe80::1]:8080/hunter2", "https://[fe80::1]:8080"),
    ("https://user:hunter2", "https://…"),
    ("https://user:hunter2\\@camera.lan", "https://…"),
    ("RTSP://user:hunter2@camera.lan", "RTSP://camera.lan"),
    ("user:hunter2@camera.lan/stream", "…"),
    ("camera.lan/video?user=admin&pwd=hunter2", "…"),
    ("camera.lan:554/user=admin_password=hunter2_channel=1", "…"),
]


@pytest.mark.parametrize(("address", "shown"), SECRETS)
def test_of_an_address_only_scheme_host_and_port_are_told(address, shown):
    assert public_name(address) == shown
    assert "hunter" not in shown


@pytest.mark.parametrize(
    "text",
    [
        *("/dev/video0", "0", "picamera:1", "demo", "-", "a/b@c.png", "faulty:/tmp/x@y"),
        *("token=5.jpg", "scans/pass=2.png"),
    ],
)
def test_what_is_no_address_is_shown_as_it_is(text):
    assert public_name(text) == text


@pytest.mark.parametrize("scheme", ["rtsp", "http", "RTSP", "ftp"])
def test_no_error_tells_a_password(scheme):
    """Port 1 of this machine refuses at once."""
    with pytest.raises(EdgeError) as caught:
        open_source(f"{scheme}://user:hunter2@127.0.0.1:1/stream?pwd=hunter2")
    said = str(caught.value)
    assert f"{scheme}://127.0.0.1:1" in said
    assert "hunter2" not in said
    assert "user" not in said


@pytest.mark.parametrize("verb", ["run", "read", "bench", "doctor"])
def test_no_verb_tells_a_password(verb, capfd):
    assert main([verb, "rtsp://user:hunter2@127.0.0.1:1/stream"]) != 0
    told = capfd.readouterr()
    assert "127.0.0.1:1" in told.out + told.err
    assert "hunter2" not in told.out + told.err


ADDRESS = "rtsp://user:hunter2@camera.lan/stream?pwd=hunter2"


def refuses(option):
    """Whether an option does not take an address for its value."""
    try:
        option.convert(ADDRESS)
    except (EdgeError, ArgumentTypeError):
        return True
    return False


REFUSED = [
    [*verb.name.split(), f"--{option.name}", ADDRESS]
    for verb in VERBS
    for option in verb.typed
    if option.kind in ("value", "list", "table") and refuses(option)
]


@pytest.mark.parametrize(
    "words",
    [
        [ADDRESS],
        ["run", "demo", ADDRESS],
        ["run", f"--sorce={ADDRESS}"],
        ["replay", ADDRESS],
        ["model", "show", ADDRESS],
        ["model", "verify", ADDRESS],
        ["history", ADDRESS],
        ["read", "page.png", "--model", ADDRESS],
        *REFUSED,
    ],
    ids=" ".join,
)
def test_an_address_in_a_wrong_place_does_not_tell_its_password_either(words, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    told = capfd.readouterr()
    assert told.err
    assert "hunter2" not in told.out + told.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "setting",
    [f'size = "{ADDRESS}"', f'source = ["{ADDRESS}"]', f'mqtt = "{ADDRESS}"', f'sorce = "{ADDRESS}"'],
)
def test_settings_that_make_no_sense_do_not_tell_a_password(setting, capfd, tmp_path, monkeypatch):
    (tmp_path / "digitcam.toml").write_text(setting)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["run"]) == 2
    told = capfd.readouterr()
    assert "digitcam.toml" in told.err
    assert "hunter2" not in told.out + told.err


class Camera(BaseHTTPRequestHandler):
    """Sends one picture after the other, as network cameras do."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
        self.end_headers()
        jpeg = cv2.imencode(".jpg", written("407"))[1].tobytes()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"--x\r\nContent-Type: image/jpeg\r\n")
                self.wfile.write(b"Content-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg))
                time.sleep(0.02)

    def log_message(self, *args):
        """Say nothing."""


def test_the_frames_of_a_network_camera_do_not_tell_its_password(capfd):
    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        address = f"http://user:hunter2@127.0.0.1:{port}/video?pwd=hunter2"
        assert main(["run", address, "--frames", "1", "--json", "--every-frame"]) == 0
        server.shutdown()
    told = capfd.readouterr()
    assert json.loads(told.out.splitlines()[0])["source"] == f"http://127.0.0.1:{port}"
    assert "hunter2" not in told.out + told.err
