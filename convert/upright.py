"""What tells a picture on its head, fitted on drawn pages, and on the same pages turned."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from edge.fusion import Fusion
from edge.recognizer import Recognizer
from edge.types import Thresholds
from edge.upright import DIGITS, Facts, Standing, facts_of, likelier, on_its_head
from training.page.lessons import Pages

PAGES = 1000
"""Pages that are looked at both ways, at most."""

UNDOUBTED = 0.15
"""Share of the pages that would be told to stand on their head, but are not looked at so: that takes time."""

WRONG = 0.002
"""Share of the upright pages that may be taken for ones on their head."""

SMOOTH = 10.0
"""Inverse strength of the regularisation."""


def fit_standing(recognizer: Recognizer, fusion: Fusion, thresholds: Thresholds, pages: Pages) -> Standing:
    """The weights that make the truth most likely, and the thresholds that keep the promises above.

    Args:
        recognizer: the networks, as a reader looks at separate pictures.
        fusion: brings their opinions together.
        thresholds: on what they say together.
        pages: upright ones, of hands that the networks have not learned from.
    """
    both = []
    for grey in pages.grey[:PAGES]:
        picture = np.ascontiguousarray(grey)
        views = [recognizer.see(view) for view in (picture, on_its_head(picture))]
        if any(view.found.turned for view in views):
            continue
        told = []
        for view in views:
            opinion = fusion.parts(view.found.candidates, view.probabilities)
            sums = np.cumsum([0.0, *likelier(view, opinion, recognizer.classifier.classify)])
            # The highest sum, at which a reader would stop, goes with the facts.
            told.append((*astuple(facts_of(opinion, thresholds, float(sums[-1]))), float(sums.max())))
        both.append(told)
    names = list(Facts.__dataclass_fields__)
    seen = np.array(both, np.float64).reshape(-1, 2, len(names) + 1)
    seen = seen[seen[:, :, names.index("digits")].sum(axis=1) >= DIGITS]
    facts, highest = seen[:, :, :-1], seen[:, :, -1]
    # Of a page on its head the other view is the upright one.
    differences = facts[:, 0] - facts[:, 1]
    regression = LogisticRegression(C=SMOOTH, fit_intercept=False, max_iter=1000)
    regression.fit(np.concatenate([differences, -differences]), np.repeat([1, 0], len(differences)))
    weights = Facts(*map(float, regression.coef_[0]))
    odds = differences @ regression.coef_[0]
    least = max(0.0, float(np.quantile(-odds, 1 - WRONG)))
    sums_of_told = highest[odds >= least, 1]
    doubt = float(np.quantile(sums_of_told, 1 - UNDOUBTED)) if len(sums_of_told) else 0.0
    return Standing(weights, doubt, least)
