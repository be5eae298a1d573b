"""Run a function on untrusted bytes in a process of its own, with limits on time and memory.

Native decoders and interpreters crash on damaged input (LiteRT's constructor was seen to die of a one-byte
change in a model): here only the child dies.
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edge.errors import EdgeError

_REFUSED = 3
"""Exit code of a child whose function raised an `EdgeError`: its message is on standard error."""


class IsolatedError(EdgeError, RuntimeError):
    """The child refused the bytes, crashed, or took too long or too much."""


def run_isolated(
    target: str,
    data: bytes,
    *,
    timeout_s: float = 20.0,
    memory_mb: int = 2048,
    python: Path | None = None,
) -> bytes:
    """Call a function with `data` in a child process and return the bytes that it returns.

    Args:
        target: "module:function"; the function takes bytes and returns bytes.
        data: what it is given.
        timeout_s: seconds after which the child is killed.
        memory_mb: megabytes of address space that the child may take.
        python: the interpreter of another environment, which brings packages of its own but runs this code;
            None is this one.

    Raises:
        IsolatedError: with the function's own message when it raised an `EdgeError`, otherwise with what
            became of the child.
    """
    command = python_command("edge.isolated:_child", target, memory_mb, python=python)
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=timeout_s)
    except OSError as error:
        raise IsolatedError(f"cannot run {python}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise IsolatedError(f"it took more than {timeout_s:g} s") from error
    if done.returncode == 0:
        return done.stdout
    last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == _REFUSED:
        raise IsolatedError(last)
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    raise IsolatedError(f"the process that opened it died ({how}{': ' + last if last else ''})")


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


def _child(target: str, memory_mb: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = target.partition(":")
    function: Callable[[bytes], bytes] = getattr(importlib.import_module(module), name)
    try:
        answer = function(sys.stdin.buffer.read())
    except EdgeError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        raise SystemExit(_REFUSED) from error
    sys.stdout.buffer.write(answer)
