"""Deadlines and limits, shortened, before an application that does next to nothing."""

import asyncio
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

import uvicorn
from websockets.sync.client import connect as connect_websocket

from edge.server import connections as limits
from edge.server.connections import Connections, Http, WebSocket

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    """Answers with the length of the body; at /stream, without end; at /slow, after a while."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await asyncio.sleep(1.5)
        await send({"type": "websocket.send", "text": "still here"})
        return
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    if message["type"] == "http.disconnect":
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    gone = asyncio.ensure_future(receive())
    while scope["path"] == "/stream" and not gone.done():
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
        await asyncio.sleep(0)
    gone.cancel()
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture
def address(monkeypatch):
    """Where a server listens whose deadlines are 0.6, 0.9 and 0.8 s."""
    for name, seconds in {"headers": 0.6, "body": 0.9, "idle": 0.8}.items():
        monkeypatch.setitem(limits.LIMITS_S, name, seconds)
    monkeypatch.setattr(limits, "UNREAD_S", 0.5)
    monkeypatch.setattr(limits, "GRACE_S", 0.2)
    every = Connections()
    config = uvicorn.Config(
        app,
        http=partial(Http, every),
        ws=partial(WebSocket, every),
        lifespan="off",
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()
    assert len(every) == 0


def connect(address, number=1):
    """A connection from one of this machine's many addresses."""
    return socket.create_connection(address, timeout=5, source_address=(f"127.0.1.{number}", 0))


def rest(connection):
    """All that still comes, until the server hangs up."""
    data = b""
    try:
        while chunk := connection.recv(1 << 16):
            data += chunk
    except ConnectionResetError:
        data += b"<reset>"
    return data


def ask(connection, request=REQUEST):
    connection.sendall(request)
    answer = connection.recv(1 << 16)
    while answer.startswith(b"HTTP/1.1 200") and not answer.endswith(b"\r\n0\r\n\r\n"):
        answer += connection.recv(1 << 16)
    return answer


@pytest.mark.parametrize(
    ("start", "drop", "waited_for", "limit_s"),
    [
        (b"GET / HTTP/1.1\r\nX: ", b"x", "headers", 0.6),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", b"x", "body", 0.9),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "body", 0.9),
    ],
)
def test_dripping_does_not_move_the_deadline(address, start, drop, waited_for, limit_s):
    with connect(address) as connection:
        started = time.monotonic()
        connection.sendall(start)
        connection.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - started < 60:
            connection.sendall(drop)
            try:
                answer = connection.recv(1 << 16)
            except TimeoutError:
                continue
        assert time.monotonic() - started > limit_s - 0.1  # how much later, a busy machine decides
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert f"the whole {waited_for} of the request".encode() in answer


def test_a_connection_that_says_nothing_is_closed(address):
    with connect(address) as connection:
        started = time.monotonic()
        rest(connection)
        assert time.monotonic() - started > 0.5


def test_an_idle_connection_is_kept_a_while_and_then_closed(address):
    with connect(address) as connection:
        assert ask(connection).startswith(b"HTTP/1.1 200")
        time.sleep(0.4)
        assert ask(connection).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        rest(connection)
        assert time.monotonic() - started > 0.6


def test_an_answer_may_take_longer_than_any_deadline(address):
    with connect(address) as connection:
        assert ask(connection, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_websocket_outlives_all_deadlines(address):
    with connect_websocket("ws://x/", sock=connect(address)) as socket:
        assert socket.recv(timeout=60) == "still here"


def test_what_is_no_http_is_a_problem(address):
    with connect(address) as connection:
        answer = ask(connection, b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


def test_who_does_not_read_is_dropped(address):
    with connect(address) as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        dropped = False
        while not dropped and time.monotonic() - started < 60:
            time.sleep(0.1)
            try:
                connection.sendall(b" ")
            except OSError:
                dropped = True
        assert dropped
        assert time.monotonic() - started > 0.4


@contextmanager
def holding(connections):
    """Connections that are closed in the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(connection) for connection in connections]


def test_who_has_all_connections_of_an_address_is_told_to_come_back(address):
    with holding(connect(address) for _ in range(16)) as held:
        for connection in held:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        with connect(address) as another:
            answer = rest(another)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer
        with connect(address, 2) as other:
            assert ask(other).startswith(b"HTTP/1.1 200")
        assert all(connection.recv(1 << 16).startswith(b"HTTP/1.1 200") for connection in held)


def test_an_address_whose_connections_only_drip_gives_one_up(address):
    with holding(connect(address) for _ in range(16)) as held:
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.3)
        with connect(address) as another:
            assert ask(another).startswith(b"HTTP/1.1 200")
        assert rest(held[0]).startswith(b"HTTP/1.1 503 ")


def test_between_two_requests_a_connection_gives_way_at_once(address, monkeypatch):
    monkeypatch.setattr(limits, "GRACE_S", 60)
    with holding(connect(address) for _ in range(16)) as held:
        for connection in held:
            assert ask(connection).startswith(b"HTTP/1.1 200")
        with connect(address) as another:
            assert ask(another).startswith(b"HTTP/1.1 200")
        assert rest(held[0]) == b""


def test_those_who_hold_all_places_do_not_keep_others_out(address):
    with holding(connect(address, 10 + number // 8) for number in range(64)):
        for number in range(2, 6):
            with connect(address, number) as other:
                assert ask(other).startswith(b"HTTP/1.1 200")


def test_a_refused_client_gets_its_answer_though_it_still_sends(address):
    with holding(connect(address) for _ in range(16)) as held:
        for connection in held:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        with connect(address) as another:
            another.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + bytes(200_000))
            assert rest(another).startswith(b"HTTP/1.1 503 ")
