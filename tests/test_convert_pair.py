"""Two networks are brought together: what is fitted is found again, and the files know each other."""

import json
from dataclasses import astuple, replace

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="tflite-runtime has no schema to write a model with")

from ai_edge_litert import schema_py_generated as schema
from drawn import numbers_of_scenes, pages_of, scene_of

import convert.pair
import edge.page
from convert.flatfile import packed
from convert.heads import cut_off
from convert.metadata import embed, identity
from convert.pair import (
    Observed,
    Origin,
    fit_fusion,
    fit_least,
    fit_linking,
    fit_thresholds,
    fit_to,
    measure,
    observe,
    pair,
)
from edge.classifier import Classifier
from edge.errors import ModelError
from edge.fusion import Fusion, Weights, log_softmax
from edge.lines import Linking
from edge.marks import open_marks
from edge.model_file import METADATA_NAME, load_model, read_metadata
from edge.page import DEPTH, PageNetwork
from edge.page_file import MARKS_METADATA, PAGE_METADATA, REFINE_METADATA, check_pair, load_page, open_page
from edge.reader import DigitReader
from edge.recognizer import Found, Seen
from edge.refine import open_refine
from edge.types import Box, Candidate
from training.page.matching import IGNORED, NONE

pytestmark = pytest.mark.workstation

ALL = Weights(
    page=0.7,
    glyph=1.3,
    refined_labels=0.5,
    constant=-0.5,
    digit=1.0,
    writing=-0.8,
    sure=0.6,
    agreed=0.4,
    refined=0.7,
)
ALWAYS = Fusion(ALL, ALL, low=0.0, high=2.0)
LINKING = Linking(constant=1.0, link=0.9, gap=-2.0, size=-1.5)


def chances(logits, random):
    return random.random(len(logits)) < 1 / (1 + np.exp(-logits))


def made_up(count=20_000, seed=0):
    """Candidates and neighbours that are what these weights say, by chance."""
    random = np.random.default_rng(seed)
    evidence = np.column_stack([np.ones(count), random.normal(0, 2, (count, 5))])
    names = log_softmax(random.normal(0, 2, (3, count, 10)))
    named = np.exp(log_softmax(np.tensordot(astuple(ALL)[:3], names, axes=1)))
    labels = (random.random((count, 1)) > named.cumsum(axis=1)).sum(axis=1)
    labels = np.minimum(labels, 9)
    labels[~chances(evidence @ np.array(astuple(ALL)[3:]), random)] = NONE
    links = np.column_stack([np.ones(count), random.normal(0, 2, count), random.random((count, 2))])
    same = chances(links @ np.array(astuple(LINKING)), random)
    peaks = evidence[:, 1] + random.random(count)  # in its surest look, a digit is at least as sure as in all
    return Observed(evidence, names, peaks, labels, links, same, missed=0)


@pytest.fixture(scope="module")
def observed():
    return made_up()


def test_the_weights_that_made_the_truth_are_found(observed):
    fusion = fit_fusion(observed)
    assert astuple(fusion.all) == pytest.approx(astuple(ALL), abs=0.1)
    assert (fusion.first.refined, fusion.first.refined_labels) == (0, 0)
    assert fusion.first.digit == pytest.approx(ALL.digit, abs=0.3)
    assert astuple(fit_linking(observed)) == pytest.approx(astuple(LINKING), abs=0.2)


def test_the_refinement_network_is_asked_where_that_spares_mistakes(observed):
    fusion = fit_fusion(observed)
    assert 0 < fusion.low < fusion.high <= 1

    def cost(low, high):
        confidence, right = convert.pair.believed(observed, replace(fusion, low=low, high=high))
        digit, certain = observed.labels >= 0, fit_thresholds(observed, replace(fusion, low=low, high=high))
        shown, sure = confidence >= certain.digit, confidence >= certain.accept
        told = np.where(right, -1, 1)[sure].sum()
        return (~shown & digit).sum() / 3 + (shown & ~digit).sum() + told

    always, never, asked = cost(0, 2), cost(2, 2), cost(fusion.low, fusion.high)
    assert always < never
    assert asked < always + 0.02 * (never - always)


def test_a_refinement_network_that_knows_nothing_is_fitted_too(observed):
    evidence, names = observed.evidence.copy(), observed.names.copy()
    random = np.random.default_rng(3)
    evidence[:, -1] = random.normal(0, 2, len(evidence))
    names[-1] = np.log(0.1)
    fusion = fit_fusion(replace(observed, evidence=evidence, names=names))
    assert fusion.all.refined == pytest.approx(0, abs=0.05)
    assert 0 <= fusion.low < fusion.high


