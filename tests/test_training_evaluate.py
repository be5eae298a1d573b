"""Measures of how well digits are read, against values worked out by hand."""

import json

import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from training.dataset import Digits  # noqa: E402
from training.evaluate import Evaluation  # noqa: E402
from training.report import classification_report, metrics, write_report  # noqa: E402
from training.train import Epoch  # noqa: E402


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


def test_the_report_has_a_line_for_each_digit_and_average(evaluation):
    lines = classification_report(evaluation).splitlines()
    assert lines[0].split() == ["precision", "recall", "f1-score", "support"]
    assert lines[3].split() == ["1", "1.0000", "0.6667", "0.8000", "3"]
    assert lines[-3].split() == ["accuracy", "0.8000", "5"]
    assert len(lines) == 16


@pytest.mark.parametrize("truth", [[1, 1, 1, 7, 7], [1, 1, 7, 7, 7]], ids=["a mistake", "no mistake"])
def test_a_run_is_told_in_five_files(tmp_path, truth):
    evaluation = said(truth, [1, 1, 7, 7, 7])
    history = [Epoch(1, 0.5, 0.8, 0.4, 0.9), Epoch(2, 0.3, 0.9, 0.2, 1.0)]
    write_report(tmp_path, evaluation, history)
    for name in ("confusion.png", "curves.png", "misread.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert "weighted avg" in (tmp_path / "classification.txt").read_text()
    told = json.loads((tmp_path / "metrics.json").read_text())
    assert told == {"mnist-test": json.loads(json.dumps(metrics(evaluation)))}
    assert told["mnist-test"]["accuracy"] == evaluation.accuracy
