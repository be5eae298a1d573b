"""The card beside a model file: `.json` for programs, `.md` for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from convert.calibrate import FALSE_ACCEPT_SHARE
from convert.verify import Comparison
from edge.model_file import Card


def card_json(model: bytes, card: Card, comparison: Comparison) -> str:
    """The card in the file, with the file's SHA-256 and size and what the verification found."""
    values: Mapping[str, Any] = {
        "sha256": hashlib.sha256(model).hexdigest(),
        "bytes": len(model),
        "verification": asdict(comparison),
        **card.as_dict(),
    }
    return json.dumps(values, indent=2) + "\n"


def card_markdown(model: bytes, card: Card, comparison: Comparison) -> str:
    """The card as a page: what the model is, how well it reads, and how it was made."""
    accuracies = "\n".join(f"| {name} | {share:.2%} |" for name, share in card.accuracies.items())
    data = "\n".join(f"| {name} | `{digest}` |" for name, digest in card.training_data.items())
    return f"""# {card.name} {card.version}

Reads a handwritten digit: {", ".join(card.labels)}.

| | |
|---|---|
| size | {len(model):,} bytes |
| SHA-256 | `{hashlib.sha256(model).hexdigest()}` |
| input | uint8 (n, 28, 28, 1): raw pixels, white ink on black, preprocessing \
version {card.preprocessing} |
| output | float32 (n, 10): probabilities before calibration |
| calibration | temperature {card.temperature:g} |
| accepted | from a calibrated confidence of {card.thresholds.accept:g}: of what is no digit in held-out \
scenes, at most {FALSE_ACCEPT_SHARE:.0%} is as sure |
| dropped | below {card.thresholds.digit:g}: what is less sure is more often wrong than right |

## How well it reads

Measured through edge's own classifier.

| test set | read right |
|---|---|
{accuracies}

On MNIST's test digits the float network reads {comparison.float_accuracy:.2%} right. Both say the same of \
{comparison.agreement:.2%}; the largest difference of a probability is {comparison.largest_difference:.3f}. \
The expected calibration error is {comparison.calibration_error:.4f}.

## How it was made

Trained by `{card.command}` at commit `{card.commit}`, converted by `python -m convert`.

| training data | SHA-256 of its decompressed contents |
|---|---|
{data}

{len(card.known_answers.glyphs)} glyphs with known answers are in the file; edge asks them when it loads it.
"""