def test_what_should_not_be_asked_changes_nothing(observed):
    others = made_up(2000, seed=1)
    more = Observed(
        np.concatenate([observed.evidence, -others.evidence]),
        np.concatenate([observed.names, others.names], axis=1),
        np.concatenate([observed.peaks, others.peaks]),
        np.concatenate([observed.labels, np.full(2000, IGNORED)]),
        observed.links,
        observed.same,
        0,
    )
    for weights in ("first", "all"):
        fitted, other = (getattr(fit_fusion(each), weights) for each in (observed, more))
        assert astuple(fitted) == pytest.approx(astuple(other), abs=1e-3)
    assert fit_thresholds(more, ALWAYS) == fit_thresholds(observed, ALWAYS)


def test_thresholds_are_where_to_show_more_would_cost_more(observed):
    thresholds = fit_thresholds(observed, ALWAYS)
    confidence, right = convert.pair.believed(observed, ALWAYS)
    digit = observed.labels >= 0

    def share(which, threshold):
        return which[np.abs(confidence - threshold) < 0.03].mean()

    # A wrong digit costs one more than a `?` or two, one that is right saves one.
    assert 1 / 2 - 0.05 < share(right, thresholds.accept) < 2 / 3 + 0.05
    # A `?` that is no digit costs 1, one that is saves a third.
    assert share(digit, thresholds.digit - 0.05) < 3 / 4 < share(digit, thresholds.digit + 0.05)
    assert 0.1 < thresholds.digit <= thresholds.accept < 1


def test_hardly_a_digit_that_is_read_right_is_below_what_is_named_at_all(observed):
    thresholds = fit_thresholds(observed, ALWAYS)
    least = fit_least(observed, ALWAYS, thresholds)
    confidence, right = convert.pair.believed(observed, ALWAYS)
    logits = observed.peaks[right & (confidence >= thresholds.digit)]
    assert (logits < least).mean() == pytest.approx(0.002, abs=0.001)
    assert least > observed.peaks.min()


def test_the_card_tells_shares_of_what_there_is(observed):
    thresholds = fit_thresholds(observed, ALWAYS)
    told = measure(replace(observed, missed=len(observed.labels)), ALWAYS, LINKING, thresholds)
    alone = measure(observed, ALWAYS, LINKING, thresholds)
    digits = int((observed.labels >= 0).sum())
    assert told["found"] == pytest.approx(alone["found"] * digits / (digits + len(observed.labels)))
    assert 0 < alone["misread"] < 0.5 and 0 < alone["invented"] < 0.5
    same = observed.links @ np.array(astuple(LINKING)) >= 0
    assert alone["linked"] == pytest.approx((same == observed.same).mean()) and alone["linked"] < 1


@pytest.mark.parametrize("labels", [3, NONE], ids=["digits alone", "no digit"])
def test_pages_that_tell_nothing_are_refused(observed, labels):
    same = replace(observed, labels=np.full_like(observed.labels, labels))
    with pytest.raises(ModelError, match="some must be and some not; take more pages"):
        fit_fusion(same)
    with pytest.raises(ModelError, match="take more pages"):
        fit_linking(replace(observed, same=np.ones_like(observed.same)))


class Recognized:
    """Takes the place of both networks: sees candidates where it is told, in units of the unscaled page."""

    def __init__(self, boxes, size):
        self._boxes, self._size = boxes, size
        self.scales = []

    def see(self, grey):
        scale = grey.shape[1] / self._size[1]
        self.scales.append(scale)
        labels = np.log(np.full(10, 0.1, np.float32))
        found = [Candidate(box.scaled(scale), 1.0, labels, 0.0, (0.5, 0.5), 0, 1.0) for box in self._boxes]
        return Seen(Found(found, [], [], grey, ()), np.full((len(found), 10), 0.1, np.float32))


def test_candidates_are_labelled_at_every_size_that_pages_are_read_in():
    scene = scene_of([("47", 60, 140), ("5", 250, 140)], [("wx", 380, 140)])
    scene.ignore[300:] = 255
    seen = [digit.box for digit in scene.digits[:2]]
    seen += [scene.digits[2].box, Box(380, 110, 420, 150), Box(50, 320, 80, 360)]
    recognizer = Recognized(seen, scene.ink.shape)
    found = observe([recognizer], pages_of([scene] * 3))
    assert recognizer.scales == pytest.approx((1.0, 0.6, 1.6), abs=0.01)
    assert found.labels.tolist() == [4, 7, 5, NONE, IGNORED] * 3
    assert found.evidence.shape == (15, 6)
    assert found.same.tolist() == [True, False] * 3  # 4 and 7 are of one number, 7 and 5 are not
    assert found.missed == 0


