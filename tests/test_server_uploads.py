"""Who waits for whom when pictures are uploaded, and what becomes of those whose client has left."""

import asyncio
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from samples import written

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

import httpx
from fastapi import FastAPI
from serving import serving

from edge.reader import DigitReader
from edge.server import uploads as module
from edge.server.api import status_api
from edge.server.problems import Problem
from edge.server.uploads import BusyError, LeftError, Uploads

PNG = cv2.imencode(".png", written("407"))[1].tobytes()


def answer(message):
    """What a child does in these tests: a picture may be slow."""
    picture = message.partition(b"\n")[2]
    if picture.startswith(b"slow"):
        time.sleep(120)
    return picture[:5]


@pytest.fixture
def make(monkeypatch):
    """Uploads that are read by the function above."""
    monkeypatch.setattr(module, "READ", "test_server_uploads:answer")
    monkeypatch.setattr(module, "LEFT_S", 0.2)
    return Uploads


class Client:
    """Sends a picture, and may leave."""

    def __init__(self, uploads, picture, address):
        self.leave = asyncio.Event()
        self.answer = asyncio.create_task(uploads.read(self._body(picture), "json", address, self.leave.wait))

    @staticmethod
    async def _body(picture):
        yield picture


async def until(what):
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.01)


def started(uploads):
    """How many pictures are at a child."""
    return len(uploads._readings) - len(uploads._waiting)


def test_clients_that_leave_hold_nothing(make):
    async def run(uploads):
        left = [Client(uploads, b"slow", f"192.0.2.{number}") for number in range(4)]
        await until(lambda: uploads.oldest_s() > 0)
        for client in left:
            client.leave.set()
        for client in left:
            with pytest.raises(LeftError):
                await client.answer
        assert await asyncio.wait_for(Client(uploads, b"quick", "192.0.2.9").answer, 60) == b"quick"
        assert uploads.oldest_s() == 0

    with make(1) as uploads:
        asyncio.run(run(uploads))


def test_an_address_has_one_picture_read_at_a_time(make):
    async def run(uploads):
        slow = [Client(uploads, b"slow", "192.0.2.1") for _ in range(3)]
        await until(lambda: started(uploads) == 3)
        assert uploads.oldest_s() == 0  # its others wait for itself, not for a child
        assert await asyncio.wait_for(Client(uploads, b"quick", "192.0.2.2").answer, 60) == b"quick"
        slow[0].leave.set()  # the next takes its turn
        with pytest.raises(LeftError):
            await slow[0].answer
        for client in slow[1:]:
            client.leave.set()
        assert await asyncio.wait_for(Client(uploads, b"again", "192.0.2.1").answer, 60) == b"again"

    with make(2) as uploads:
        asyncio.run(run(uploads))


def test_more_than_can_wait_are_told_to_come_back(make, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 1)

    async def run(uploads):
        held = [Client(uploads, b"slow", f"192.0.2.{number}") for number in range(2)]
        await until(lambda: len(uploads._readings) == 2)
        with pytest.raises(BusyError):
            await Client(uploads, b"quick", "192.0.2.9").answer
        for client in held:
            client.leave.set()

    with make(1) as uploads:
        asyncio.run(run(uploads))


@pytest.mark.parametrize(("oldest_s", "status"), [(9.0, 200), (11.0, 503)])
def test_the_server_is_not_ready_while_a_picture_waits_for_long(classifier, oldest_s, status):
    uploads = SimpleNamespace(ready=True, oldest_s=lambda: oldest_s)
    live = SimpleNamespace(live=False, view=SimpleNamespace(failures=()))
    app = FastAPI()
    app.add_exception_handler(Problem, lambda request, problem: problem.response())
    app.include_router(
        status_api(
            live,
            uploads,
            DigitReader(classifier),
            SimpleNamespace(content_type="text/plain"),
            SimpleNamespace(states=list),
        )
    )

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get("/readyz")

    assert asyncio.run(ask()).status_code == status


@contextmanager
def slow_server(folder):
    """A server whose children take two minutes for a picture that is 321 pixels wide."""
    (folder / "sitecustomize.py").write_text(
        "import time\n"
        "from edge.reader import DigitReader\n"
        "read = DigitReader.read_image\n"
        "def slowly(self, image, *rest):\n"
        "    if image.shape[1] == 321: time.sleep(120)\n"
        "    return read(self, image, *rest)\n"
        "DigitReader.read_image = slowly\n"
    )
    path = os.pathsep.join([str(folder), str(Path(__file__).parent.parent)])
    with serving("demo", "--readers", "2", env={"PYTHONPATH": path}) as server:
        yield server


def test_four_uploads_whose_clients_hang_up_hold_nobody_up(tmp_path):
    slow = cv2.imencode(".png", written("407", (240, 321)))[1].tobytes()
    head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(slow)}\r\n\r\n".encode()
    with slow_server(tmp_path) as server:
        for number in range(1, 5):
            with socket.create_connection(
                ("127.0.0.1", server.port), source_address=(f"127.0.1.{number}", 0)
            ) as client:
                client.sendall(head + slow)
                time.sleep(0.2)
        with server.client() as client:
            answer = client.post("/v1/predict", content=PNG)
            assert answer.status_code == 200
            assert 'digitcam_uploads_total{status="408"} 4.0' in client.get("/metrics").text
