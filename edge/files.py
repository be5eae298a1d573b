"""Files are written whole or not at all; lines one by one."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from edge.errors import OutputError


def write_whole(path: str | Path, data: bytes | str, *, mode: int = 0o666, lasting: bool = True) -> Path:
    """Write `data` to `path` so that a reader, a crash or a power cut sees the old file or the new one.

    Temporary file in the same folder, fsync, rename, fsync of the folder.

    Args:
        path: where to write; its folder is made when it is missing.
        data: bytes, or text that is written as UTF-8.
        mode: of the file, less what the umask takes away; never more than this while it is written.
        lasting: False spares both syncs, for files of which many are written and that can be told from
            damaged ones: a power cut may take the latest of them away, or a part of it; a crash does not.

    Returns:
        The path written.

    Raises:
        OutputError: when the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    write_all({path: data}, mode=mode, lasting=lasting)
    return path


def write_all(files: Mapping[Path, bytes | str], *, mode: int = 0o666, lasting: bool = True) -> None:
    """Write several files, each as `write_whole` does; when there is no room for one, none is written.

    Args:
        files: what to write where. They take their names in this order, after all have been written.
        mode: as `write_whole` takes it.
        lasting: likewise.

    Raises:
        OutputError: when a folder cannot be made or written to, or the disk is full.
    """
    staged: dict[Path, Path] = {}
    path = None
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            staged[path].chmod(mode & ~_umask())  # mkstemp's 0600 would hide the file from other users
        for path, temporary in staged.items():
            put_in_place(temporary, path, lasting=lasting)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def put_in_place(temporary: Path, path: Path, *, lasting: bool = True) -> None:
    """Rename a finished file, in the same folder, to its name, so that a power cut cannot undo it.

    Args:
        temporary: the file.
        path: its name.
        lasting: as `write_whole` takes it.

    Raises:
        OSError: when the folder does not allow it.
    """
    temporary.replace(path)
    if not lasting:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_line(stream: TextIO, text: str, *, end: str = "\n") -> None:
    """Write a line so that the next program in a pipe sees it at once.

    Args:
        stream: that is written to.
        text: without its end.
        end: what ends it.

    Raises:
        BrokenPipeError: the next program has seen enough.
        OutputError: any other reason, such as a full disk.
    """
    try:
        print(text, end=end, file=stream, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "standard output" if stream is sys.stdout else stream.name
        raise OutputError(f"cannot write to {name}: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
