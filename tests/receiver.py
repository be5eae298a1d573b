"""An HTTP server that takes webhooks, and fails as servers do."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OK = 204


@dataclass
class Got:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes
    client: tuple[str, int]


@dataclass
class Receiver:
    """What it got, and what it does with the next requests: a status, or the name of a fault.

    Attributes:
        url: where it listens.
        plan: what is done with each request in turn; then all get the last of it.
        got: requests that came whole, whatever was answered.
        headers: of the answers.
    """

    url: str = ""
    plan: list[int | str] = field(default_factory=lambda: [OK])
    got: list[Got] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in the order in which they came; repeats as well."""
        return [got.headers["webhook-id"] for got in self.got]

    def wait_for(self, count: int, seconds: float = 30.0) -> None:
        """Wait until it got so many requests."""
        until = time.monotonic() + seconds
        while len(self.got) < count:
            assert time.monotonic() < until, f"{len(self.got)} requests instead of {count}"
            time.sleep(0.005)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.got.append(Got(self.path, dict(self.headers), body, self.client_address))
        act = receiver.plan.pop(0) if len(receiver.plan) > 1 else receiver.plan[0]
        if isinstance(act, int):
            self.send_response(act)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            getattr(self, f"_{act}")()

    def _hang(self) -> None:
        self.receiver.ended.wait()
        self.close_connection = True

    def _drip(self) -> None:
        """Begin to answer, a byte at a time, and never come to the status."""
        self._drip_behind(b"HTTP/1")

    def _drip_head(self) -> None:
        """Answer with a status and a header without an end."""
        self._drip_behind(b"HTTP/1.1 204 No Content\r\nX: ")

    def _drip_behind(self, begin: bytes) -> None:
        self.wfile.write(begin)
        while not self.receiver.ended.wait(0.02):
            self.wfile.write(b"1")
        self.close_connection = True

    def _close(self) -> None:
        """Close without a word."""
        self._end()

    def _break_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 204 No Con")
        self._end()

    def _break_body(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
        self._end()

    def _endless(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not self.receiver.ended.is_set():
            self.wfile.write(bytes(1 << 16))
        self.close_connection = True

    def _nonsense(self) -> None:
        self.wfile.write(b"220 mail.example ESMTP s3cret\r\n")
        self._end()

    def _leave(self) -> None:
        """Answer, then close the connection without having said so."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self._end()

    def _end(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def handle_error(self, *_: object) -> None:
        pass  # clients that hang up are a part of the tests


@contextmanager
def receiving(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    """Run one, with TLS where there is a context."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    with _Server(("127.0.0.1", port), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if context is None else "https"
        receiver.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/hook/s3cret"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.ended.set()
            server.shutdown()
            thread.join()
