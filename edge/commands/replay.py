"""`digitcam replay`: read kept frames again."""

from __future__ import annotations

import argparse
from contextlib import suppress

from edge.commands import values
from edge.commands.common import (
    ASKED,
    FIELD,
    FORMAT_AND_REGION,
    MODELS,
    OUTPUTS,
    THREADS,
    fields_asked,
    make_reader,
)
from edge.commands.output import Errors, say
from edge.commands.parser import Option, Verb
from edge.errors import UsageError
from edge.sources import SourceOptions


def _replay(args: argparse.Namespace) -> int:
    from edge.field_reader import FieldReader
    from edge.live import LiveLoop
    from edge.outputs import add_sinks, outputs_of
    from edge.provenance import differences
    from edge.sources.replay import Replay

    if args.folder is None:
        raise UsageError("expected the folder that was given to run --keep-frames: digitcam replay DIR")
    outputs = outputs_of(args)
    errors = Errors()
    options = SourceOptions(realtime=args.realtime)
    source = Replay(args.folder, options, on_error=errors.add, on_notice=say)
    fields = fields_asked(args)
    reader = make_reader(args)
    frames = FieldReader(reader, fields) if fields else reader
    with LiveLoop(lambda: source, frames, on_error=errors.add, on_notice=say) as loop:
        for difference in differences(source, reader):
            say(difference)
        add_sinks(loop, outputs, on_notice=say)
        with suppress(KeyboardInterrupt):
            loop.run()
    for line in loop.summary():
        say(line)
    return errors.exit_code


VERB = Verb(
    name="replay",
    help="read kept frames again",
    description="Read again what run or serve kept with --keep-frames: the same frames with their times.",
    options=(
        Option(
            "folder",
            "was given to --keep-frames, or is one of the recordings in it; of several, the last is read",
            values.folder,
            "DIR",
            kind="argument",
            settable=False,
        ),
        *OUTPUTS,
        *FORMAT_AND_REGION,
        FIELD,
        *(option for option in ASKED if option.name == "realtime"),
        *MODELS,
        THREADS,
    ),
    run=_replay,
)
