"""`digitcam serve`: the page and the REST API. What it starts needs the extra `web`, and is imported then."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from edge.commands import values
from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    FIELD,
    FORMAT_AND_REGION,
    HISTORY,
    KEEPING,
    MODELS,
    OUTPUTS,
    SENDING,
    STATE,
    THREADS,
    fields_asked,
    source_argument,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.config import settings_files
from edge.commands.output import Errors, say
from edge.commands.parser import Option, Verb
from edge.errors import PackageMissingError
from edge.heap import share_one

PORT = 8000

ROOMY = 1 << 30
"""Bytes of memory from which on two processes read uploads; each takes 50 MB, and 120 while it reads a large
photo."""

MOST_READERS = 16


def _serve(args: argparse.Namespace) -> int:
    try:
        from edge.server.fields_file import FieldsFile
        from edge.server.serve import serve
    except ImportError as error:
        raise PackageMissingError.of_extra("web", f"the web page needs {error.name}") from error
    if args.source:
        tell_what_is_not_taken(args, args.source)
    share_one()
    errors = Errors()
    file = FieldsFile(*settings_files(os.environ))
    fields = fields_asked(args)
    return serve(args, source_options(args), fields, file, say, errors.add) or errors.exit_code


def _readers() -> int:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(2 if memory >= ROOMY else 1, os.cpu_count() or 1)


VERB = Verb(
    name="serve",
    help="show the web page and answer the REST API",
    description="Serve the web page, the REST API and the live view of a source.",
    options=(
        source_argument("the camera that is there, else demo"),
        Option(
            "host",
            "where to listen (default 127.0.0.1: this machine only; 0.0.0.0: the network, with a token)",
            metavar="ADDRESS",
            default="127.0.0.1",
        ),
        Option("port", f"default {PORT}; 0 takes a free one", values.port, "N", default=PORT),
        Option(
            "token-file",
            "holds the token, and is made where it is missing (default ~/.config/digitcam/token); given, "
            "this machine must show the token too",
            Path,
            "FILE",
        ),
        Option(
            "allow-host",
            "another name that clients call this server by; can be given again",
            metavar="NAME",
            default=[],
            kind="list",
        ),
        Option(
            "trusted-proxy",
            "address or network (10.0.0.0/8) of a proxy, whose X-Forwarded-For and X-Forwarded-Proto are "
            "believed; can be given again",
            values.network,
            "ADDRESS",
            default=[],
            kind="list",
        ),
        Option(
            "readers",
            f"processes that read uploads, 1 to {MOST_READERS} (default 2; 1 where memory is short)",
            partial(values.whole_number, least=1, most=MOST_READERS),
            "N",
            default=_readers(),
        ),
        *OUTPUTS,
        *KEEPING,
        *HISTORY,
        *FORMAT_AND_REGION,
        FIELD,
        STATE,
        *SENDING,
        *ASKED,
        *MODELS,
        THREADS,
    ),
    run=_serve,
    asked_of_sources=ASKED_NAMES,
)
