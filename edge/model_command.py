"""The verb `model` of the command line: what a model says of itself, and whether it keeps it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.classifier import TOLERANCE, Classifier
from edge.errors import ModelError
from edge.model_file import ModelFile, load_model

# What argparse calls a group of subparsers; it has no public name.
Verbs = Any


def add_model_verb(verbs: Verbs) -> None:
    """Add the verb to a command line; the function to call is in the arguments, as `run`."""
    model = verbs.add_parser("model", help="show or verify a model", description="Show or verify a model.")
    actions = model.add_subparsers(title="actions", required=True, metavar="ACTION")
    for name, run, about in (
        ("show", _show, "print what a model says of itself"),
        ("verify", _verify, "check a model and ask it its known answers"),
    ):
        action = actions.add_parser(name, help=about, description=f"{about.capitalize()}.")
        action.set_defaults(run=run)
        action.add_argument("file", nargs="?", type=Path, help="a .tflite file (default: the shipped model)")


def _show(args: argparse.Namespace) -> int:
    model = load_model(args.file)
    card = {"file": str(model.path), "bytes": len(model.data), "sha256": model.sha256, **model.card.as_dict()}
    # Pictures in base64 tell nobody anything.
    card["known_answers"] = len(model.card.known_answers.glyphs)
    print(json.dumps(card, indent=2))
    return 0


def _verify(args: argparse.Namespace) -> int:
    model = load_model(args.file)
    _check_beside(model)
    classifier = Classifier(model)
    card, known = model.card, model.card.known_answers
    error = float(np.abs(classifier.raw(known.glyphs) - known.probabilities).max())
    rows, columns, channels = card.input
    print(
        f"{model.path}: {card.name} {card.version}, {len(model.data):,} bytes, "
        f"{'the shipped model' if model.shipped else f'SHA-256 {model.sha256}'}\n"
        f"keeps the contract: uint8 (n, {rows}, {columns}, {channels}) raw pixels in, "
        f"float32 (n, {len(card.labels)}) probabilities out\n"
        f"gives its {len(known.glyphs)} known answers on {classifier.runtime}: "
        f"off by at most {error:.4f} (allowed {TOLERANCE})"
    )
    if card.failure:
        print(f"but was refused when it was converted, and written by --force: {card.failure}")
    return 0


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
