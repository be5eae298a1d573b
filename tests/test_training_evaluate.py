"""Measures of how well digits are read, against values worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from samples import written  # noqa: E402

from edge.model_file import load_model  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.dataset import Digits  # noqa: E402
from training.evaluate import Evaluation, area_under_roc, joined  # noqa: E402
from training.suite import SetResult, evaluate, open_model, pooled, real_digits  # noqa: E402


def said(truth, said, confidence=0.91):
    """An evaluation in which `said` gets `confidence` and the other nine digits share the rest."""
    probabilities = np.full((len(truth), 10), (1 - confidence) / 9, np.float32)
    probabilities[np.arange(len(said)), said] = confidence
    glyphs = np.zeros((len(truth), 28, 28), np.uint8)
    return Evaluation(Digits(glyphs, np.array(truth, np.uint8)), probabilities)


@pytest.fixture
def evaluation():
    """Three ones, one of them read as seven; two sevens, read right."""
    return said([1, 1, 1, 7, 7], [1, 1, 7, 7, 7])


def test_the_share_read_right_is_counted(evaluation):
    assert evaluation.accuracy == 0.8
    assert evaluation.right.tolist() == [True, True, False, True, True]


def test_precision_recall_and_f1_are_those_of_the_textbook(evaluation):
    one, seven = evaluation.scores["1"], evaluation.scores["7"]
    assert (one.precision, one.recall, one.support) == (1, pytest.approx(2 / 3), 3)
    assert (seven.precision, seven.recall, seven.support) == (pytest.approx(2 / 3), 1, 2)
    assert one.f1 == seven.f1 == pytest.approx(0.8)
    assert evaluation.scores["weighted avg"].precision == pytest.approx((3 * 1 + 2 * 2 / 3) / 5)
    assert evaluation.scores["macro avg"].recall == pytest.approx((2 / 3 + 1) / 10)


def test_the_confusion_matrix_has_the_truth_in_rows(evaluation):
    assert evaluation.confusion[1, 7] == 1
    assert evaluation.confusion[7, 1] == 0
    assert evaluation.confusion.sum() == 5


def test_the_cross_entropy_is_that_of_the_truth(evaluation):
    assert evaluation.cross_entropy == pytest.approx(-(4 * np.log(0.91) + np.log(0.01)) / 5, rel=1e-5)


@pytest.mark.parametrize(("confidence", "error"), [(0.8, 0.0), (0.91, 0.11), (0.5, 0.3)])
def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy(confidence, error):
    evaluation = said([1, 1, 1, 7, 7], [1, 1, 7, 7, 7], confidence)
    assert evaluation.calibration_error == pytest.approx(error, abs=1e-6)


def test_bins_hold_glyphs_of_about_the_same_confidence():
    evaluation = joined([said([1, 1, 1], [1, 1, 7], 0.95), said([7, 7], [7, 7], 0.55)])
    low, high = evaluation.reliability.bins
    assert (low.count, low.accuracy, high.count) == (2, 1, 3)
    assert (low.confidence, high.confidence) == (pytest.approx(0.55), pytest.approx(0.95))
    assert high.accuracy == pytest.approx(2 / 3)
    assert evaluation.calibration_error == pytest.approx((2 * 0.45 + 3 * (0.95 - 2 / 3)) / 5)


@pytest.mark.parametrize(
    ("wanted", "unwanted", "area"),
    [
        ([0.9, 0.8], [0.1, 0.2, 0.3], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5, 0.5], [0.5], 0.5),
        ([0.9, 0.2], [0.5, 0.1], 0.75),
        ([0.9, 0.5], [0.5], 0.75),
    ],
)
def test_the_area_under_the_roc_curve_is_the_chance_of_the_right_order(wanted, unwanted, area):
    assert area_under_roc(np.float32(wanted), np.float32(unwanted)) == pytest.approx(area)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with two photos, one set of digits and one of other characters, all of the plotter's 7.

    Beside the 7 in the sets is a speck, which the answer must not be of.
    """
    real = tmp_path_factory.mktemp("data") / "real"
    for folder in (real, real.parent / "pages"):
        (folder / "photos").mkdir(parents=True)
        cv2.imwrite(str(folder / "photos" / "seven.png"), written("7"))
        (folder / "labels.csv").write_text("file,digits,notes\nphotos/seven.png,7,\n")
    (folder / "numbers.csv").write_text("file,numbers\nphotos/seven.png,7\n")
    seven = written("7")[80:160, 20:80].copy()
    seven[70:74, 4:8] = 40
    for name, label in (("digits_mine", 7), ("nondigits_mine", "seven")):
        np.savez(real / f"{name}.npz", images=seven[np.newaxis], labels=[label], ink="dark on white")
    return real.parent


