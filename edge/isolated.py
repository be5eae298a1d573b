"""Run a function on untrusted bytes in a process of its own, with limits on time and memory.

Native decoders and interpreters crash on damaged input (LiteRT's constructor was seen to die of a one-byte
change in a model): here only the child dies.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.errors import EdgeError
from edge.heap import give_back

_CALL = struct.Struct("!Qd")
"""Before a message: its length, and how many seconds of the processor's time it may take (0: any)."""

_ANSWER = struct.Struct("!Qc")
"""Before an answer: its length and kind."""

_DONE, _REFUSED, _FAILED = b"\x00", b"\x01", b"\x02"
"""What an answer holds: what the function returned, the message of its `EdgeError`, or that of what it died
of."""


class IsolatedError(EdgeError, RuntimeError):
    """The child refused the bytes, crashed, or took too long or too much."""


class TooLongError(IsolatedError):
    """The child took too long."""


class DiedError(IsolatedError):
    """The child died, or could not be started."""


class Isolated:
    """A child process that calls one function again and again; it is started when it is first needed.

    What the function keeps between two calls stays as it was. A child that crashes or goes beyond a limit is
    gone, and the next call starts another.

    Args:
        target: "module:function"; the function takes bytes and returns bytes.
        memory_mb: megabytes of address space that the child may take; None: no limit, for a function that is
            trusted. (A service of systemd may not be allowed to set limits.)
        python: the interpreter of another environment, which brings packages of its own but runs this code;
            None is this one.
    """

    def __init__(self, target: str, *, memory_mb: int | None = 2048, python: Path | None = None) -> None:
        self._command = python_command("edge.isolated:_child", target, memory_mb or 0, python=python)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def running(self) -> bool:
        """Whether a call would find the child ready."""
        return self._process is not None

    def call(self, data: bytes, *, timeout_s: float = 20.0, cpu_s: float = 0.0) -> bytes:
        """Call the function with `data` and return what it returns.

        Args:
            data: what it is given.
            timeout_s: seconds after which the child is killed; they include its start.
            cpu_s: seconds of the processor's time after which it is killed, however busy the machine is,
                unless the function has called `lift_cpu_limit` by then; 0 sets no such limit.

        Raises:
            IsolatedError: with the function's own message when it raised an `EdgeError`.
            DiedError: the child died; the message says of what.
            TooLongError: it took too long, and was killed.
        """
        channel = self._socket or self._start()
        end = time.monotonic() + timeout_s
        try:
            channel.settimeout(timeout_s)
            channel.sendall(_CALL.pack(len(data), cpu_s) + data)
            size, kind = _ANSWER.unpack(_receive(channel, _ANSWER.size, end))
            answer = _receive(channel, size, end)
        except TimeoutError as error:
            self.close()
            raise TooLongError(f"it took more than {timeout_s:g} s") from error
        except OSError as error:
            code, said = self._ended()
            if code == -signal.SIGPROF:
                raise TooLongError(f"it took more than {cpu_s:g} s of the processor's time") from error
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise DiedError(f"the process that opened it died ({how}{said and ': ' + said})") from error
        if kind == _DONE:
            return answer
        message = answer.decode()
        if kind == _REFUSED:
            raise IsolatedError(message)
        self.close()
        raise DiedError(f"the process that opened it died ({message})")

    def kill(self) -> None:
        """Kill the child from another thread than the calls, at once: the call under way raises."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Kill the child; may be called twice, and from another thread than the calls."""
        process, channel = self._process, self._socket
        self._process = self._socket = None
        if channel is not None:
            channel.close()
        if process is not None:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,  # until it is ready: why it cannot start
                    # Ctrl-C at the terminal is the parent's to answer. (A session of its own would see to it
                    # too; but Linux shares the processor between sessions, and niceness counts inside one.)
                    process_group=0,
                )
            except OSError as error:
                ours.close()
                raise DiedError(f"cannot run {self._command[0]}: {error.strerror or error}") from error
        self._socket = ours
        return ours

    def _ended(self) -> tuple[int, str]:
        """The exit code of the child that hung up, negative for a signal, and its last words."""
        process = self._process
        if process is None or process.stderr is None:  # `close` was called from another thread
            return -signal.SIGKILL, ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
        process.kill()
        said = b""
        with contextlib.suppress(ValueError):  # closed from another thread
            said = process.stderr.read()
        self.close()
        return process.returncode, said.decode(errors="replace").strip().rpartition("\n")[2]


def lift_cpu_limit() -> None:
    """In a child, once its bytes have proven good: from here on, only `timeout_s` limits the call."""
    signal.setitimer(signal.ITIMER_PROF, 0)


def run_isolated(
    target: str, data: bytes, *, timeout_s: float = 20.0, memory_mb: int = 2048, python: Path | None = None
) -> bytes:
    """Call a function once, in a child process of its own: `Isolated` for a single call.

    Raises:
        IsolatedError: as `Isolated.call` does.
    """
    with Isolated(target, memory_mb=memory_mb, python=python) as child:
        return child.call(data, timeout_s=timeout_s)


def python_command(target: str, *args: str | int, python: Path | None = None) -> list[str]:
    """The command that calls a function in a new Python, which finds modules where this one does.

    Args:
        target: "module:function".
        args: what it is given.
        python: the interpreter of another environment, whose packages come after this code; None is this one.
    """
    module, _, name = target.partition(":")
    path = repr(sys.path) if python is None else f"[{str(_CODE)!r}, *sys.path]"
    call = f"from {module} import {name}; {name}(*{args!r})"
    return [str(python or sys.executable), "-c", f"import sys; sys.path[:] = {path}; {call}"]


_CODE = Path(__file__).parent.parent
"""Where this package is."""


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
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # nobody reads it: it would fill up
    if memory_mb:
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = target.partition(":")
    with socket.socket(fileno=sys.stdin.fileno()) as channel, channel.makefile("rwb") as stream:
        while head := stream.read(_CALL.size):
            size, cpu_s = _CALL.unpack(head)
            data = stream.read(size)
            signal.setitimer(signal.ITIMER_PROF, cpu_s)  # ends the process, wherever it is
            try:
                # Imported here, so that what goes wrong with it is said as well.
                function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), name)
                kind, answer = _DONE, function(data)
            except EdgeError as error:
                kind, answer = _REFUSED, str(error).replace("\n", " ").encode()
            except Exception as error:  # MemoryError, and whatever else damaged input brings about
                message = " ".join(str(error).split())
                kind, answer = _FAILED, f"{type(error).__name__}{': ' + message if message else ''}".encode()
            signal.setitimer(signal.ITIMER_PROF, 0)
            stream.write(_ANSWER.pack(len(answer), kind) + answer)
            stream.flush()
            data = answer = b""
            give_back()  # until the next call, which may be hours away
