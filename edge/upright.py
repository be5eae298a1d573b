"""Which way up: a picture that stands on its head is told from one that does not, by what the networks see.

Many digits look like digits on their heads, too, but not all of them alike: the networks are a little less
sure of each. So the digit network names the glyphs turned as well; where these are hardly less likely, the
whole picture is looked at once more on its head, and a logistic regression on the differences says which way
is up. Its weights are fitted on drawn pages, and on the same pages turned (`convert.upright`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from edge import naming
from edge.fusion import LABELS, SMALLEST, Fusion
from edge.naming import Classify
from edge.preprocess import to_glyph
from edge.recognizer import Recognizer, Seen
from edge.types import ByteArray, Thresholds

Opinion = tuple[np.ndarray, np.ndarray]
"""Of all networks together, as `Fusion.parts` returns it."""

TELLING = 24
"""Candidates whose glyphs are named turned, the likeliest digits."""

DIGITS = 0.5
"""Digits that are expected in a picture, from which on it tells how it stands. (With less, 0 of 111 photos on
their head and 1 of 500 drawn pages fewer are told; 18 instead of 39 % of upright drawn pages are looked at
twice.)"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is seen of a picture, or the weights of that.

    Attributes:
        turned: by how much likelier its glyphs are as they stand than turned: logarithms, added up;
        digits: candidates that are digits, expected;
        right: those of them that are named right, expected;
        certain: those that are shown as certain;
        seen: logarithms of how unlikely it is that none is a digit;
        named: logarithms of the probabilities of their labels, added up.
    """

    turned: float
    digits: float
    right: float
    certain: float
    seen: float
    named: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Tells a picture on its head.

    Attributes:
        weights: of the differences between what is seen of it turned, and of it as it is.
        doubt: a picture is looked at on its head, too, where what `likelier` yields, added up, stays below
            this.
        least: log odds from which on it is read turned.
    """

    weights: Facts
    doubt: float
    least: float

    def on_its_head(self, here: Facts, turned: Facts) -> bool:
        """Whether a picture stands on its head, by what is seen of it and of it turned."""
        differences = np.array(astuple(turned)) - np.array(astuple(here))
        return float(differences @ np.array(astuple(self.weights))) >= self.least

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Standing:
        """What `dataclasses.asdict` made of one.

        Raises:
            ValueError: when weights are no numbers.
        """
        weights = Facts(**{str(name): float(weight) for name, weight in values["weights"].items()})
        standing = cls(weights, float(values["doubt"]), float(values["least"]))
        if not all(map(math.isfinite, (*astuple(weights), standing.doubt, standing.least))):
            raise ValueError(f"it has weights for pictures on their head that are none: {standing}")
        return standing


def upright(
    recognizer: Recognizer, grey: ByteArray, fusion: Fusion, thresholds: Thresholds, standing: Standing
) -> Seen:
    """What the networks say of a picture, which is turned where it stands on its head.

    Args:
        recognizer: the networks.
        grey: the picture, shape (rows, columns), uint8.
        fusion: brings their opinions together.
        thresholds: on what they say together.
        standing: tells a picture on its head.
    """
    seen = recognizer.see(grey)
    if seen.found.turned or not seen.found.candidates:
        return seen
    classify = recognizer.classifier.classify
    opinion = fusion.parts(seen.found.candidates, seen.probabilities)
    here = facts_of(opinion, thresholds)
    if here.digits < DIGITS:
        return seen
    turned = 0.0
    for more in likelier(seen, opinion, classify):
        turned += more
        if turned >= standing.doubt:
            return seen
    over = recognizer.see(on_its_head(grey))
    if over.found.turned:
        return seen
    opinion = fusion.parts(over.found.candidates, over.probabilities)
    there = facts_of(opinion, thresholds, sum(likelier(over, opinion, classify)))
    if not standing.on_its_head(replace(here, turned=turned), there):
        return seen
    return replace(over, found=replace(over.found, turned=2))


def on_its_head(grey: ByteArray) -> ByteArray:
    """A picture turned by 180 degrees."""
    return np.ascontiguousarray(np.rot90(grey, 2))


def likelier(seen: Seen, opinion: Opinion, classify: Classify) -> Iterator[float]:
    """By how much likelier each glyph is as it stands than turned, logarithms; the likeliest digits first.

    Args:
        seen: by the networks.
        opinion: of them all.
        classify: of the digit network; a glyph is named turned when it is asked for.
    """
    believed = _believed(opinion)
    for k in np.argsort(-believed, kind="stable")[:TELLING].tolist():
        (over,) = naming.name([to_glyph(on_its_head(seen.found.inks[k]))], classify)
        here = seen.probabilities[k].max()
        yield float(believed[k]) * math.log(max(here, SMALLEST) / max(over.confidence, SMALLEST))


def facts_of(opinion: Opinion, thresholds: Thresholds, turned: float = 0.0) -> Facts:
    """What is seen of a picture.

    Args:
        opinion: of all networks.
        thresholds: on what they say.
        turned: what `likelier` yields of it, added up.
    """
    logits, named = opinion
    believed = _believed(opinion)
    labels = named.max(axis=1, initial=-math.inf)
    right = believed * np.exp(labels)
    return Facts(
        turned=turned,
        digits=float(believed.sum()),
        right=float(right.sum()),
        certain=float((right + (1 - believed) / LABELS >= thresholds.accept).sum()),
        seen=float(np.logaddexp(0, logits).sum()),
        named=float((believed * np.maximum(labels, math.log(SMALLEST))).sum()),
    )


def _believed(opinion: Opinion) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-opinion[0])))