def test_every_way_of_looking_is_learned_from():
    scene = scene_of([("47", 60, 140)])
    both, first, none = (
        Recognized([digit.box for digit in digits], scene.ink.shape)
        for digits in (scene.digits, scene.digits[:1], [])
    )
    found = observe([both, first, none], pages_of([scene]))
    assert (found.labels.tolist(), found.missed) == ([4, 7, 4], 3)
    assert len(found.evidence) == len(found.peaks) == 3
    assert len(found.links) == 1


def test_digits_without_a_candidate_are_missed():
    scene = scene_of([("47", 60, 140)])
    found = observe([Recognized([scene.digits[0].box], scene.ink.shape)], pages_of([scene]))
    assert (found.labels.tolist(), found.missed) == ([4], 1)
    nothing = observe([Recognized([], scene.ink.shape)], pages_of([scene]))
    assert (len(nothing.labels), nothing.missed) == (0, 2)


@pytest.fixture(scope="module")
def held_out():
    """A few pages on which there is something to be found, and something to be taken for it."""
    random = np.random.default_rng(4)
    scenes = []
    for _ in range(9):
        texts = ["".join(map(str, random.integers(10, size=3))) for _ in range(6)]
        places = [(left, base) for left in (30, 330) for base in (90, 190, 290)]
        numbers = [(text, *place) for text, place in zip(texts, places, strict=True)]
        scenes.append(scene_of(numbers, [("Siglo BZ", 170, 140), ("soil gq", 190, 340)]))
    return pages_of(scenes)


@pytest.fixture(scope="module")
def numbers():
    """A few pages of numbers with each of the marks, in it and in front of it."""
    scenes = []
    for page in range(12):
        height, bases = 32 + 4 * (page % 4), (70, 140, 210, 280, 350)
        written = [
            (text, 60, base) for base, text in zip(bases, ("473", "582", "306", "924", "617"), strict=True)
        ]
        written += [("528", 260 + 10 * page, base) for base in bases]
        kinds = np.roll(list(".,:/-"), page)
        marks = [
            (kind, line, 60 + round(0.76 * height), base)
            for line, (kind, base) in enumerate(zip(kinds, bases, strict=True))
        ]
        marks += [("-", line + 5, 235 + 10 * page, base) for line, base in enumerate(bases) if line % 2]
        scenes.append(scene_of(written, height=height, marks=marks))
    return numbers_of_scenes(scenes)


@pytest.fixture(scope="module")
def made(held_out, numbers):
    origin = Origin("2.0", {"data": "ab"}, "python -m training.page", "abc", {"float found": 0.5})
    page = load_page()
    return pair(page.data, load_model(), page.marks, page.refine, held_out, numbers, origin)


def written(made, folder):
    """The files of page and digit network, as they are read again."""
    (folder / "page.tflite").write_bytes(made.page)
    (folder / "digits.tflite").write_bytes(made.digits.data)
    return load_page(folder / "page.tflite"), load_model(folder / "digits.tflite")


def test_both_files_are_read_again_and_are_a_pair(made, tmp_path):
    page, digits = written(made, tmp_path)
    assert page.card.as_dict() == made.page_card.as_dict()
    assert digits.card.as_dict() == made.digits.card.as_dict()
    assert check_pair(digits.card, page.card) == (made.digits.card.fusion, made.digits.card.fused)
    assert (page.card.id, digits.card.id) == (digits.card.trained_with, page.card.trained_with)
    assert page.card.id == identity(load_page().data)
    assert (page.card.version, page.card.scores["float found"]) == ("2.0", 0.5)
    open_page(page)  # its known page is answered as its card says


def test_the_mark_network_is_calibrated_where_it_is_asked_and_kept_in_the_page_file(made, tmp_path):
    page, _ = written(made, tmp_path)
    card = page.marks.card
    assert card.as_dict() == made.marks.card.as_dict()
    assert (card.id, card.trained_with) == (load_page().marks.card.id, page.card.id)
    assert card.temperature > 0 and 0 < card.thresholds.accept <= 1
    assert card.accuracies["marks right"] > 0.5
    assert DigitReader(Classifier(load_model(tmp_path / "digits.tflite")), page=page).thresholds.mark == (
        card.thresholds.accept
    )


