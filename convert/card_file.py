"""A model file and, beside it, its card in JSON, which promises the file's SHA-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from edge.files import write_whole
from edge.model_file import ModelFile

VERIFICATION = "verification"
"""In the card of a digit network: how it compares with the float network that it was made of."""


def write_model(path: Path, model: ModelFile) -> None:
    """Write a model and its card."""
    write_with_card(path, model.data, model.card.as_dict())


def write_with_card(path: Path, data: bytes, card: Mapping[str, Any]) -> None:
    """Write a model and its card; what the card there says of its conversion is kept.

    The card is first: whoever reads both in between sees that they do not fit.
    """
    beside = path.with_suffix(".json")
    before = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    kept = {name: before[name] for name in (VERIFICATION,) if name in before}
    whole = {**kept, "sha256": sha256(data).hexdigest(), "bytes": len(data), **card}
    write_whole(beside, json.dumps(whole, indent=2) + "\n")
    write_whole(path, data)
