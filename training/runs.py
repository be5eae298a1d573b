"""A run folder: what a training run was made of and what came of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from edge.errors import UsageError
from edge.files import write_whole
from training.made import Made
from training.train import Recipe

MODEL = "model.keras"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Made):
    """What a run of the digit network was made of.

    Attributes:
        recipe: how the network was trained.
        seed: of the split, the weights, the order of the digits and their distortions.
        limit: how many of the training images were used; None is all.
    """

    recipe: Recipe
    seed: int
    limit: int | None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Config:
        """From what JSON made of it."""
        return cls(**{**values, "recipe": Recipe(**values["recipe"])})


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
