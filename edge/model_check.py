"""What the networks say of themselves, and whether they keep it: `digitcam model`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.classifier import TOLERANCE, Classifier
from edge.errors import ModelError
from edge.marks import open_marks
from edge.model_file import ModelFile, has_metadata, load_model, read_bytes
from edge.page_file import PAGE_METADATA, PageFile, check_pair, known_error, load_page, open_page
from edge.page_file import TOLERANCE as PAGE_TOLERANCE
from edge.refine import open_refine


def load(path: Path) -> ModelFile | PageFile:
    """A model file of either kind.

    Raises:
        ModelError: when it is none, or has no card.
    """
    data, _ = read_bytes(path)
    return load_page(path) if has_metadata(data, PAGE_METADATA) else load_model(path)


def describe(path: Path | None) -> dict[str, Any]:
    """What a model says of itself, for `digitcam model show`; None shows both shipped models.

    Raises:
        ModelError: when it is no model, or has no card.
    """
    if path is None:
        return {"digits": _described(load_model()), "page": _described(load_page())}
    return _described(load(path))


def _described(model: ModelFile | PageFile) -> dict[str, Any]:
    card = {"file": str(model.path), "bytes": len(model.data), "sha256": model.sha256, **model.card.as_dict()}
    # Pictures in base64 tell nobody anything.
    if isinstance(model, PageFile):
        held = {"marks": _described(model.marks), "refine": _described(model.refine)}
        return card | {"known": list(model.card.known.picture.shape)} | held
    return card | {"known_answers": len(model.card.known_answers.glyphs)}


def verify(path: Path | None) -> str:
    """Check a model's contract, known answers and the card beside it; None checks the shipped pair.

    Returns:
        What was found, for `digitcam model verify`.

    Raises:
        ModelError: when one of them does not hold.
    """
    if path is not None:
        model = load(path)
        return _verify_page(model) if isinstance(model, PageFile) else _verify_names(model)
    digits, page = load_model(), load_page()
    found = f"{_verify_names(digits)}\n{_verify_page(page)}"
    check_pair(digits.card, page.card)
    if page.card.trained_with != digits.card.id:
        raise ModelError(
            f"{page.path} was proven with the digit network {page.card.trained_with[:12]}, but "
            f"{digits.path} is {digits.card.id[:12]}; install digitcam again"
        )
    return f"{found}\nthey are a pair: the card of each names the other"


def _verify_names(model: ModelFile) -> str:
    _check_beside(model)
    classifier = Classifier(model)
    card, known = model.card, model.card.known_answers
    error = float(np.abs(classifier.raw(known.glyphs) - known.probabilities).max())
    rows, columns, channels = card.input
    found = (
        f"{model.path}: {card.name} {card.version}, {len(model.data):,} bytes, {_which(model)}\n"
        f"keeps the contract: uint8 (n, {rows}, {columns}, {channels}) raw pixels in, "
        f"float32 (n, {len(card.labels)}) probabilities out\n"
        f"gives its {len(known.glyphs)} known answers on {classifier.runtime}: "
        f"off by at most {error:.4f} (allowed {TOLERANCE})"
    )
    if card.failure:
        found += f"\nbut was refused when it was converted, and written by --force: {card.failure}"
    return found


def _verify_page(page: PageFile) -> str:
    _check_beside(page)
    network, card = open_page(page), page.card
    heads = ", ".join(name for name, _ in card.heads)
    held = "\n".join(
        f"holds {one.name} {one.version}, which gives its {len(one.known_answers.glyphs)} known answers on "
        f"{on}"
        for one, on in (
            (page.refine.card, open_refine(page.refine).runtime),
            (page.marks.card, open_marks(page.marks).runtime),
        )
    )
    return (
        f"{page.path}: {card.name} {card.version}, {len(page.data):,} bytes, {_which(page)}\n"
        f"keeps the contract: int8 (1, rows/4, columns/4, 16) pixels in, the heads {heads} out\n"
        f"says what it must of its known page on {network.runtime}: "
        f"off by at most {known_error(network, card.known):.2f} (a logit; allowed {PAGE_TOLERANCE:g})\n"
        f"{held}"
    )


def _which(model: ModelFile | PageFile) -> str:
    return "the shipped model" if model.shipped else f"SHA-256 {model.sha256}"


def _check_beside(model: ModelFile | PageFile) -> None:
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
