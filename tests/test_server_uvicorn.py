"""What `edge.server.connections` relies on inside uvicorn, of which uvicorn promises nothing."""

import socket
import threading

import pytest

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Watched(H11Protocol):
    """Notes which of its methods uvicorn calls, and what is set whenever one is over."""

    called: set[str]
    set_then: dict[str, set[str]]

    def connection_made(self, transport):
        super().connection_made(transport)
        self._note("connection_made")

    def data_received(self, data):
        super().data_received(data)
        self._note("data_received")

    def on_response_complete(self):
        super().on_response_complete()
        self._note("on_response_complete")

    def send_400_response(self, msg):
        super().send_400_response(msg)
        self._note("send_400_response")

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self._note("connection_lost")

    def _note(self, name):
        self.called.add(name)
        self.set_then[name] = {
            key for key in ("conn", "cycle", "flow", "loop", "transport") if getattr(self, key)
        }
        if self.cycle is not None:
            keys = ("response_started", "response_complete")
            self.set_then[name] |= {key for key in keys if isinstance(getattr(self.cycle, key), bool)}


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def watched():
    """A server whose connections are noted; its address, and the notes."""
    notes = type("Notes", (Watched,), {"called": set(), "set_then": {}})
    server = Server(Config(app, http=notes, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname(), notes
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def ask(address, request):
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(1000), b""))


def test_uvicorn_calls_the_methods_that_are_extended(watched):
    address, notes = watched
    assert ask(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 204")
    assert ask(address, b"no request\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert notes.called >= {"connection_made", "data_received", "on_response_complete", "send_400_response"}


def test_what_is_read_of_a_connection_is_set_from_its_beginning_on(watched):
    address, notes = watched
    ask(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert notes.set_then["connection_made"] == {"conn", "flow", "loop", "transport"}
    assert notes.set_then["on_response_complete"] >= {"cycle", "response_started", "response_complete"}


@pytest.mark.parametrize(
    ("owner", "methods"),
    [
        (H11Protocol, "pause_writing resume_writing"),
        (WebSocketsSansIOProtocol, "connection_made connection_lost pause_writing resume_writing"),
        (Server, "run shutdown"),
    ],
)
def test_the_other_methods_that_are_extended_are_there(owner, methods):
    for name in methods.split():
        assert callable(getattr(owner, name))
