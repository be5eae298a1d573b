"""What the page network learns by: one loss for each head, added up."""

from __future__ import annotations

from typing import Any

from keras import ops

from edge.page import CHANNELS
from training.page.targets import PLANES

WEIGHTS = {
    "ink": 1.0,
    "digit": 1.0,
    "label": 0.7,
    "box": 0.15,
    "writing": 0.5,
    "links": 0.5,
    "small": 0.3,
    "ways": 0.2,
}
"""Of each head: chosen so that all are of the same order after the first thousand steps."""

FOCUS, HALO = 2.0, 4.0
"""CenterNet's alpha and beta."""

Tensor = Any


def losses(truth: Tensor, said: Tensor) -> dict[str, Tensor]:
    """The loss of each head, not yet weighted.

    Args:
        truth: (n, rows, columns, targets.DEPTH), as `draw_truth` gives it.
        said: (n, rows, columns, edge.page.DEPTH).
    """
    true = {name: truth[..., place] for name, place in PLANES.items()}
    heads = {name: said[..., place] for name, place in CHANNELS.items()}
    return {
        "ink": _mask(true["ink"], heads["ink"], true["ink_weight"]),
        "digit": _focal(true["digit"], heads["digit"], true["digit_weight"]),
        "label": _named(true["label"], heads["label"]),
        "box": _mean(true["box_weight"], ops.abs(true["box"] - heads["box"])),
        "writing": _mean(true["writing_weight"], _entropy(true["writing"], heads["writing"])),
        "links": _mean(true["link_weight"], _entropy(true["links"], heads["links"])),
        "small": _mean(true["small_weight"], _entropy(true["small"], heads["small"])),
        "ways": _named(true["ways"], heads["ways"]),
    }


def page_loss(truth: Tensor, said: Tensor) -> Tensor:
    """All of it, a scalar."""
    parts = losses(truth, said)
    return sum(WEIGHTS[name] * part for name, part in parts.items())


def _entropy(truth: Tensor, logits: Tensor) -> Tensor:
    return ops.maximum(logits, 0) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))


def _mean(weight: Tensor, each: Tensor) -> Tensor:
    """Mean of a plane or several, weighted; 0 where nothing counts."""
    return ops.sum(weight * each) / (each.shape[-1] * ops.sum(weight) + 1)


def _mask(ink: Tensor, logits: Tensor, weight: Tensor) -> Tensor:
    """Weighted cross-entropy plus weighted Dice loss, which does not care how little of a picture is ink."""
    said = ops.sigmoid(logits)
    both, either = ops.sum(weight * said * ink), ops.sum(weight * (said + ink))
    return ops.sum(weight * _entropy(ink, logits)) / (ops.sum(weight) + 1) + 1 - (2 * both + 1) / (either + 1)


def _focal(heat: Tensor, logits: Tensor, weight: Tensor) -> Tensor:
    """CenterNet's focal loss: of cells near a centre little is asked, of those far from any the most."""
    said = ops.sigmoid(logits)
    centre = ops.cast(heat > 0.999, said.dtype)
    hit = _entropy(ops.ones_like(logits), logits) * (1 - said) ** FOCUS
    miss = _entropy(ops.zeros_like(logits), logits) * said**FOCUS * (1 - heat) ** HALO
    each = weight * (centre * hit + (1 - centre) * miss)
    return ops.sum(each) / (ops.sum(weight * centre) + 1)


def _named(label: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy where there is something to name; the one-hot truth holds how much each cell counts."""
    spread = ops.logsumexp(logits, axis=-1, keepdims=True) - logits
    return ops.sum(label * spread) / (ops.sum(label) + 1)
