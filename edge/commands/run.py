"""`digitcam run`: read live."""

from __future__ import annotations

import argparse
import math
from contextlib import ExitStack, suppress
from functools import partial

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
    make_reader,
    settings_behind,
    source_argument,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.output import Errors, say
from edge.commands.parser import Option, Verb
from edge.errors import UsageError
from edge.heap import share_one
from edge.sources import find_source, open_source


def _run(args: argparse.Namespace) -> int:
    from edge.field_reader import FieldReader
    from edge.live import LiveLoop
    from edge.outputs import Senders, Shared, add_sinks, open_senders, open_store, outputs_of
    from edge.provenance import differences, recording_of
    from edge.sinks.known_values import load_known

    share_one()
    outputs = outputs_of(args)
    options = source_options(args)
    fields = fields_asked(args)
    reader = make_reader(args, thorough=True)
    errors = Errors()
    known = load_known(args.state) if args.state else {}
    wanted = FieldReader(reader, fields, known=known) if fields else None
    shared = Shared.of(outputs, reader, wanted)
    name = args.source or find_source()
    tell_what_is_not_taken(args, name)
    opening = partial(open_source, name, options, on_error=errors.add, on_notice=say)
    wait = True if args.realtime is False else None  # what need not keep time can wait
    try:
        with ExitStack() as stack:
            # Closed last: the sinks finish what they write to it.
            if store := open_store(outputs, say):
                stack.callback(store.close)
            senders = stack.enter_context(Senders(open_senders(outputs, store, shared, say)))
            loop = stack.enter_context(
                LiveLoop(
                    opening,
                    wanted or reader,
                    wait=wait,
                    control=shared.control,
                    on_error=errors.add,
                    on_notice=say,
                )
            )
            for difference in differences(loop.source, reader):
                say(difference)
            recording = recording_of(loop.source, reader, options)
            add_sinks(loop, outputs, recording, shared=shared, store=store, on_notice=say)
            with suppress(KeyboardInterrupt):  # how a live reading ends
                say(f"reading from {loop.source.name}")
                loop.run(seconds=args.seconds or math.inf, frames=args.frames or math.inf)
    except UsageError as error:
        raise UsageError(f"{error}{settings_behind(args, 'source')}") from error
    for line in [*loop.summary(), *senders.summary()]:
        say(line)
    return errors.exit_code


VERB = Verb(
    name="run",
    help="read live",
    description="Read live from a source of frames until Ctrl-C or its end.",
    options=(
        source_argument("the camera that is there, else demo"),
        *OUTPUTS,
        *KEEPING,
        *HISTORY,
        *FORMAT_AND_REGION,
        FIELD,
        STATE,
        *SENDING,
        Option("seconds", "stop after so many seconds", values.seconds, "S"),
        Option("frames", "stop after so many frames", values.count, "N"),
        *ASKED,
        *MODELS,
        THREADS,
    ),
    run=_run,
    asked_of_sources=ASKED_NAMES,
)
