"""What the command line says: results on standard output, all else on standard error."""

from __future__ import annotations

import os
import re
import sys

from edge.errors import EdgeError, OutputError, ReadingError
from edge.files import write_line
from edge.sources.base import public_name

_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*:/+[^\s'\"]*[@?][^\s'\"]*")
"""An address that may hold a password, wherever it stands in a line."""


def put(text: str) -> None:
    """Write results, which the next program in a pipe sees at once.

    Raises:
        BrokenPipeError: the next program has seen enough.
        OutputError: they cannot be written, as on a full disk.
    """
    write_line(sys.stdout, text)


def say(text: str) -> None:
    """Tell whoever started the command; of an address in it, no more than `public_name` does.

    Somebody may have written the address of a camera where something else was expected, and the lines of a
    service end up in a journal that others read.
    """
    told = _ADDRESS.sub(lambda found: public_name(found[0]), text)
    print(f"digitcam: {told}", file=sys.stderr, flush=True)


class Errors:
    """Says each error in one line, and remembers that there was one."""

    def __init__(self) -> None:
        self.exit_code = 0

    def add(self, error: EdgeError) -> None:
        """Say an error; the command goes on."""
        say(f"error: {error}")
        self.exit_code = exit_code(error)


def exit_code(error: EdgeError) -> int:
    """2 for what the user can put right by asking for something else; 1 for a machine that cannot do it."""
    return 1 if isinstance(error, OutputError | ReadingError | ImportError) else 2


def need_streams() -> None:
    """Make sure that there is somewhere to write to.

    Python has None for a stream that was closed before it started (`>&-`), and the next file that is opened
    would get its number.

    Raises:
        OutputError: standard output is closed.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for as long as we run
    if sys.stdout is None:
        raise OutputError(
            "cannot write to standard output: it is closed; to throw the results away, add >/dev/null"
        )


def leave_standard_output() -> None:
    """Spare Python's complaint when it closes a standard output that takes no more."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
