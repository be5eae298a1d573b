"""What a run was made of, as its folder keeps it: enough to make it again."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from edge.errors import UsageError
from edge.files import write_whole
from training.commands import CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What all runs have in common.

    Attributes:
        data: SHA-256 of the decompressed contents of each data file, and of the list of fonts.
        versions: of Python and the packages that matter, and the Keras backend.
        command: the command line.
        commit: of the code, "unknown" outside a git checkout.
    """

    data: Mapping[str, str]
    versions: Mapping[str, str]
    command: str
    commit: str

    @classmethod
    def now(cls, *, data: Mapping[str, str], command: str, **own: Any) -> Self:  # noqa: ANN401 - of each kind
        """The configuration of a run that starts here and now; `own` is what its kind adds."""
        return cls(data=data, versions=versions(), command=command, commit=commit(), **own)

    def write(self, folder: Path) -> None:
        """Write `config.json`."""
        write_whole(folder / CONFIG, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote.

        Raises:
            UsageError: when the folder is no run folder, or one of another network.
        """
        try:
            return cls.of(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{folder} is no run folder of this network: cannot read {CONFIG}: {error}"
            ) from error

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From what JSON made of it."""
        return cls(**values)


def versions() -> dict[str, str]:
    """Of Python and the packages that matter, and the Keras backend."""
    import keras  # takes seconds

    packages = ("keras", keras.backend.backend(), "numpy", "opencv-python-headless")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def commit() -> str:
    """The commit of the code that runs, "unknown" outside a git checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
