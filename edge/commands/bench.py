"""`digitcam bench`: how fast this machine reads."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.commands import values
from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    MODELS,
    THREADS,
    make_reader,
    source_argument,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.output import put, say
from edge.commands.parser import Option, Verb
from edge.sources import find_source, open_source
from edge.words import counted


def _bench(args: argparse.Namespace) -> int:
    from edge.bench import as_text, load_report, measure
    from edge.files import write_whole

    earlier = load_report(args.compare) if args.compare else None
    name = args.source or find_source()
    tell_what_is_not_taken(args, name)
    options = source_options(args)
    reader = make_reader(args)
    with open_source(name, options, on_notice=say) as source:
        say(f"reading {counted(args.warm_up + args.frames, 'frame')} from {source.name}")
        report = measure(reader, source, warm_up=args.warm_up, frames=args.frames).as_dict()
    put(json.dumps(report) if args.json else as_text(report, earlier))
    write_whole(args.out, json.dumps(report, indent=2) + "\n")
    say(f"saved {args.out}")
    return 0


OUT = Path("digitcam-bench.json")

VERB = Verb(
    name="bench",
    help="measure how fast this machine reads",
    description="Measure how fast this machine reads: each stage, and from capture to reading.",
    options=(
        source_argument("the camera that is there, else demo"),
        Option("frames", "frames to measure (default 600)", values.count, "N", default=600),
        Option("warm-up", "frames to read before (default 60)", values.count, "N", default=60),
        Option("json", "print the report as JSON instead of a table", default=False, kind="switch"),
        Option("out", f"where the report is written as JSON (default {OUT})", Path, "FILE", default=OUT),
        Option("compare", "set it against an earlier report", Path, "FILE"),
        *ASKED,
        *MODELS,
        THREADS,
    ),
    run=_bench,
    asked_of_sources=ASKED_NAMES,
)
