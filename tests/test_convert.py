"""A converted model keeps the contract, says what the float network says, and tells all about itself."""

import json
import subprocess
import sys
from hashlib import sha256

import cv2
import pytest

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras saves them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, pytest.mark.slow, KERAS_SAVES]
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from samples import written  # noqa: E402

from convert.__main__ import main  # noqa: E402
from convert.metadata import identity  # noqa: E402
from edge.classifier import Classifier  # noqa: E402
from edge.errors import ModelError  # noqa: E402
from edge.model_file import load_model, read_card  # noqa: E402
from edge.page_file import check_pair, load_page  # noqa: E402
from edge.reader import DigitReader  # noqa: E402
from training.__main__ import main as train  # noqa: E402

LENIENT = ["--max-drop", "1", "--min-agreement", "98", "--pages", "12"]
"""A network of four short epochs hesitates more than the shipped one; and few pages are drawn sooner."""


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = ["--recipe", "paper", "--limit", "8000", "--epochs", "4", "--run", str(folder)]
    assert train([*options, "--data", str(data_dir)]) == 0
    return folder


@pytest.fixture(scope="module")
def converted(run, data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "digits.tflite"
    assert main([str(run), "-o", str(path), "--data", str(data_dir), *LENIENT]) == 0
    return path


def test_edge_accepts_the_file_and_reads_with_it(converted, run):
    classifier = Classifier(load_model(converted))
    promised = json.loads((run / "metrics.json").read_text())["mnist-test"]["accuracy"]
    assert classifier.card.accuracies["mnist-test"] == pytest.approx(promised, abs=0.01)
    known = classifier.card.known_answers
    assert [prediction.label for prediction in classifier.classify(known.glyphs)] == list(range(10))


def test_it_is_fitted_to_the_shipped_page_network(converted):
    card = load_model(converted).card
    assert check_pair(card, load_page().card) == (card.fusion, card.fused)
    assert card.id == identity(converted.read_bytes())
    # What the page network says is believed.
    assert min(card.fusion.first.digit, card.fusion.all.digit) > 0
    assert card.thresholds.accept > 0.1
    assert f"| page network | `{load_page().card.id}` |" in converted.with_suffix(".md").read_text()


def test_without_pages_the_page_network_cannot_go_with_it_and_the_reader_says_so(run, data_dir, tmp_path):
    path = tmp_path / "digits.tflite"
    assert main([str(run), "-o", str(path), "--data", str(data_dir), *LENIENT, "--pages", "0"]) == 0
    model = load_model(path)
    assert (model.card.fusion, model.card.trained_with) == (None, "")
    with pytest.raises(
        ModelError, match="was converted for no page network of this digitcam: convert it again"
    ):
        DigitReader(Classifier(model))


def test_the_cards_beside_the_file_say_what_the_one_inside_says(converted):
    model = converted.read_bytes()
    beside = json.loads(converted.with_suffix(".json").read_text())
    assert beside.items() >= read_card(model).as_dict().items()
    assert beside["verification"]["mnist-test"]["accuracy"] == beside["accuracies"]["mnist-test"]
    assert beside["sha256"] == sha256(model).hexdigest()
    assert beside["bytes"] == len(model)
    page = converted.with_suffix(".md").read_text()
    assert beside["sha256"] in page
    assert f"{beside['accuracies']['mnist-test']:.2%}" in page


def test_converting_the_same_network_in_another_process_gives_the_same_bytes(
    converted, run, data_dir, tmp_path
):
    again = tmp_path / "other-name.tflite"
    command = ["convert", str(run / "model.keras"), "-o", str(again), "--data", str(data_dir), *LENIENT]
    subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)
    assert again.read_bytes() == converted.read_bytes()


def test_pictures_of_handwriting_calibrate_it_through_edges_preprocessing(
    run, converted, data_dir, tmp_path, capsys
):
    photos = tmp_path / "photos"
    photos.mkdir()
    for text in ("40718", "26359"):
        cv2.imwrite(str(photos / f"{text}.png"), written(text))
    path = tmp_path / "digits.tflite"
    options = [str(run), "-o", str(path), "--data", str(data_dir), "--calibrate", str(photos)]
    # Ten digits show too little of the ranges for a good model; this asks only where they come from.
    loose = ["--max-drop", "100", "--min-agreement", "0", "--min-accuracy", "0", "--pages", "0"]
    assert main([*options, *loose]) == 0
    assert path.read_bytes() != converted.read_bytes()
    cv2.imwrite(str(photos / "26359.png"), written(""))
    (photos / "40718.png").unlink()
    assert main(options) == 2
    assert "edge finds no digits on the 1 pictures in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "digits.tflite"], "no model at nowhere"),
        (["RUN", "-o", "digits.onnx"], "must end in .tflite"),
        (["model.keras", "-o", "digits.tflite"], "model.keras is not a Keras model"),
        (["RUN", "-o", "digits.tflite", "--data", "nowhere"], "no MNIST in nowhere"),
    ],
)
def test_bad_input_gets_one_line_and_2(run, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"no model")
    assert main([str(run) if word == "RUN" else word for word in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "digits.tflite").exists()
