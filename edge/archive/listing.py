"""Patterns -> pictures, one after the other: an archive may have more of them than fit into memory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from itertools import chain
from pathlib import Path

from edge.archive.fetching import Listed, file_system, is_address, listed_at, one_line
from edge.errors import EdgeError, SourceError, UsageError
from edge.sources.base import public_name
from edge.sources.images import MEANT_SUFFIXES

ANY_DEPTH = "**"
MAGIC = re.compile(r"[*?[]")

PASSWORD = re.compile(r"(\w+)://[^/:]*:(?!\d+/)[^@]*@")
"""In an address: user:password@."""

NO_ARCHIVE = frozenset({"", "-", "demo", "picamera"})
"""Sources that are no pictures which lie somewhere."""


def list_pictures(patterns: Sequence[str]) -> Iterator[Listed]:
    """The pictures of an archive, in no order that can be relied on; one may come twice.

    A file is taken as it is, and of a folder the pictures in it, by their suffix; `*`, `?` and `[...]` stand
    for characters between two slashes, `**` for any folders. What begins with a dot is left out unless the
    pattern names it. Folders that are links are entered only where the pattern names them.

    Args:
        patterns: files, folders, globs, and addresses that fsspec knows, such as s3://bucket/**/*.jpg.

    Returns:
        The pictures, which are looked for as they are asked for. At least one of each pattern is there: it
        has been found already.

    Raises:
        UsageError: a pattern that names no files.
        SourceError: one that nothing matches; later, too, a folder that cannot be looked into.
        PackageMissingError: fsspec, or what it needs for an address, is missing.
    """
    found = [_found_one(pattern) for pattern in patterns]
    return chain.from_iterable(found)


def _found_one(pattern: str) -> Iterator[Listed]:
    if pattern.partition(":")[0] in NO_ARCHIVE or pattern.isdecimal() or pattern.startswith("/dev/"):
        raise UsageError(
            "expected files, folders, globs or addresses such as s3://bucket/**/*.jpg to be read with --out, "
            f"found {pattern!r}"
        )
    for found in filter(None, map(PASSWORD.match, pattern.split("::"))):
        # Every row of the output and its manifest would tell it.
        protocol = found[1].upper()
        raise UsageError(
            f"expected an address without a password, found one in {public_name(found.string)}: put it into "
            f"the environment instead, as FSSPEC_{protocol}_USERNAME and FSSPEC_{protocol}_PASSWORD"
        )
    pictures = _told(pattern, _of_address(pattern) if is_address(pattern) else _of_files(pattern))
    first = next(pictures, None)
    if first is None:
        cure = "put it in quotes, and see with ls what is there"
        if MAGIC.search(pattern) and ANY_DEPTH not in pattern:
            cure = "to look into folders as well, write ** for them, as in 'archive/**/*.jpg'"
        raise SourceError(f"no picture matches {pattern}: {cure}")
    return chain([first], pictures)


def _told(pattern: str, pictures: Iterator[Listed]) -> Iterator[Listed]:
    """Say what goes wrong while a pattern is followed, at its beginning or hours later.

    Raises:
        SourceError: a folder cannot be looked into.
    """
    cure = ""
    try:
        for picture in pictures:
            yield picture
            cure = "; what was read stays: go on with --resume"
    except EdgeError:
        raise
    except OSError as error:
        raise SourceError(f"cannot list {pattern}: {error.strerror or one_line(error)}{cure}") from error
    except Exception as error:
        if not is_address(pattern):
            raise
        # Whatever a store, its library or the network has to say.
        raise SourceError(f"cannot list {pattern}: {one_line(error)}{cure}") from error


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in a folder."""

    name: str
    is_folder: bool
    is_link: bool
    listed: Listed


def _of_files(pattern: str) -> Iterator[Listed]:
    path = Path(pattern)
    if path.is_file():
        yield Listed(pattern)
    elif path.is_dir():
        yield from (entry.listed for entry in _scan(pattern) if _is_meant(entry))
    elif MAGIC.search(pattern):
        root, wanted = _parted(pattern)
        if Path(root or ".").is_dir():
            yield from _matching(_LocalFolders(), root, wanted)
    else:
        raise SourceError(f"no such file or folder: {pattern}")


