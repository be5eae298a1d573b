import cv2
import numpy as np
import pytest
from samples import prediction

from edge.naming import fuse, name

LOWEST, CLEAR = 0.3, 0.9


def bar():
    """An upright stroke."""
    glyph = np.zeros((28, 28), np.uint8)
    glyph[4:24, 13:16] = 255
    return glyph


def leaning(glyph):
    """Columns to the right for each row further down."""
    moments = cv2.moments(glyph)
    return moments["mu11"] / moments["mu02"]


@pytest.mark.parametrize("confidence", [LOWEST - 0.01, CLEAR + 0.01, 1.0])
def test_what_is_clear_or_hopeless_is_asked_once(confidence):
    asked = []

    def classify(glyphs):
        asked.extend(glyphs)
        return [prediction(4, confidence) for _ in glyphs]

    (answer,) = name([bar()], classify)
    assert len(asked) == 1
    assert answer.confidence == pytest.approx(confidence, abs=1e-6)


def test_what_is_not_clear_is_looked_at_slanted_to_either_side():
    asked = []

    def classify(glyphs):
        asked.extend(glyphs)
        return [prediction(1, 0.9 if abs(leaning(glyph)) < 0.1 else 0.5) for glyph in glyphs]

    (answer,) = name([bar()], classify)
    assert [leaning(glyph) for glyph in asked] == pytest.approx([0, -0.2, 0.2], abs=0.05)
    assert answer.label == 1
    assert 0.5 < answer.confidence < 0.9


def test_looks_may_outvote_the_first():
    def classify(glyphs):
        return [prediction(7, 0.5) if abs(leaning(glyph)) < 0.1 else prediction(1, 0.9) for glyph in glyphs]

    assert [answer.label for answer in name([bar()], classify)] == [1]


def test_each_glyph_keeps_its_place():
    glyphs = [np.full((28, 28), level, np.uint8) for level in (10, 60, 110, 160)]

    def classify(glyphs):
        return [
            prediction(int(glyph[14, 14]) // 50, 0.9 if glyph[14, 14] < 100 else 0.99) for glyph in glyphs
        ]

    assert [answer.label for answer in name(glyphs, classify)] == [0, 1, 2, 3]
    assert name([], classify) == []


def test_fused_probabilities_are_a_geometric_mean():
    a, b = np.full((1, 10), 0.01), np.full((1, 10), 0.01)
    a[0, 3], b[0, 3] = 0.91, 0.5
    b[0, 5] = 0.42
    fused = fuse([np.log(a), np.log(b)])
    assert fused.sum() == pytest.approx(1)
    assert fused[0, 3] / fused[0, 5] == pytest.approx(np.sqrt(0.91 * 0.5 / (0.01 * 0.42)), rel=1e-4)
