"""A run folder: what a training run was made of and what came of it."""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import keras

from edge.errors import UsageError
from edge.files import write_whole
from training.commands import CONFIG
from training.train import Recipe

MODEL = "model.keras"


@dataclass(frozen=True, slots=True)
class Config:
    """What a run was made of: enough to make it again.

    Attributes:
        recipe: how the network was trained.
        seed: of the split, the weights, the order of the digits and their distortions.
        limit: how many of the training images were used; None is all.
        data: SHA-256 of the decompressed contents of each data file.
        versions: of Python and the packages that matter, and the Keras backend.
        command: the command line.
        commit: of the code, "unknown" outside a git checkout.
    """

    recipe: Recipe
    seed: int
    limit: int | None
    data: Mapping[str, str]
    versions: Mapping[str, str]
    command: str
    commit: str

    @classmethod
    def now(
        cls, recipe: Recipe, *, seed: int, limit: int | None, data: Mapping[str, str], command: str
    ) -> Config:
        """The configuration of a run that starts here and now."""
        return cls(recipe, seed, limit, data, versions(), command, commit())

    def write(self, folder: Path) -> None:
        """Write `config.json`."""
        write_whole(folder / CONFIG, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Config:
        """What `write` wrote.

        Raises:
            UsageError: when the folder is no run folder.
        """
        path = folder / CONFIG
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**values, "recipe": Recipe(**values["recipe"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{folder} is no run folder: cannot read {path.name}: {error}") from error


def save_model(network: keras.Model, folder: Path) -> Path:
    """Write `model.keras`, whole or not at all."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / MODEL
        network.save(path)
        return write_whole(folder / MODEL, path.read_bytes())


def load_network(path: Path) -> keras.Model:
    """The network of a run folder or a `.keras` file.

    Raises:
        UsageError: when there is none, or it cannot be read.
    """
    path = model_path(path)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the damage leads to
        raise UsageError(f"{path} is not a Keras model: {str(error).splitlines()[0]}") from error


def model_path(path: Path) -> Path:
    """`path` itself, or the `model.keras` in it when it is a run folder.

    Raises:
        UsageError: when it is not there.
    """
    path = path / MODEL if path.is_dir() else path
    if not path.is_file():
        raise UsageError(f"no model at {path}: expected a run folder of python -m training, or a .keras file")
    return path


def versions() -> dict[str, str]:
    """Of Python and the packages that matter, and the Keras backend."""
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
