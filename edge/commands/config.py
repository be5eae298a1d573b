"""Settings: every option can also stand in a file or in the environment.

The later wins: /etc/digitcam.toml, then $XDG_CONFIG_HOME/digitcam.toml, then variables such as
DIGITCAM_SOURCE, then the command line itself. A key at the top of a file is for every verb that has such an
option; one in a table named after a verb is for that verb only, and stronger:

    source = "picamera"  # as DIGITCAM_SOURCE=picamera
    [run]
    json = true          # as DIGITCAM_RUN_JSON=true

A table that is named after an option, `[mqtt]`, is one value, and so are the tables of an array, `[[field]]`,
together: those of a later file replace those of an earlier one. They cannot stand in the environment, except
for a text that stands for a table.
"""

from __future__ import annotations

import difflib
import tomllib
from argparse import ArgumentTypeError
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from edge.commands.parser import Option, Verb
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
            Or the name of a table, or of a variable.
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


def settings_files(environment: Mapping[str, str], system_file: Path = SYSTEM_FILE) -> tuple[Path, Path]:
    """The file that programs may change, the user's where there is one, and the file of the whole machine."""
    return [system_file, *_user_files(environment)][-1], system_file


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value that settings give to an option.

    Attributes:
        value: as its option makes it.
        origin: the key and where it stands, for messages.
    """

    value: Any
    origin: str


def choose(settings: Iterable[Setting], verbs: Sequence[Verb]) -> dict[str, dict[str, Chosen]]:
    """What settings mean.

    Args:
        settings: in any order.
        verbs: what there is to be set.

    Returns:
        By the name of the verb, then by the attribute of the option.

    Raises:
        UsageError: a key that no verb has, or a value that its option does not take.
    """
    known: dict[str, list[tuple[Verb, Option]]] = {}
    for verb in verbs:
        for option in verb.settable:
            for key in (option.name, f"{verb.name}.{option.name}"):
                known.setdefault(key, []).append((verb, option))
    variables = {_variable(key): key for key in known}
    flat = [each for setting in settings for each in _flattened(setting, known)]
    found = [(setting, _known_key(setting, known, variables)) for setting in flat]
    chosen: dict[str, dict[str, Chosen]] = {verb.name: {} for verb in verbs}
    for setting, key in sorted(found, key=lambda pair: (pair[0].layer, "." in pair[1])):
        for verb, option in known[key]:
            value = _convert(setting, option)
            chosen[verb.name][option.attribute] = Chosen(value, f"{setting.key} in {setting.origin}")
    return chosen


def _flattened(setting: Setting, keys: Collection[str]) -> Iterator[Setting]:
    """The settings in a table that is named after a verb; all else as it is."""
    if isinstance(setting.value, dict) and setting.key not in keys:
        for name, inner in setting.value.items():
            yield replace(setting, key=f"{setting.key}.{name}", value=inner)
    else:
        yield setting


def _known_key(setting: Setting, keys: Collection[str], variables: Mapping[str, str]) -> str:
    key = variables.get(setting.key, setting.key)
    if key in keys:
        return key
    candidates = variables if setting.key.startswith(PREFIX) else keys
    (nearest,) = difflib.get_close_matches(setting.key, candidates, 1, cutoff=0)
    raise UsageError(f"{setting.origin}: unknown key {setting.key}; the nearest known one is {nearest}")


def _variable(key: str) -> str:
    return PREFIX + key.replace("-", "_").replace(".", "_").upper()


def _convert(setting: Setting, option: Option) -> object:
    """The value as the option's own, checked as one from the command line is."""
    value = setting.value
    if option.is_short and isinstance(value, str):
        return _convert_one(setting, option, value)
    if option.kind in ("table", "tables"):
        return _convert_tables(setting, option)
    if option.kind == "switch":
        switch = SWITCHES.get(value.lower()) if isinstance(value, str) else value
        if isinstance(switch, bool):
            return switch
        raise UsageError(f"{setting.origin}: {setting.key} must be true or false, found {value!r}")
    if option.kind == "list":
        # A variable holds several with commas between them.
        several = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if isinstance(several, list):
            return [_convert_one(setting, option, each) for each in several]
    return _convert_one(setting, option, value)


def _convert_tables(setting: Setting, option: Option) -> object:
    value, one = setting.value, option.kind == "table"
    key = option.name if setting.key.startswith(PREFIX) else setting.key
    tables = [value] if one else value
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        expected = f"a table headed [{key}]" if one else f"tables headed [[{key}]]"
        raise UsageError(
            f"{setting.origin}: expected {expected} in a settings file, {'' if one else 'each '}with its "
            f"keys below it, found {_kind_of(value)}"
        )
    try:
        return option.convert(value)
    except UsageError as error:
        raise UsageError(f"{setting.origin}: {f'[{key}] ' if one else ''}{error}") from error


def _kind_of(value: object) -> str:
    """What stands where a table should; a text is not shown, as it may be a secret."""
    return "a text" if isinstance(value, str) else repr(value)


def _convert_one(setting: Setting, option: Option, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise UsageError(f"{setting.origin}: {setting.key} must be a text or a number, found {value!r}")
    try:
        return option.convert(str(value))
    except ArgumentTypeError as error:
        raise UsageError(f"{setting.origin}: {setting.key}: {error}") from error


def _of_file(path: Path) -> Iterator[tuple[str, object]]:
    """The keys of a file with their values, of which tables are some."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot read the settings {path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    yield from values.items()


def _user_files(environment: Mapping[str, str]) -> list[Path]:
    """The user's file, by the XDG Base Directory Specification; none for a user without a home."""
    folder, home = environment.get("XDG_CONFIG_HOME"), environment.get("HOME")
    if folder:
        return [Path(folder) / NAME]
    return [Path(home) / ".config" / NAME] if home else []
