"""Finds the verb, brings command line and settings together, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType

# What is heavy is imported where it is used: a board has no memory for what a verb does not need.
from edge.commands import bench, doctor, fields, history, model, read, replay, run, serve
from edge.commands.config import SYSTEM_FILE, choose, read_settings
from edge.commands.output import exit_code, leave_standard_output, need_streams, say
from edge.commands.parser import Verb, find_verb, inner_verbs, overview, parse
from edge.errors import EdgeError

VERBS = (
    run.VERB,
    read.VERB,
    serve.VERB,
    fields.VERB,
    history.VERB,
    replay.VERB,
    bench.VERB,
    doctor.VERB,
    *model.VERBS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Raises:
        SystemExit: help or the version was asked for, and printed.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    # Python would take all modules apart before it ends: 0.2 s of a desktop's processor for what the system
    # does at once. (Files, threads and children are closed by then.)
    atexit.register(gc.freeze)
    try:
        need_streams()
        if words and words[0].startswith("-"):
            overview(VERBS, version("digitcam")).parse_args(words[:1])
        if words[1:] in (["-h"], ["--help"]) and (inner := inner_verbs(words[0], VERBS)):
            overview(inner, version("digitcam")).parse_args(words[1:])
        verb, args = understand(words)
        # An end asked for by the system is as orderly as Ctrl-C.
        signal.signal(signal.SIGTERM, _interrupt)
        code = verb.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the next program in the pipe has seen enough
        leave_standard_output()
        return 0
    except EdgeError as error:
        leave_standard_output()
        say(f"error: {error}")
        return exit_code(error)
    except OSError as error:
        leave_standard_output()
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def understand(
    words: Sequence[str], environment: Mapping[str, str] = os.environ, system_file: Path = SYSTEM_FILE
) -> tuple[Verb, argparse.Namespace]:
    """The verb of a command line and all its values: given, from settings, or the usual ones.

    Args:
        words: of the command line, without the command.
        environment: the variables.
        system_file: the settings of the whole machine.

    Returns:
        The verb and its values. `given` holds the names of those that the command line gives; `origins`, by
        name, where those come from that settings give.

    Raises:
        UsageError: it makes no sense, or a setting does not.
        SystemExit: help was asked for, and printed, whatever the settings say.
    """
    verb, rest = find_verb(words, VERBS)
    given = parse(verb, rest)
    chosen = choose(read_settings(environment, system_file), VERBS)[verb.name]
    values = {option.attribute: option.default for option in verb.options}
    values.update((name, each.value) for name, each in chosen.items())
    values.update(given)
    origins = {name: each.origin for name, each in chosen.items() if name not in given}
    return verb, argparse.Namespace(**values, given=frozenset(given), origins=origins)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)  # a second one must not disturb what is being finished
    raise KeyboardInterrupt
