"""`digitcam serve`: its arguments. What they start needs the extra `web` and is imported only then."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from edge.sources import KINDS

PORT = 8000

ROOMY = 1 << 30
"""Bytes of memory from which on two processes read uploads; each takes 130 MB."""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Add `serve` to the command line's verbs."""
    serve: argparse.ArgumentParser = verbs.add_parser(
        "serve",
        help="show the web page and answer the REST API",
        description="Serve the web page, the REST API and the live view of a source.",
    )
    serve.add_argument(
        "source", nargs="?", help=f"{', '.join(KINDS)} (default: the camera that is there, else demo)"
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen (default 127.0.0.1: this machine only; 0.0.0.0: the network, with a token)",
    )
    serve.add_argument(
        "--port", type=_port, default=PORT, metavar="N", help=f"default {PORT}; 0 takes a free one"
    )
    serve.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="holds the token, and is made where it is missing (default ~/.config/digitcam/token); given, "
        "this machine must show the token too",
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name that clients call this server by; can be given again",
    )
    serve.add_argument(
        "--readers",
        type=int,
        choices=range(1, 17),
        default=_readers(),
        metavar="N",
        help="processes that read uploaded pictures, 1 to 16 (default 2; 1 where memory is short)",
    )
    return serve


def _readers() -> int:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(2 if memory >= ROOMY else 1, os.cpu_count() or 1)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, 0 to 65535, found {text!r}")
    return int(text)