def test_a_network_that_names_other_things_tells_no_marks_and_refines_nothing():
    with pytest.raises(ModelError, match="is no mark network"):
        open_marks(load_model())
    with pytest.raises(ModelError, match="is no refinement network"):
        open_refine(load_model())


@pytest.mark.parametrize(
    ("missing", "kept"), [("mark", REFINE_METADATA), ("refinement", MARKS_METADATA)], ids=["marks", "refine"]
)
def test_a_page_network_that_holds_less_is_to_be_fitted_again(made, tmp_path, missing, kept):
    path = tmp_path / "page.tflite"
    held = {kept: read_metadata(made.page, kept)}
    path.write_bytes(embed(made.page, PAGE_METADATA, made.page_card.to_bytes(), **held))
    with pytest.raises(ModelError, match=f"holds no {missing} network: fit it again"):
        load_page(path)


def test_the_refinement_network_is_kept_in_the_page_file_as_it_is(made, tmp_path):
    page, _ = written(made, tmp_path)
    assert page.refine.data == load_page().refine.data
    assert page.refine.card.as_dict() == load_page().refine.card.as_dict()


def changed(model):
    """The same network with one weight that is another."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    weights = [tree.buffers[tensor.buffer] for tensor in tree.subgraphs[0].tensors]
    largest = max((b for b in weights if b.data is not None), key=lambda buffer: len(buffer.data))
    largest.data = largest.data.copy()
    largest.data[0] ^= 1
    return packed(tree)


def test_files_of_two_pairs_are_refused_together(made, held_out, numbers, tmp_path):
    page, digits = written(made, tmp_path)
    origin = Origin("3.0", {}, "", "", {})
    shipped = load_page()
    networks = changed(shipped.data), load_model(), shipped.marks, shipped.refine
    other = pair(*networks, held_out, numbers, origin)
    (tmp_path / "other").mkdir()
    other_page, other_digits = written(other, tmp_path / "other")
    check_pair(other_digits.card, other_page.card)
    for mixed in ((digits.card, other_page.card), (other_digits.card, page.card)):
        with pytest.raises(ModelError, match="are no pair"):
            check_pair(*mixed)
    alone = replace(digits.card, trained_with="", fusion=None)
    with pytest.raises(ModelError, match="was converted for no page network"):
        check_pair(alone, page.card)


def test_another_digit_network_is_fitted_to_a_page_network_that_stays(made, held_out, tmp_path):
    page, _ = written(made, tmp_path)
    bare = replace(load_model().card, trained_with="", fusion=None, id="")
    path = tmp_path / "mine.tflite"
    path.write_bytes(embed(load_model().data, METADATA_NAME, bare.to_bytes()))
    card = fit_to(page, load_model(path), held_out)
    # the same networks on the same pages
    assert check_pair(card, page.card) == (made.digits.card.fusion, made.digits.card.fused)
    assert card.id == made.digits.card.id
    assert card.fused == made.digits.card.fused


def test_pages_to_fit_on_are_drawn_once(held_out, tmp_path, monkeypatch):
    asked = []

    def draw(data, split, count, *, seed):
        asked.append((data, split, count, seed))
        return held_out

    monkeypatch.setattr(convert.pair, "draw_pages", draw)
    for _ in range(2):
        pages = convert.pair.pages_to_fit_on(tmp_path, None)
        assert (pages.grey == held_out.grey).all() and (pages.marks == held_out.marks).all()
    assert asked == [(None, "test", 6000, 1)]


def test_a_folder_that_is_no_run_gets_one_line_and_2(tmp_path, capsys):
    assert convert.pair.main([str(tmp_path), "--out", str(tmp_path / "models")]) == 2
    assert "is no run folder" in capsys.readouterr().err
    (tmp_path / "config.json").write_text(json.dumps({}))
    assert convert.pair.main([str(tmp_path), "--out", str(tmp_path / "models")]) == 2
    assert not (tmp_path / "models").exists()


def test_heads_that_nobody_asks_for_are_cut_off(monkeypatch):
    """What stays says what it said before."""
    whole = load_page()
    known = whole.card.known.picture
    before = open_page(whole).look(known, 1.0)
    monkeypatch.setattr(edge.page, "DEPTH", DEPTH - 5)
    less = cut_off(whole.data, DEPTH - 5)
    after = PageNetwork(less).look(known, 1.0)
    assert len(less) < len(whole.data)
    assert (before.unit, before.zero) == (after.unit, after.zero)
    assert np.array_equal(before.said[..., : DEPTH - 5], after.said)
    assert cut_off(less, DEPTH - 5) == less
    with pytest.raises(ModelError, match="must end in a convolution"):
        cut_off(less, DEPTH)
