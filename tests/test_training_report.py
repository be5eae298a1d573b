"""What reports say and show."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.workstation
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from test_training_evaluate import said  # noqa: E402

from training.corruptions import CORRUPTIONS  # noqa: E402
from training.dataset import NOT_A_DIGIT  # noqa: E402
from training.evaluate import Reliability, joined  # noqa: E402
from training.figures import glyph_mistakes, mistakes_figure, png  # noqa: E402
from training.photos import GroupResult  # noqa: E402
from training.pictures import Mistake, Tally  # noqa: E402
from training.report import (  # noqa: E402
    as_dict,
    classification_report,
    metrics,
    sections,
    table,
    text_report,
    write_findings,
    write_report,
)
from training.scenes.measure import ScenesResult  # noqa: E402
from training.suite import CorruptionResult, Findings, SetResult  # noqa: E402
from training.train import Epoch  # noqa: E402


@pytest.fixture
def evaluation():
    """Three ones, one of them read as seven; two sevens, read right."""
    return said([1, 1, 1, 7, 7], [1, 1, 7, 7, 7])


@pytest.fixture
def findings(evaluation):
    mistake = Mistake(np.full((64, 64), 200, np.uint8), "4", "9")
    photos = Tally(
        pictures=3,
        digits=9,
        edits=2,
        confident=1,
        texts=3,
        exact_texts=1,
        numbers=4,
        right_numbers=3,
        readings=6,
    )
    ruled = Tally(pictures=2, digits=40, edits=30, texts=9, exact_texts=1)
    rare = Tally(pictures=1, digits=3, edits=3, texts=1)
    plain = Tally(pictures=4, digits=50, edits=5, texts=12, exact_texts=10, empty=1, false_digits=2)
    sure = Reliability(np.full(4, 0.95, np.float32), np.array([True, True, True, False]))
    unsure = Reliability(np.full(1, 0.75, np.float32), np.array([True]))
    return Findings(
        model="some.tflite",
        accept=0.9,
        mnist=evaluation,
        corruptions={
            kind: CorruptionResult(0.5 + k / 100, evaluation.digits.glyphs)
            for k, kind in enumerate(CORRUPTIONS)
        },
        real={"digits_a": SetResult(evaluation, missed=5)},
        others={"nondigits_a": SetResult(said([NOT_A_DIGIT] * 2, [1, 2], 0.95), missed=2)},
        scenes=ScenesResult(
            ruled + rare + plain, {"ruled": ruled, "rare": rare, "plain": plain}, (mistake,), sure
        ),
        photos={
            "pages/photos": GroupResult(photos, (mistake,), sure),
            "negatives": GroupResult(Tally(pictures=2, empty=2, false_digits=3), (), unsure),
        },
        skipped={"a part": "a reason"},
    )


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


def test_a_table_is_padded_to_be_read_as_it_is():
    assert table(["set", "digits"], [("a", "1,000"), ("long name", "2")]) == (
        "| set       | digits |\n|-----------|-------:|\n| a         |  1,000 |\n| long name |      2 |\n"
    )


def test_mistakes_are_shown_the_surest_first():
    evaluation = joined([said([1], [7], 0.6), said([2, 2], [2, 3], 0.9)])
    assert [(each.truth, each.read) for each in glyph_mistakes(evaluation)] == [
        ("2", "3  90%"),
        ("1", "7  60%"),
    ]


@pytest.mark.parametrize("count", [0, 1, 41])
def test_a_contact_sheet_has_room_for_every_mistake(count):
    black = [Mistake(np.zeros((64, 64), np.uint8), "1", "") for _ in range(count)]
    sheet = cv2.imdecode(np.frombuffer(png(mistakes_figure(black, "title")), np.uint8), cv2.IMREAD_GRAYSCALE)
    pieces = cv2.connectedComponentsWithStats((sheet < 40).astype(np.uint8))[2][1:]
    large = pieces[pieces[:, cv2.CC_STAT_AREA] > 1000]
    assert len(large) == count
    if count:
        assert np.ptp(large[:, cv2.CC_STAT_WIDTH]) <= 1


def test_the_headline_figures_come_first(findings):
    summary = sections(findings)[0].text
    for line in (
        "| MNIST's test digits: read right                         | 80.00% |",
        "| pages/photos: digit error                               | 22.22% |",
        "| pages/photos: confident mistakes                        | 11.11% |",
        "| pages/photos: read exactly                              | 33.33% |",
        "| pages/photos: numbers right                             | 75.00% |",
        "| pages/photos: readings true                             | 50.00% |",
        "| negatives: false digits per empty picture               |   1.50 |",
    ):
        assert line.replace(" ", "") in summary.replace(" ", "")
    assert "negatives: digit error" not in summary


def test_conditions_are_sorted_by_error_and_rare_ones_left_out(findings):
    (scenes,) = (section for section in sections(findings) if section.title == "Drawn scenes")
    names = [line.split("|")[1].strip() for line in scenes.text.splitlines() if line.startswith("| ")]
    assert names == ["", "all", "ruled", "plain"]


def test_non_digits_are_judged_by_what_is_shown_of_all_of_them(findings):
    told = as_dict(findings)["non-digits"]
    assert told["sets"]["nondigits_a"]["accepted"] == 0.5
    # Surer of two that are none than of any digit; two others and half of the real digits were not found.
    assert told["area_under_roc"] == {"single real digits": 0.375, "MNIST": 0.5}


def test_calibration_is_told_of_all_that_was_read(findings):
    # Of both groups of photos together: four at 95 %, three of them right, and a right one at 75 %.
    assert as_dict(findings)["calibration_error"]["real photos"] == pytest.approx((4 * 0.2 + 0.25) / 5)
    (calibration,) = (section for section in sections(findings) if section.title == "Calibration")
    told = [[cell.strip() for cell in line.split("|")[1:-1]] for line in calibration.text.splitlines()]
    assert ["real photos", "5", "91.00%", "80.00%", "21.00%"] in told
    assert [row[0] for row in told[-4:]] == ["MNIST", "single real digits", "real photos", "drawn scenes"]


def test_the_report_shows_every_picture_that_it_writes(findings, tmp_path):
    write_findings(tmp_path, findings)
    text = (tmp_path / "report.md").read_text()
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {
        "confusion.png", "misread.png", "corruptions.png", "misread-digits_a.png", "reliability.png",
        "mistakes-pages-photos.png", "mistakes-scenes.png",
    }  # fmt: skip
    for name in pictures:
        assert f"]({name})" in text
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(as_dict(findings)))
    for title in ("Summary", "Corrupted digits", "Calibration", "Real photos", "Not measured"):
        assert f"## {title}\n" in text
    assert "a reason" in text_report(findings)


def test_a_report_to_publish_shows_no_crops(findings, tmp_path):
    write_findings(tmp_path, findings, publish=True)
    shown = {path.stem for path in tmp_path.glob("*.png")}
    assert "reliability" in shown
    assert "misread" in shown  # MNIST's
    assert not [name for name in shown if name.startswith(("misread-", "mistakes-"))]


def test_what_was_not_measured_is_left_out(findings):
    nothing = replace(
        findings,
        mnist=None,
        corruptions={},
        real={},
        others={},
        scenes=None,
        photos={},
        skipped={"all": "why"},
    )
    assert [section.title for section in sections(nothing)] == ["Summary", "Not measured"]
    assert as_dict(nothing) == {"model": "some.tflite", "skipped": {"all": "why"}}
