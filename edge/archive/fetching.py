"""Pictures by their file or address: what is listed, and the bytes. The only file that names fsspec."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.decode import MAX_BYTES, too_many_bytes
from edge.errors import ImageError, PackageMissingError, SourceError
from edge.types import iso_utc

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PAUSES_S = 0.5, 2.0
"""Before an address is asked again that gave an error: object stores are busy at times."""


class PlaceError(ImageError):
    """A picture that cannot be had at present. Its place is to blame: it may be there with the next run."""


class MissingError(PlaceError):
    """A picture that was listed and is not there."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture of an archive.

    Attributes:
        source: its file, as the user would write it, or its address.
        size: bytes; None where the listing does not tell.
        modified: when it was last changed, seconds since 1970; None where the listing does not tell.
    """

    source: str
    size: int | None = None
    modified: float | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A picture that is to be read, and its number in the journal."""

    id: int
    listed: Listed


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a picture, and when it was last changed, UTC, ISO 8601."""

    data: bytes
    modified_at: str | None


def is_address(text: str) -> bool:
    """Whether it is for fsspec, and no file of this machine."""
    return "://" in text


def fetch(listed: Listed, folder: str = "") -> Fetched:
    """The bytes of a picture.

    Args:
        listed: which one.
        folder: in which relative names start; "" is the current one.

    Raises:
        MissingError: it is not there.
        PlaceError: it cannot be read at present.
        ImageError: it is too large.
        PackageMissingError: fsspec, or what it needs for such an address, is missing.
    """
    if listed.size is not None and listed.size > MAX_BYTES:
        raise too_many_bytes(listed.source, listed.size)
    if not is_address(listed.source):
        return _fetch_file(listed.source, folder)
    for pause_s in (*PAUSES_S, None):
        try:
            return Fetched(_fetch_address(listed), _iso(listed.modified))
        except FileNotFoundError as error:
            raise MissingError(f"{listed.source} is not there") from error
        except ImageError:
            raise
        except Exception as error:  # whatever a store, its library or the network has to say
            if pause_s is None:
                raise PlaceError(f"cannot read {listed.source}: {one_line(error)}") from error
            time.sleep(pause_s)
    raise AssertionError


def _fetch_file(source: str, folder: str) -> Fetched:
    path = Path(folder, source)
    try:
        status = path.stat()
        if status.st_size > MAX_BYTES:
            raise too_many_bytes(source, status.st_size)
        return Fetched(path.read_bytes(), _iso(status.st_mtime))
    except FileNotFoundError as error:
        raise MissingError(f"{source} is not there") from error
    except OSError as error:
        raise PlaceError(f"cannot read {source}: {error.strerror or error}") from error


def _fetch_address(listed: Listed) -> bytes:
    system, path = file_system(listed.source)
    if listed.size is not None:
        whole: bytes = system.cat_file(path)
        return whole
    with system.open(path, "rb") as file:
        data: bytes = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise too_many_bytes(listed.source, len(data))
    return data


def file_system(address: str) -> tuple[AbstractFileSystem, str]:
    """What an address is on, and its path there.

    Raises:
        PackageMissingError: fsspec, or what it needs for such an address, is missing.
        SourceError: there is no such kind of address.
    """
    first, chained, rest = address.partition("::")
    protocol, _, path = first.partition("://")
    if chained:  # such as a zip file on s3: opening it reads all of its table of contents
        return _opened(protocol, rest), path
    return _system_of(address)


@lru_cache(maxsize=8)
def _opened(protocol: str, rest: str) -> AbstractFileSystem:
    return _system_of(f"{protocol}://::{rest}")[0]


def _system_of(address: str) -> tuple[AbstractFileSystem, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise PackageMissingError.of_extra("archive", f"{address} needs fsspec") from error
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        raise PackageMissingError(
            f"{address} needs a package that is missing: {one_line(error)}, on each machine that reads"
        ) from error
    except (ValueError, OSError) as error:
        raise SourceError(f"cannot open {address}: {one_line(error)}") from error
    return system, str(path)


def listed_at(info: dict[str, Any], source: str) -> Listed:
    """What fsspec's listing tells of a file."""
    size = info.get("size")
    found = next(
        (info[key] for key in ("mtime", "LastModified", "last_modified", "created") if info.get(key)), None
    )
    modified = found.timestamp() if isinstance(found, datetime) else found
    return Listed(
        source,
        size if isinstance(size, int) and size >= 0 else None,
        float(modified) if isinstance(modified, int | float) else None,
    )


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso_utc(datetime.fromtimestamp(seconds, UTC))


def one_line(error: Exception) -> str:
    """What an error says, or what kind it is where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
