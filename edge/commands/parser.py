"""Words of the command line -> values. What a verb takes is data: its parser and its settings come of it."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from edge.errors import UsageError
from edge.files import write_line

Kind = Literal["value", "switch", "list", "argument", "arguments", "table", "tables"]
"""`--name VALUE`; `--name` and `--no-name`; `--name VALUE`, repeated; an argument, or none; arguments; a
table `[name]` of a settings file, for which `--name VALUE` can stand where there is a metavar; tables
`[[name]]` of one. Otherwise, tables are nothing for a command line."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that a verb takes.

    Attributes:
        name: without dashes; it is also the key in settings files.
        help: a line for `--help`.
        convert: makes the value of a text, of a table, or of a list of tables; raises
            `argparse.ArgumentTypeError` or `UsageError` for one that makes no sense.
        metavar: what stands for the value in `--help`.
        default: the value where nothing is given.
        kind: see there.
        settable: whether it can stand in settings as well.
    """

    name: str
    help: str
    convert: Callable[[Any], Any] = str
    metavar: str = ""
    default: Any = None
    kind: Kind = "value"
    settable: bool = True

    @property
    def is_short(self) -> bool:
        """Whether it is a table for which a text can stand."""
        return self.kind == "table" and bool(self.metavar)

    @property
    def attribute(self) -> str:
        """Its name among the parsed values."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of the command line.

    Attributes:
        name: one word, or two, as in `model show`.
        help: what it does, in a few words.
        description: the same in a sentence or more.
        options: what it takes.
        run: does it, and returns the exit code.
        asked_of_sources: names of those options that say what a source is asked for.
    """

    name: str
    help: str
    description: str
    options: tuple[Option, ...]
    run: Callable[[argparse.Namespace], int]
    asked_of_sources: frozenset[str] = frozenset()

    @property
    def settable(self) -> list[Option]:
        """The options that can stand in settings."""
        return [option for option in self.options if option.settable and option.kind != "arguments"]

    @property
    def typed(self) -> list[Option]:
        """The options that can stand on the command line."""
        return [
            option for option in self.options if option.kind not in ("table", "tables") or option.is_short
        ]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are of our kind: one line, printed by whoever asked."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong."""
        message = message.removeprefix("argument ")
        raise UsageError(f"{message} ({self.prog} --help tells more)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the program, once help or the version is written.

        Raises:
            OutputError: they cannot be written, as on a full disk; argparse takes no notice.
        """
        write_line(sys.stdout, "", end="")
        super().exit(status, message)


def find_verb(words: Sequence[str], verbs: Sequence[Verb]) -> tuple[Verb, list[str]]:
    """The verb that a command line begins with, and the words after it.

    Raises:
        UsageError: there is no such verb; the nearest is named.
    """
    by_name = {verb.name: verb for verb in verbs}
    for length in (2, 1):
        if verb := by_name.get(" ".join(words[:length])):
            return verb, list(words[length:])
    if inner := [verb.name for verb in inner_verbs(words[0] if words else "", verbs)]:
        found = f", found {words[1]!r}" if len(words) > 1 else ""
        raise UsageError(f"expected digitcam {' or '.join(inner)}{found}")
    if not words:
        raise UsageError(f"expected a verb: {', '.join(by_name)} (digitcam --help tells more)")
    if near := difflib.get_close_matches(words[0], by_name, 1):
        raise UsageError(f"unknown verb {words[0]!r}: did you mean digitcam {near[0]}?")
    if Path(words[0]).exists():
        raise UsageError(f"expected a verb before {words[0]!r}: did you mean digitcam read {words[0]}?")
    raise UsageError(f"unknown verb {words[0]!r}: expected {', '.join(by_name)}")


def inner_verbs(word: str, verbs: Sequence[Verb]) -> list[Verb]:
    """The verbs of two words that begin with this one."""
    return [verb for verb in verbs if verb.name.startswith(f"{word} ")]


def parse(verb: Verb, words: Sequence[str]) -> dict[str, Any]:
    """What a command line gives to a verb: values by their attribute; what was not given is not there.

    Raises:
        UsageError: an unknown option, or a value that makes no sense.
        SystemExit: help was asked for, and printed.
    """
    parser = Parser(
        prog=f"digitcam {verb.name}",
        description=verb.description,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,  # the next version may have another option that begins alike
    )
    asked = parser.add_argument_group("what a source is asked for") if verb.asked_of_sources else parser
    for option in verb.typed:
        _add((asked if option.name in verb.asked_of_sources else parser).add_argument, option)
    values, unknown = parser.parse_known_args(list(words))
    if unknown:
        raise UsageError(_unknown(verb, unknown[0]))
    return {name: value for name, value in vars(values).items() if value is not None}


def overview(verbs: Iterable[Verb], version: str) -> Parser:
    """The parser that knows `--help` and `--version`, and lists the verbs."""
    verbs = list(verbs)
    width = max(len(verb.name) for verb in verbs)
    parser = Parser(
        prog="digitcam",
        usage="digitcam [--help] [--version] VERB ...",
        description="Reads handwritten digits from cameras, pictures and videos.",
        epilog="\n".join(
            [
                "verbs:",
                *(f"  {verb.name:<{width}}  {verb.help}" for verb in verbs),
                "",
                "digitcam VERB --help tells what a verb takes.",
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"digitcam {version}")
    return parser


def _add(add: Callable[..., object], option: Option) -> None:
    """Add an option to a parser or a group of one, whose `add_argument` this is."""
    flag, metavar = f"--{option.name}", option.metavar or None
    if option.kind == "switch":
        add(flag, action=argparse.BooleanOptionalAction, help=option.help)
    elif option.kind == "list":
        add(flag, type=option.convert, action="append", metavar=metavar, help=option.help)
    elif option.kind == "argument":
        # argparse would convert SUPPRESS as a value.
        add(option.name, type=option.convert, nargs="?", default=None, metavar=metavar, help=option.help)
    elif option.kind == "arguments":
        add(option.name, type=option.convert, nargs="+", metavar=metavar, help=option.help)
    else:
        add(flag, type=option.convert, metavar=metavar, help=option.help)


def _unknown(verb: Verb, word: str) -> str:
    if not word.startswith("-"):
        taken = " ".join(option.metavar for option in verb.options if option.kind.startswith("argument"))
        return f"unexpected {word!r}: digitcam {verb.name} takes {taken or 'no argument'}"
    flags = [f"--{option.name}" for option in verb.typed if not option.kind.startswith("argument")]
    flags += [f"--no-{option.name}" for option in verb.options if option.kind == "switch"]
    near = difflib.get_close_matches(word.partition("=")[0], flags, 1)
    hint = f"did you mean {near[0]}?" if near else f"digitcam {verb.name} --help lists what there is"
    return f"digitcam {verb.name} has no option {word.partition('=')[0]}: {hint}"


__all__ = ["Kind", "Option", "Parser", "Verb", "find_verb", "inner_verbs", "overview", "parse"]
