"""Settings: every option can also stand in a file or in the environment.

The later wins: /etc/digitcam.toml, then $XDG_CONFIG_HOME/digitcam.toml, then variables such as
DIGITCAM_SOURCE, then the command line itself. A key at the top of a file is for every verb that has such an
option; one in a table named after a verb is for that verb only, and stronger:

    source = "picamera"  # as DIGITCAM_SOURCE=picamera
    [run]
    json = true          # as DIGITCAM_RUN_JSON=true
"""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UsageError

NAME = "digitcam.toml"
SYSTEM_FILE = Path("/etc") / NAME
PREFIX = "DIGITCAM_"

NOT_OPTIONS = frozenset({"DIGITCAM_DATA", "DIGITCAM_LAB", "DIGITCAM_PICTURES"})
"""Variables that belong to the workstation: where training finds data, where tests keep what they make."""

SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
"""How a variable says whether a switch is on."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value for an option, from somewhere else than the command line.

    Attributes:
        layer: the higher wins.
        key: name of the option without its dashes; before it, with a dot, the verb when it is for one only.
            Or the name of a variable.
        value: as the file has it; text from the environment.
        origin: where it stands, for messages.
    """

    layer: int
    key: str
    value: object
    origin: str


def read_settings(environment: Mapping[str, str], system_file: Path = SYSTEM_FILE) -> list[Setting]:
    """All settings that there are.

    Args:
        environment: the variables.
        system_file: the file of the whole machine.

    Raises:
        UsageError: a file cannot be read or is no TOML.
    """
    files = [system_file, *_user_files(environment)]
    settings = [
        Setting(layer, key, value, str(path))
        for layer, path in enumerate(files)
        for key, value in _of_file(path)
    ]
    settings += [
        Setting(len(files), name, text, "the environment")
        for name, text in environment.items()
        if name.startswith(PREFIX) and name not in NOT_OPTIONS
    ]
    return settings


def apply_settings(settings: Iterable[Setting], verbs: Mapping[str, argparse.ArgumentParser]) -> None:
    """Make settings the defaults of the verbs' options.

    Args:
        settings: in any order.
        verbs: name and parser of each.

    Raises:
        UsageError: a key that no verb has, or a value that its option does not take.
    """
    known: dict[str, list[tuple[argparse.ArgumentParser, argparse.Action]]] = {}
    for verb, parser in verbs.items():
        for name, action in _options(parser):
            for key in (name, f"{verb}.{name}"):
                known.setdefault(key, []).append((parser, action))
    variables = {_variable(key): key for key in known}
    found = [(setting, _known_key(setting, known, variables)) for setting in settings]
    for setting, key in sorted(found, key=lambda pair: (pair[0].layer, "." in pair[1])):
        for parser, action in known[key]:
            parser.set_defaults(**{action.dest: _convert(setting, action)})


def _known_key(setting: Setting, keys: Collection[str], variables: Mapping[str, str]) -> str:
    key = variables.get(setting.key, setting.key)
    if key in keys:
        return key
    candidates = variables if setting.key.startswith(PREFIX) else keys
    (nearest,) = difflib.get_close_matches(setting.key, candidates, 1, cutoff=0)
    raise UsageError(f"{setting.origin}: unknown key {setting.key}; the nearest known one is {nearest}")


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Names and actions of what may be set: options, and a positional argument that may be left out."""
    for action in parser._actions:  # argparse lists them nowhere else
        long = [name for name in action.option_strings if name.startswith("--")]
        if long and action.dest not in {"help", "version"}:
            yield long[0].removeprefix("--"), action
        elif action.nargs == argparse.OPTIONAL and not action.option_strings:
            yield action.dest, action


def _variable(key: str) -> str:
    return PREFIX + key.replace("-", "_").replace(".", "_").upper()


def _convert(setting: Setting, action: argparse.Action) -> object:
    """The value as the option's own type, checked as one from the command line is."""
    value = setting.value
    if isinstance(action, argparse.BooleanOptionalAction):
        switch = SWITCHES.get(value.lower()) if isinstance(value, str) else value
        if isinstance(switch, bool):
            return switch
        raise UsageError(f"{setting.origin}: {setting.key} must be true or false, found {value!r}")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{setting.origin}: {setting.key} must be a text or a number, found {value!r}")
    try:
        converted = action.type(str(value)) if callable(action.type) else str(value)
    except (argparse.ArgumentTypeError, ValueError, TypeError) as error:
        raise UsageError(f"{setting.origin}: {setting.key}: {error}") from error
    if action.choices is not None and converted not in action.choices:
        choices = ", ".join(map(str, action.choices))
        raise UsageError(f"{setting.origin}: {setting.key} must be one of {choices}, found {value!r}")
    return converted


def _of_file(path: Path) -> Iterator[tuple[str, object]]:
    """The keys of a file, those in tables as `table.key`, with their values."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot read the settings {path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UsageError(f"{path} is no TOML: {error}") from error
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def _user_files(environment: Mapping[str, str]) -> list[Path]:
    """The user's file, by the XDG Base Directory Specification; none for a user without a home."""
    folder, home = environment.get("XDG_CONFIG_HOME"), environment.get("HOME")
    if folder:
        return [Path(folder) / NAME]
    return [Path(home) / ".config" / NAME] if home else []