@pytest.fixture(scope="module")
def blank():
    """Digits to be read, and to be corrupted: bars."""
    glyphs = np.zeros((20, 28, 28), np.uint8)
    glyphs[:, 4:24, 12:16] = 255
    return Digits(glyphs, np.ones(20, np.uint8))


@pytest.fixture(scope="module")
def shipped():
    return open_model(Path(load_model().path))


@pytest.fixture(scope="module")
def findings(folder, blank, shipped):
    return evaluate(shipped, blank, data=folder, scenes=0)


def test_all_that_is_there_is_measured_and_the_rest_is_named(findings, shipped):
    assert findings.model == "digits.tflite"
    assert findings.accept == shipped.reader.classifier.card.fused.accept
    assert findings.mnist.accuracy == 1
    assert len(findings.corruptions) == 15
    assert 0 < findings.corruption_mean < 1
    assert list(findings.real) == ["digits_mine"]
    assert list(findings.others) == ["nondigits_mine"]
    assert set(findings.photos) == {"photos", "pages/photos"}
    assert findings.photos["photos"].tally.digits == 1
    assert (findings.photos["photos"].tally.numbers, findings.photos["pages/photos"].tally.numbers) == (0, 1)
    assert findings.skipped == {"scenes": "no scenes were asked for"}


def test_the_same_character_as_digit_and_as_none_cannot_be_told_apart(findings):
    assert findings.roc(findings.others["nondigits_mine"])["single real digits"] == 0.5


def test_what_is_shown_as_certain_is_counted_over_all_characters(findings):
    glyphs = findings.others["nondigits_mine"]
    sure = float(glyphs.evaluation.confidence[0] >= findings.accept)
    assert findings.accepted(glyphs) == sure
    assert findings.accepted(SetResult(glyphs.evaluation, missed=3)) == sure / 4
    assert replace(findings, accept=None).accepted(glyphs) is None


def test_characters_that_were_not_found_are_not_read_but_do_not_hide_the_rest(findings):
    found = findings.real["digits_mine"]
    both = pooled({"a": found, "b": SetResult(found.evaluation, missed=2)})
    assert (len(both), both.missed) == (4, 2)
    assert both.accuracy == found.accuracy / 2
    assert both.confidence[-2:].tolist() == [0, 0]
    nothing = SetResult(Evaluation(found.evaluation.digits[:0], found.evaluation.probabilities[:0]), missed=5)
    assert (nothing.accuracy, nothing.evaluation.calibration_error) == (0, 0)
    assert findings.roc(nothing) == {"single real digits": 1, "MNIST": 1}
    assert pooled({}) is None


def test_without_data_the_report_says_what_is_missing(tmp_path, blank, shipped):
    parts = ("glyphs", "photos", "scenes")
    findings = evaluate(replace(shipped, reader=None), blank, data=tmp_path, parts=parts)
    assert findings.mnist is None
    assert findings.scenes is None
    assert not findings.real
    assert not findings.others
    assert not findings.photos
    assert findings.skipped == {
        "mnist": "not asked for",
        "corruptions": "not asked for",
        "glyphs": "the data has no folder real",
        "scenes": "it was not converted for a page network: python -m convert does it",
        "photos": "the data has neither real/labels.csv nor pages/labels.csv",
    }


def test_digits_of_other_people_are_those_of_all_sets(folder, tmp_path):
    assert real_digits(folder).labels.tolist() == [7]
    assert real_digits(tmp_path) is None


def test_a_model_is_evaluated_from_the_command_line(data_dir, tmp_path, capsys):
    arguments = ["evaluate", str(load_model().path), "--data", str(data_dir), "--only", "mnist", "scenes"]
    assert main([*arguments, "--scenes", "2", "--json", "--report", str(tmp_path / "report")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["mnist-test"]["accuracy"] > 0.99
    assert told["scenes"]["pictures"] == 2
    assert told["skipped"] == dict.fromkeys(("corruptions", "glyphs", "photos"), "not asked for")
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == told
    assert "![Drawn scenes](mistakes-scenes.png)" in (tmp_path / "report" / "report.md").read_text()
    assert main(arguments[:-1]) == 0
    assert "weighted avg" in capsys.readouterr().out
