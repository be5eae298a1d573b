"""What a model says of itself, and whether it keeps it: `digitcam model`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.classifier import TOLERANCE, Classifier
from edge.errors import ModelError
from edge.model_file import ModelFile, load_model


def describe(path: Path | None) -> dict[str, Any]:
    """What a model says of itself, for `digitcam model show`; None is the shipped model.

    Raises:
        ModelError: when it is no model, or has no card.
    """
    model = load_model(path)
    card = {"file": str(model.path), "bytes": len(model.data), "sha256": model.sha256, **model.card.as_dict()}
    # Pictures in base64 tell nobody anything.
    card["known_answers"] = len(model.card.known_answers.glyphs)
    return card


def verify(path: Path | None) -> str:
    """Check a model's contract, known answers and the card beside it; None is the shipped model.

    Returns:
        What was found, for `digitcam model verify`.

    Raises:
        ModelError: when one of them does not hold.
    """
    model = load_model(path)
    _check_beside(model)
    classifier = Classifier(model)
    card, known = model.card, model.card.known_answers
    error = float(np.abs(classifier.raw(known.glyphs) - known.probabilities).max())
    rows, columns, channels = card.input
    found = (
        f"{model.path}: {card.name} {card.version}, {len(model.data):,} bytes, "
        f"{'the shipped model' if model.shipped else f'SHA-256 {model.sha256}'}\n"
        f"keeps the contract: uint8 (n, {rows}, {columns}, {channels}) raw pixels in, "
        f"float32 (n, {len(card.labels)}) probabilities out\n"
        f"gives its {len(known.glyphs)} known answers on {classifier.runtime}: "
        f"off by at most {error:.4f} (allowed {TOLERANCE})"
    )
    if card.failure:
        found += f"\nbut was refused when it was converted, and written by --force: {card.failure}"
    return found


def _check_beside(model: ModelFile) -> None:
    """Refuse a model whose card beside it, where there is one, is that of another file."""
    path = model.path.with_suffix(".json")
    try:
        promised = json.loads(path.read_text(encoding="utf-8"))["sha256"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no card of a model: {error}; delete it, or convert again") from error
    if promised != model.sha256:
        raise ModelError(
            f"{path} is the card of another file: it promises SHA-256 {promised}, {model.path} has "
            f"{model.sha256}; copy both again"
        )
