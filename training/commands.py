"""What the command lines of the workstation have in common."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.errors import EdgeError, UsageError
from edge.workers.places import LOCAL, Place

CONFIG = "config.json"
"""In a run folder: what the run was made of."""


def exit_code(work: Callable[[], None]) -> int:
    """Do it; returns 0 when it is done, 2 for bad usage or input, 1 when training went astray."""
    try:
        work()
    except ArithmeticError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except EdgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def add_run(parser: argparse.ArgumentParser, name: str) -> None:
    """Add `--run` and `--resume`; `name` begins the name that a run gets without them."""
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--run", type=Path, metavar="DIR", help=f"new run folder (default: runs/{name}-TIME)")
    folder.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run")


def add_place(parser: argparse.ArgumentParser, *, workers: int) -> None:
    """Add `--workers` and `--cluster`; so many workers are the usual."""
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help=f"processes that draw, on this machine (default: {workers})",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="draw on the Dask cluster whose scheduler has this address, such as tcp://10.0.0.1:8786; local "
        "starts one here. The data must be in the same folder on each of its machines",
    )
    parser.set_defaults(usual_workers=workers)


def place_of(options: argparse.Namespace) -> Place:
    """Where to draw.

    Raises:
        UsageError: a number of workers for a cluster that is there already.
    """
    workers = options.workers
    if workers is None and options.cluster in (None, LOCAL):
        workers = options.usual_workers
    return Place(workers, options.cluster)


def new_run(options: argparse.Namespace, name: str) -> Path:
    """The folder of a new run.

    Raises:
        UsageError: when there is a run in it.
    """
    folder: Path = options.run or Path("runs") / time.strftime(f"{name}-%Y%m%d-%H%M%S")
    if (folder / CONFIG).exists():
        raise UsageError(f"{folder} holds a run already: go on with it by --resume {folder}, or name another")
    return folder


def resumed_run(options: argparse.Namespace, fixed: Sequence[str]) -> Path:
    """The folder of the run to go on with.

    Args:
        options: the command line's.
        fixed: names of the options that a run has settled once and for all.

    Raises:
        UsageError: when one of those was given.
    """
    if any(getattr(options, name) is not None for name in fixed):
        raise UsageError(f"--resume takes {', '.join(f'--{name}' for name in fixed)} from the run itself")
    folder: Path = options.resume
    return folder


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Ctrl-C ends the program with one line, which tells how to go on, and the exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"stopped: go on with --resume {folder}", file=sys.stderr)
        raise SystemExit(130) from None


def count(text: str) -> int:
    """An argument that is a number of 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, found {text!r}")
    return int(text)


def positive(text: str) -> int:
    """An argument that is a number of 1 or more."""
    number = count(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, found {text!r}")
    return number
