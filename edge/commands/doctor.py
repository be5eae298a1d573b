"""`digitcam doctor`: what this machine has and lacks."""

from __future__ import annotations

import argparse
import json
import os

from edge.commands.common import ASKED, ASKED_NAMES, FIELD, source_argument, source_options
from edge.commands.config import read_settings
from edge.commands.output import put
from edge.commands.parser import Option, Verb


def _doctor(args: argparse.Namespace) -> int:
    from edge.doctor import as_dict, as_text, examine

    origins = tuple(dict.fromkeys(setting.origin for setting in read_settings(os.environ)))
    checks = examine(args.source, source_options(args), settings=origins, fields=args.field)
    put(json.dumps(as_dict(checks)) if args.json else as_text(checks))
    return int(any(check.state == "failed" for check in checks))


VERB = Verb(
    name="doctor",
    help="say what this machine has and lacks",
    description="Say what this machine has and lacks for reading live, each with its cure.",
    options=(
        source_argument("the camera that is there"),
        Option("json", "print JSON instead of a list", default=False, kind="switch"),
        FIELD,
        *ASKED,
    ),
    run=_doctor,
    asked_of_sources=ASKED_NAMES,
)
