"""Secrets, such as the password of a broker: from files that only their owner may read, never from settings.

What a command line, a URL or the environment holds, every process list and every log shows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import UsageError

FOLDER = "CREDENTIALS_DIRECTORY"
"""Variable in which systemd names the folder of a service's credentials: systemd.exec(5), LoadCredential=."""

LONGEST = 64 << 10
"""Bytes of a file with a secret, at most: a password has a few, and a wrong file is told as one."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password; neither is ever shown.

    Attributes:
        user: as the broker knows it.
        password: "" for none.
    """

    user: str = field(repr=False)
    password: str = field(repr=False)


def secret_file(name: str, given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The file that holds a secret.

    Args:
        name: of the credential, where systemd brings it: `LoadCredential=NAME:/etc/digitcam/NAME`.
        given: the file that settings name, which counts first.
        environment: the variables.

    Returns:
        None where there is neither.
    """
    if given is not None:
        return given
    folder = environment.get(FOLDER)
    if not folder:
        return None
    path = Path(folder) / name
    try:
        return path if path.exists() else None
    except PermissionError:  # of another service: whoever reads it tells
        return path


def read_secret(path: Path) -> str:
    """What a file holds, without the line break at its end.

    Raises:
        UsageError: it cannot be read, others may read it, or it holds no text. What it holds is not told.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077 and not _is_of_systemd(path):
            raise UsageError(
                f"expected {path} to be readable by its owner alone, as it holds a secret, found mode "
                f"{stat.S_IMODE(mode):04o}: chmod 600 {path}"
            )
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
        if len(data) > LONGEST:
            raise UsageError(f"expected a secret in {path}, found more than {LONGEST >> 10} kB")
        text = data.decode()
    except OSError as error:
        raise UsageError(f"cannot read the secret in {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"expected a secret in {path} as UTF-8 text, found other bytes") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise UsageError(f"expected a secret in {path}, found an empty file")
    return text


def _is_of_systemd(path: Path) -> bool:
    """Whether systemd has brought a file, which only the service's user may read.

    Where the file system has access lists, one gives that user the right, and the file is root's. Its mode is
    0440 then, as the bits of the group show the list's mask: acl(5). Otherwise it is that user's, 0400.
    """
    folder = os.environ.get(FOLDER)
    return bool(folder) and path.parent == Path(str(folder))


def read_login(path: Path) -> Login:
    """The user on the first line of a file, and the password on the second.

    Raises:
        UsageError: as `read_secret`, and for other than one or two lines.
    """
    lines = read_secret(path).splitlines()
    if len(lines) > 2 or not lines[0]:
        raise UsageError(
            f"expected two lines in {path}, the user and the password, found {len(lines)}"
            if lines[0]
            else f"expected the user on the first line of {path}, found an empty line"
        )
    return Login(lines[0], lines[1] if len(lines) == 2 else "")
