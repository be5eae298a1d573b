"""`digitcam run`: read live."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from edge.commands import values
from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    MODEL,
    OUTPUTS,
    make_reader,
    settings_behind,
    source_argument,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.output import Errors, say
from edge.commands.parser import Option, Verb
from edge.errors import UsageError
from edge.sources import Source, find_source, open_source
from edge.words import counted

if TYPE_CHECKING:
    from edge.sinks import Sink
    from edge.speedometer import Speedometer


def _run(args: argparse.Namespace) -> int:
    if args.every_frame and not args.json:
        raise UsageError("--every-frame goes with --json: it prints one JSON object for each frame")
    from edge.live import read_live
    from edge.speedometer import Speedometer

    reader = make_reader(args)
    errors = Errors()
    name = args.source or find_source()
    tell_what_is_not_taken(args, name)
    with ExitStack() as stack:
        try:
            opened = open_source(name, source_options(args), on_error=errors.add, on_notice=say)
        except UsageError as error:
            raise UsageError(f"{error}{settings_behind(args, 'source')}") from error
        source = stack.enter_context(opened)
        speedometer = Speedometer(source)
        sinks = [stack.enter_context(sink) for sink in _sinks(args, source, speedometer)]
        with suppress(KeyboardInterrupt):  # how a live reading ends
            say(f"reading from {name}")
            read_live(
                reader,
                source,
                sinks,
                speedometer,
                seconds=args.seconds or math.inf,
                frames=args.frames or math.inf,
                on_error=errors.add,
            )
    middle, high = speedometer.latency_ms([50, 90])
    say(
        f"{counted(speedometer.frames, 'frame')} in {speedometer.elapsed_s:.1f} s, {speedometer.dropped()}; "
        f"from capture to reading {middle:.1f} ms (p50), {high:.1f} ms (p90); "
        f"{counted(speedometer.accepted, 'number')} accepted"
    )
    for sink in sinks:
        if done := sink.summary():
            say(done)
    return errors.exit_code


def _sinks(args: argparse.Namespace, source: Source, speedometer: Speedometer) -> Iterator[Sink]:
    """Where the readings go. Each is made when the one before it is open, to be closed if this fails."""
    if args.json:
        from edge.sinks.jsonlines import JsonLines

        yield JsonLines(sys.stdout, every_frame=args.every_frame)
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from edge.sinks.live_view import LiveView

        yield LiveView(speedometer)
    else:
        from edge.sinks.plain import PlainLines

        yield PlainLines(speedometer, output=sys.stdout, status=sys.stderr)
    if args.save:
        from edge.sinks.picture import LastPicture

        yield LastPicture(args.save)
    if args.record:
        from edge.sinks.video import Video

        yield Video(args.record, wait=not source.live or args.realtime is False)
    from edge.sinks.systemd import Systemd

    if systemd := Systemd.from_environment(speedometer):
        yield systemd


VERB = Verb(
    name="run",
    help="read live",
    description="Read live from a source of frames until Ctrl-C or its end.",
    options=(
        source_argument("the camera that is there, else demo"),
        *OUTPUTS,
        Option("seconds", "stop after so many seconds", values.seconds, "S"),
        Option("frames", "stop after so many frames", values.count, "N"),
        *ASKED,
        MODEL,
    ),
    run=_run,
    asked_of_sources=ASKED_NAMES,
)
