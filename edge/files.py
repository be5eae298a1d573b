"""Files are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from edge.errors import OutputError


def write_whole(path: str | Path, data: bytes | str, *, mode: int = 0o666) -> Path:
    """Write `data` to `path` so that a reader, a crash or a power cut sees the old file or the new one.

    Temporary file in the same folder, fsync, rename, fsync of the folder.

    Args:
        path: where to write; its folder is made when it is missing.
        data: bytes, or text that is written as UTF-8.
        mode: of the file, less what the umask takes away; never more than this while it is written.

    Returns:
        The path written.

    Raises:
        OutputError: when the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode & ~_umask())  # mkstemp's 0600 would hide the file from other users
        temporary.replace(path)
        temporary = None
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
