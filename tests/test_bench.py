import json
import os

import cv2
import pytest
from samples import written

from edge.bench import as_text, load_report, measure
from edge.commands import main
from edge.errors import SourceError, UsageError
from edge.reader import DigitReader
from edge.sources import open_source


@pytest.fixture(scope="module")
def report():
    with open_source("demo") as source:
        return measure(DigitReader(), source, warm_up=3, frames=12).as_dict()


def test_every_stage_and_the_whole_way_are_measured(report):
    assert set(report["milliseconds"]) == {
        "capture",
        "segment",
        "normalise",
        "classify",
        "total",
        "capture_to_reading",
    }
    for row in report["milliseconds"].values():
        figures = [row[f"p{percent}"] for percent in (50, 90, 99)]
        assert figures == sorted(figures)
    assert report["milliseconds"]["capture_to_reading"]["p50"] >= report["milliseconds"]["segment"]["p50"] > 0
    assert (report["warm_up"], report["frames"], report["image_size"]) == (3, 12, [640, 480])
    assert 0 < report["frames_per_second"] < 40


def test_the_report_says_what_it_was_measured_on(report):
    assert report["runtime"].startswith(("ai-edge-litert", "tflite-runtime"))
    assert report["threads"]["network"] == 1
    assert report["board"]["processor"]
    assert {"governor", "temperature_c", "throttling"} <= set(report["after"])
    text = as_text(report)
    assert report["runtime"] in text
    assert "governor" in text


def test_the_report_says_what_more_than_one_thread_gives(report):
    assert set(report["by_threads"]) == {"1", str(os.cpu_count())}
    assert all(ms > 0 for ms in report["by_threads"].values())
    assert "by threads of the page network" in as_text(report)


def test_a_report_comes_back_from_its_file_and_compares_with_itself(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    earlier = load_report(path)
    assert earlier == report
    text = as_text(report, earlier)
    assert "(x1.00)" in text
    assert "differs" not in text


def test_a_comparison_says_what_else_differs(report):
    earlier = {**report, "board": {**report["board"], "model": "Raspberry Pi 3"}}
    assert "differs: model: Raspberry Pi 3 then" in as_text(report, earlier)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"schema": 99}', b"\xff"])
def test_a_file_that_is_no_report_is_refused(content, tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"report\.json"):
        load_report(path)


def test_a_source_that_ends_too_early_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), written("407"))
    with (
        open_source(tmp_path / "photo.png") as source,
        pytest.raises(SourceError, match="ends too early.*found 0 to measure"),
    ):
        measure(DigitReader(), source, warm_up=1, frames=5)


def test_the_report_is_printed_and_saved(tmp_path, capsys):
    saved = tmp_path / "report.json"
    assert main(["bench", "demo", "--warm-up", "1", "--frames", "2", "--out", str(saved)]) == 0
    assert "capture to reading" in capsys.readouterr().out
    options = ["--warm-up", "1", "--frames", "2", "--out", str(saved), "--compare", str(saved)]
    assert main(["bench", "demo", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out) == load_report(saved)
