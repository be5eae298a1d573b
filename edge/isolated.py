"""Run a function on untrusted bytes in a process of its own, with limits on time and memory.

Native decoders and interpreters crash on damaged input (LiteRT's constructor was seen to die of a one-byte
change in a model): here only the child dies.
"""

from __future__ import annotations

import contextlib
import importlib
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from edge.errors import EdgeError

_BOOT = """
import sys
sys.path[:] = {path!r}
from edge.isolated import _child
_child({target!r}, {memory_mb!r})
"""

_LENGTH = 8
"""Bytes of a message's length, which goes before it; in an answer, one more says whether it is good."""

_DONE, _REFUSED, _FAILED = b"\x00", b"\x01", b"\x02"
"""What an answer holds: what the function returned, the message of its `EdgeError`, or that of what it died
of."""


class IsolatedError(EdgeError, RuntimeError):
    """The child refused the bytes, crashed, or took too long or too much."""


class Isolated:
    """A child process that calls one function again and again; it is started when it is first needed.

    What the function keeps between two calls stays as it was. A child that crashes or goes beyond a limit is
    gone, and the next call starts another.

    Args:
        target: "module:function"; the function takes bytes and returns bytes.
        memory_mb: megabytes of address space that the child may take.
    """

    def __init__(self, target: str, *, memory_mb: int = 2048) -> None:
        self._code = _BOOT.format(path=sys.path, target=target, memory_mb=memory_mb)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def running(self) -> bool:
        """Whether a call would find the child ready."""
        return self._process is not None

    def call(self, data: bytes, *, timeout_s: float = 20.0) -> bytes:
        """Call the function with `data` and return what it returns.

        Args:
            data: what it is given.
            timeout_s: seconds after which the child is killed; they include its start.

        Raises:
            IsolatedError: with the function's own message when it raised an `EdgeError`, otherwise with what
                became of the child.
        """
        channel = self._socket or self._start()
        end = time.monotonic() + timeout_s
        try:
            channel.settimeout(timeout_s)
            channel.sendall(len(data).to_bytes(_LENGTH) + data)
            head = _receive(channel, _LENGTH + 1, end)
            answer = _receive(channel, int.from_bytes(head[:_LENGTH]), end)
        except TimeoutError as error:
            self.close()
            raise IsolatedError(f"it took more than {timeout_s:g} s") from error
        except OSError as error:
            raise IsolatedError(f"the process that opened it died ({self._ended()})") from error
        kind = head[_LENGTH:]
        if kind == _DONE:
            return answer
        message = answer.decode()
        if kind == _REFUSED:
            raise IsolatedError(message)
        self.close()
        raise IsolatedError(f"the process that opened it died ({message})")

    def close(self) -> None:
        """Kill the child; may be called twice."""
        if self._process is not None and self._socket is not None:
            self._socket.close()
            self._process.kill()
            self._process.wait()
        self._process = self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self._code],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # A session of its own: Ctrl-C at the terminal is the parent's to answer.
                start_new_session=True,
            )
        self._socket = ours
        return ours

    def _ended(self) -> str:
        """How the child ended that hung up, in words."""
        process = self._process
        if process is None:  # `close` was called from another thread
            return "it was closed"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
        code = process.poll()
        self.close()
        if code is None:
            return "it hung up"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def run_isolated(target: str, data: bytes, *, timeout_s: float = 20.0, memory_mb: int = 2048) -> bytes:
    """Call a function once, in a child process of its own: `Isolated` for a single call.

    Raises:
        IsolatedError: as `Isolated.call` does.
    """
    with Isolated(target, memory_mb=memory_mb) as child:
        return child.call(data, timeout_s=timeout_s)


def _receive(channel: socket.socket, size: int, end: float) -> bytes:
    """Wait for `size` bytes until a moment of `time.monotonic`."""
    data = bytearray()
    while len(data) < size:
        channel.settimeout(max(1e-3, end - time.monotonic()))
        chunk = channel.recv(min(1 << 20, size - len(data)))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return bytes(data)


def _child(target: str, memory_mb: int) -> None:
    """What the child does: answer until its parent hangs up."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = target.partition(":")
    with socket.socket(fileno=sys.stdin.fileno()) as channel, channel.makefile("rwb") as stream:
        while head := stream.read(_LENGTH):
            try:
                # Imported here, so that what goes wrong with it is said as well.
                function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), name)
                kind, answer = _DONE, function(stream.read(int.from_bytes(head)))
            except EdgeError as error:
                kind, answer = _REFUSED, str(error).replace("\n", " ").encode()
            except Exception as error:  # MemoryError, and whatever else damaged input brings about
                message = " ".join(str(error).split())
                kind, answer = _FAILED, f"{type(error).__name__}{': ' + message if message else ''}".encode()
            stream.write(len(answer).to_bytes(_LENGTH) + kind + answer)
            stream.flush()
