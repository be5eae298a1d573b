"""`digitcam read --out`: an archive of pictures to files."""

from __future__ import annotations

import argparse

from edge.archive.progress import Progress
from edge.archive.run import Archive, read_archive
from edge.archive.settings import MEMORY_LIMIT, TIME_LIMIT_S, Settings
from edge.commands.common import fields_asked, source_options
from edge.commands.output import say
from edge.errors import EdgeError, OutputError, UsageError
from edge.words import counted
from edge.workers import Place

FAILED = 2
"""The exit code with which an archive ends that was not read, or not all of it: whoever asked can cure it."""


def read_into(args: argparse.Namespace) -> int:
    """Read an archive; returns the exit code.

    Raises:
        UsageError: options that do not go together.
    """
    for name, why in (("json", "has files of JSON lines with NAME.jsonl"), ("annotate", "draws nothing")):
        if getattr(args, name):
            raise UsageError(f"--{name} does not go with --out, which {why}")
    archive = Archive(
        patterns=tuple(args.files),
        out=args.out,
        settings=Settings(
            threads=args.threads,
            quick=args.quick,
            fields=fields_asked(args),
            options=source_options(args),
            time_limit_s=args.time_limit or TIME_LIMIT_S,
            memory_limit=args.memory_limit or MEMORY_LIMIT,
        ),
        place=Place(args.workers, args.cluster),
        resume=args.resume,
    )
    try:
        with Progress(say) as progress:
            counts = read_archive(archive, (args.model, args.page_model), progress.tell)
    except KeyboardInterrupt:
        say(f"error: stopped; what was read is in {args.out}: go on with --resume")
        return FAILED
    except OutputError as error:
        say(f"error: {error}; make room or give the right to write, then go on with --resume")
        return FAILED
    except EdgeError as error:
        say(f"error: {error}")
        return FAILED
    said = f"{counted(counts.done, 'picture')} read into {args.out}, {counted(counts.rows, 'row')}"
    if counts.failed:
        said += f"; {counts.failed:,} could not be read: their rows tell why"
    if counts.again:
        said += f"; {counts.again:,} of them may be good pictures: --resume reads them again"
    say(said)
    return FAILED if counts.failed else 0