def _of_address(pattern: str) -> Iterator[Listed]:
    system, path = file_system(pattern)
    folders = _RemoteFolders(pattern)
    if MAGIC.search(path):
        root, wanted = _parted(path)
        yield from _matching(folders, root, wanted)
    elif system.isfile(path):
        yield listed_at(system.info(path), pattern)
    else:
        yield from (entry.listed for entry in folders.inside(path) if _is_meant(entry))


class _LocalFolders:
    """Folders of this machine."""

    def inside(self, folder: str) -> Iterator[_Entry]:
        return _scan(folder)

    def join(self, folder: str, name: str) -> str:
        return str(Path(folder, name)) if folder else name


def _scan(folder: str) -> Iterator[_Entry]:
    """What is in a folder; one that may not be looked into is empty."""
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                path = str(Path(folder, entry.name)) if folder else entry.name
                yield _Entry(entry.name, entry.is_dir(), entry.is_symlink(), Listed(path))
    except PermissionError:
        return


class _RemoteFolders:
    """Folders behind an address."""

    def __init__(self, address: str) -> None:
        self._system, _ = file_system(address)
        first, chained, rest = address.partition("::")
        self._protocol, self._behind = first.partition("://")[0], chained + rest

    def inside(self, folder: str) -> Iterator[_Entry]:
        try:
            found = self._system.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return
        for info in found:
            path = str(info["name"])
            if path.strip("/") == folder.strip("/"):  # some list the folder itself
                continue
            address = path if is_address(path) else f"{self._protocol}://{path}"
            name = path.rstrip("/").rpartition("/")[2]
            yield _Entry(name, info["type"] == "directory", False, listed_at(info, address + self._behind))

    def join(self, folder: str, name: str) -> str:
        return f"{folder.rstrip('/')}/{name}" if folder else name


def _is_meant(entry: _Entry) -> bool:
    return (
        not entry.is_folder
        and not entry.name.startswith(".")
        and Path(entry.name).suffix.lower() in MEANT_SUFFIXES
    )


def _parted(pattern: str) -> tuple[str, tuple[str, ...]]:
    """The folder before the first wild part of a pattern, and the parts from there on."""
    scheme, there, path = pattern.rpartition("://")
    parts = path.split("/")
    first = next(k for k, part in enumerate(parts) if MAGIC.search(part))
    root = "/".join(parts[:first]) or ("/" if first else "")
    return scheme + there + root, tuple(part for part in parts[first:] if part not in ("", "."))


def _matching(folders: _LocalFolders | _RemoteFolders, root: str, wanted: Sequence[str]) -> Iterator[Listed]:
    """What matches in a folder and below, each folder looked into once.

    The pattern is followed as a state machine: in each folder, a set of places in the pattern.
    """
    ends_in_any = wanted[-1] == ANY_DEPTH  # then its pictures are meant, by their suffix
    waiting = [(root, _with_skipped({0}, wanted))]
    while waiting:
        folder, places = waiting.pop()
        for entry in folders.inside(folder):
            here = _after(entry, places, wanted)
            if entry.is_folder:
                below = {place for place in here if place < len(wanted)}
                if below:
                    waiting.append((folders.join(folder, entry.name), _with_skipped(below, wanted)))
            elif len(wanted) in here or (ends_in_any and len(wanted) - 1 in places and _is_meant(entry)):
                yield entry.listed


def _with_skipped(places: Iterable[int], wanted: Sequence[str]) -> frozenset[int]:
    """These places, and those behind a `**` that stands for no folder."""
    found = set(places)
    for place in sorted(found):
        while place < len(wanted) - 1 and wanted[place] == ANY_DEPTH:
            place += 1
            found.add(place)
    return frozenset(found)


def _after(entry: _Entry, places: Iterable[int], wanted: Sequence[str]) -> set[int]:
    """Where in the pattern it goes on below an entry; its end, where the entry matches all of it."""
    found = set()
    for place in places:
        part = wanted[place]
        if part == ANY_DEPTH:
            if entry.is_folder and not entry.is_link and not entry.name.startswith("."):
                found.add(place)
        elif _is_like(part)(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
            found.add(place + 1)
    return found


@lru_cache(maxsize=64)
def _is_like(part: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(translate(part)).match
