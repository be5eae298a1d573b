"""Models are asked and timed on each runtime; one that does not run does not keep the others from it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from convert.speed import measure_speed, python_of
from edge.errors import UsageError
from edge.model_file import load_model


def test_a_model_that_does_not_run_is_told_and_the_others_are_measured():
    model = load_model()
    known = model.card.known_answers
    truth = known.probabilities.argmax(axis=1)
    models = {"broken": b"\x1c\0\0\0TFL3" + b"junk" * 99, "int8": model.data}
    found = measure_speed(models, known.glyphs[..., np.newaxis], truth)
    assert [(each.format, each.xnnpack) for each in found] == [
        ("broken", True), ("int8", True), ("broken", False), ("int8", False)
    ]  # fmt: skip
    for each in found:
        if each.format == "broken":
            assert each.failure and not each.latencies
        else:
            assert each.agreement == 1 and not each.failure
            assert set(each.latencies) == {1, 16}
            assert all(0 < time.median_us <= time.p90_us for time in each.latencies.values())
    assert found[1].runtime.startswith(("ai-edge-litert ", "tflite-runtime "))
    # XNNPACK has integer kernels; the runtimes' own take several times as long, on every processor there is.
    if found[1].runtime.startswith("ai-edge-litert"):
        assert found[1].latencies[1].median_us < found[3].latencies[1].median_us


def test_an_environment_is_named_by_its_folder_or_its_interpreter(tmp_path):
    python = Path(sys.executable)
    assert python_of(python) == python.absolute()
    assert python_of(python.parent.parent) == python.parent.parent.absolute() / "bin" / "python"
    with pytest.raises(UsageError, match="no Python at .*bin/python: expected the folder of a virtual env"):
        python_of(tmp_path)


def test_a_runtime_on_which_nothing_runs_is_an_error():
    glyphs = np.zeros((2, 28, 28, 1), np.uint8)
    with pytest.raises(UsageError, match="no model runs with .*python"):
        measure_speed({"broken": b"junk"}, glyphs, np.zeros(2, np.int64))
