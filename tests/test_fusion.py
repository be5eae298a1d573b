from dataclasses import asdict, replace

import numpy as np
import pytest

from edge.fusion import LABELS, Fusion, Weights, evidence, log_softmax
from edge.types import Box, Candidate

ALL = Weights(
    page=0.5,
    glyph=1.0,
    refined_labels=0.5,
    constant=-1.0,
    digit=1.0,
    writing=-1.0,
    sure=1.0,
    agreed=0.5,
    refined=0.5,
)
FIRST = replace(ALL, refined=0.0, refined_labels=0.0)
FUSION = Fusion(FIRST, ALL, low=0.3, high=0.97)


def candidate(
    label: int, *, digit: float = 3.0, writing: float = -3.0, sure: float = 0.9, **refined
) -> Candidate:
    named = np.log(probabilities(label, sure))
    return Candidate(Box(0, 0, 10, 20), digit, named, writing, (0.0, 0.0), 0, digit, **refined)


def probabilities(label: int, sure: float = 0.9) -> np.ndarray:
    row = np.full(LABELS, (1 - sure) / (LABELS - 1), np.float32)
    row[label] = sure
    return row


def test_what_both_networks_say_is_said_more_surely_than_by_one_of_them():
    both, one = FUSION([candidate(7), candidate(1)], np.stack([probabilities(7), probabilities(7)]))
    assert both.label == one.label == 7
    assert both.confidence > one.confidence


def test_the_surer_network_decides_which_digit_it_is():
    (prediction,) = FUSION([candidate(1, sure=0.99)], np.stack([probabilities(7, 0.3)]))
    assert prediction.label == 1


@pytest.mark.parametrize(("digit", "writing"), [(-4.0, -3.0), (3.0, 6.0)])
def test_a_glyph_that_looks_like_a_digit_is_none_where_the_page_says_so(digit, writing):
    on_a_page, alone = FUSION(
        [candidate(1, digit=digit, writing=writing), candidate(1)],
        np.stack([probabilities(1, 0.999)] * 2),
    )
    assert on_a_page.confidence < 0.5 < alone.confidence
    assert on_a_page.probabilities.sum() == pytest.approx(1)


def test_what_the_refinement_network_says_counts_too():
    def seen(logit, label):
        return candidate(7, refined=logit, refined_labels=np.log(probabilities(label, 0.9)))

    glyphs = np.stack([probabilities(7, 0.4)] * 4)
    unknown, same, other, none = FUSION([candidate(7), seen(4.0, 7), seen(4.0, 1), seen(-9.0, 7)], glyphs)
    assert same.confidence > unknown.confidence > other.confidence
    assert none.confidence < 0.5


def test_the_refinement_network_is_asked_about_what_the_others_doubt():
    sure, doubted, unlikely = candidate(7), candidate(1, digit=-0.5), candidate(7, digit=-9.0)
    glyphs = np.stack([probabilities(7)] * 3)
    first = replace(FUSION, low=2.0)([sure, doubted, unlikely], glyphs)
    assert [p.confidence > FUSION.high for p in first] == [True, False, False]
    assert first[2].confidence < FUSION.low < first[1].confidence
    assert FUSION.doubted([sure, doubted, unlikely], glyphs) == [1]
    assert FUSION.doubted([], np.zeros((0, LABELS), np.float32)) == []


def test_where_it_was_not_asked_other_weights_count():
    other = replace(FUSION, first=replace(FIRST, constant=-3.0))
    glyphs = np.stack([probabilities(7)] * 2)
    candidates = [candidate(7), candidate(7, refined=0.0)]
    (unasked, asked), (doubted, same) = FUSION(candidates, glyphs), other(candidates, glyphs)
    assert unasked.confidence > doubted.confidence
    assert asked.confidence == same.confidence


def test_it_comes_back_from_a_card():
    assert Fusion.from_dict(asdict(FUSION)) == FUSION
    with pytest.raises(ValueError, match="holds numbers that are none"):
        Fusion.from_dict(asdict(replace(FUSION, high=float("nan"))))


def test_a_probability_of_nothing_is_not_beyond_remedy():
    glyph = np.zeros(LABELS, np.float32)
    glyph[3] = 1
    (prediction,) = FUSION([candidate(5, digit=9.0, sure=0.999999)], glyph[np.newaxis])
    assert np.isfinite(prediction.probabilities).all()


def test_nothing_is_made_of_nothing():
    assert FUSION([], np.zeros((0, LABELS), np.float32)) == []


def test_the_evidence_is_what_the_weights_are_for():
    row = evidence([candidate(2, digit=1.5, writing=-0.5)], probabilities(2)[np.newaxis])[0]
    assert row[:3].tolist() == [1, 1.5, -0.5]
    assert row[3] == pytest.approx(np.log(0.9), abs=1e-5)
    assert row[5] == 0
    assert row[4] == pytest.approx(np.log((probabilities(2).astype(float) ** 2).sum()), abs=1e-5)


def test_log_softmax_does_not_overflow():
    assert np.exp(log_softmax(np.array([1000.0, 1000.0]))).tolist() == [0.5, 0.5]
