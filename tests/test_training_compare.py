"""The comparison with other learners."""

import json

import numpy as np
import pytest

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras saves them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")
pytest.importorskip("sklearn", reason="needs scikit-learn: pip install -e .[workstation]")

from training.__main__ import main  # noqa: E402
from training.compare import Contestant, Row, markdown, measure, train_all, write_comparison  # noqa: E402
from training.dataset import Digits, load_mnist  # noqa: E402
from training.network import build_network  # noqa: E402
from training.runs import save_model  # noqa: E402


def test_every_learner_learns_and_the_shipped_network_is_the_smallest(data_dir, tmp_path):
    save_model(build_network(), tmp_path / "fresh")  # a run folder with a network that nobody trained
    mnist = load_mnist(data_dir)
    contestants = train_all(mnist.train[:600], mnist.train[600:700], run=tmp_path / "fresh")
    rows = {row.name: row for row in measure(contestants, mnist.test[:200], mnist.test[200:300])}
    assert len(rows) == 6
    fresh, shipped = rows.pop("CNN, fresh, float32"), rows.pop("CNN, digits.tflite, int8")
    assert fresh.accuracy < 0.5
    assert shipped.accuracy > 0.95
    assert fresh.training_s is shipped.training_s is None
    for row in rows.values():
        assert 0.7 < row.accuracy < 1
        assert 0.7 < row.real_accuracy < 1
        assert row.training_s > 0
        assert row.size > fresh.size > shipped.size


def test_the_fastest_round_counts_and_each_is_asked_the_same():
    asked = []

    def read(name, label):
        def said(glyphs):
            asked.append((name, len(glyphs)))
            return np.full(len(glyphs), label)

        return said

    contestants = [Contestant(name, read(name, label), 100, None) for name, label in (("a", 1), ("b", 2))]
    test = Digits(np.zeros((150, 28, 28), np.uint8), np.array([1] * 90 + [2] * 60, np.uint8))
    first, second = measure(contestants, test)
    assert (first.accuracy, second.accuracy) == (0.6, 0.4)
    assert first.real_accuracy is None
    assert 0 < first.together_us < first.single_us
    assert asked[2:6] == [("a", 1), ("b", 1), ("a", 1), ("b", 1)]  # in turn
    assert asked[-2:] == [("a", 100), ("b", 100)]


def test_the_comparison_is_told_in_three_files(tmp_path):
    rows = [
        Row("forest", 0.97, 0.8, 12_000_000, 61.4, 9000.2, 130.0),
        Row("CNN", 1.0, None, 48_368, None, 20.4, 18.0),
    ]
    write_comparison(tmp_path, rows)
    assert json.loads((tmp_path / "comparison.json").read_text())[1] == {
        "name": "CNN", "accuracy": 1.0, "real_accuracy": None, "size": 48_368, "training_s": None,
        "single_us": 20.4, "together_us": 18.0,
    }  # fmt: skip
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert markdown(rows) in (tmp_path / "comparison.md").read_text()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown(rows).splitlines()]
    assert cells[2] == ["forest", "97.00%", "80.00%", "12,000 kB", "61 s", "9,000 µs", "130 µs"]
    assert cells[3] == ["CNN", "100.00%", "–", "48 kB", "–", "20 µs", "18 µs"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "nowhere"], "no model at nowhere"),
        (["--model", "nowhere.tflite"], "cannot read the model nowhere.tflite"),
    ],
)
def test_bad_usage_gets_one_line_and_2(data_dir, arguments, message, capsys):
    assert main(["compare", "--data", str(data_dir), "--limit", "100", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
