"""A network of the user's own, from its file to the board."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from shapes import NAMES, SIDE, shape, shapes_network, write_shapes

from convert.__main__ import main
from convert.formats import FORMATS
from edge.classifier import Classifier
from edge.commands import main as digitcam
from edge.errors import ModelError
from edge.model_file import load_model
from edge.reader import DigitReader

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras saves them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, pytest.mark.slow, KERAS_SAVES]

LENIENT = ["--max-drop", "3", "--min-agreement", "95"]
"""Of 60 pictures, one is more than a point."""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A network, its labels, and pictures to prove it on."""
    folder = tmp_path_factory.mktemp("own")
    shapes_network().save(folder / "shapes.keras")
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in NAMES))
    write_shapes(folder / "pictures", 40)
    return folder


def options(own: Path, *more: str) -> list[str]:
    network = [str(own / "shapes.keras"), "--labels", str(own / "labels.txt"), "--pixels", "-1", "1"]
    return [*network, "--test", str(own / "pictures"), *LENIENT, *more]


@pytest.fixture(scope="module")
def formats(own, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    assert main(options(own, "--all", "-o", str(folder))) == 0
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_edge_reads_pictures_with_every_format(formats, form):
    classifier = Classifier(load_model(formats / f"shapes-{form}.tflite"))
    random = np.random.default_rng(9)
    labels = random.integers(0, 3, 60)
    said = [prediction.label for prediction in classifier.classify([shape(k, random) for k in labels])]
    assert (said == labels).mean() >= 0.9
    assert classifier.card.labels == NAMES
    assert classifier.card.input == (SIDE, SIDE, 3)
    assert classifier.card.format == form


def test_the_report_compares_all_formats(formats):
    report = json.loads((formats / "report.json").read_text())
    assert list(report["formats"]) == list(FORMATS)
    assert not report["impossible"]
    sizes = {form: values["bytes"] for form, values in report["formats"].items()}
    assert sizes["int8-w4"] < sizes["int8"] < sizes["float16"] < sizes["float32"]
    assert {form: (formats / f"shapes-{form}.tflite").stat().st_size for form in FORMATS} == sizes
    measured = {(row["format"], row["xnnpack"]) for row in report["speed"] if not row["failure"]}
    assert measured == {(form, xnnpack) for form in FORMATS for xnnpack in (True, False)}
    for row in report["speed"]:
        assert row["agreement"] >= 0.9
        for latency in row["latencies"].values():
            assert 0 < latency["median_us"] <= latency["p90_us"]
    page = (formats / "report.md").read_text()
    for form in FORMATS:
        assert f"| {form} " in page
    for name in ("formats.png", "layers.png"):
        picture = cv2.imread(str(formats / name))
        assert picture is not None and picture.std() > 5


def test_numbers_are_not_read_with_a_model_of_something_else(formats, capsys):
    path = formats / "shapes-int8.tflite"
    with pytest.raises(
        ModelError, match="labels are 0 to 9 in this order; those of shapes-int8 are circle, sq"
    ):
        DigitReader(Classifier(load_model(path)))
    assert digitcam(["read", "demo", "--model", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert digitcam(["model", "verify", str(path)]) == 0
    assert "uint8 (n, 24, 24, 3) raw pixels in, float32 (n, 3) probabilities out" in capsys.readouterr().out


def test_it_is_said_at_once_what_edge_cannot_use_it_for(own, tmp_path, capsys):
    assert main(options(own, "-o", str(tmp_path / "shapes.tflite"), "--json")) == 0
    said = capsys.readouterr()
    assert "its labels are not 0 to 9: " in said.err
    report = json.loads(said.out)
    assert report["formats"]["int8"]["bytes"] == (tmp_path / "shapes.tflite").stat().st_size
    assert not report["speed"]
    assert {path.name for path in tmp_path.iterdir()} == {"shapes.tflite", "shapes.json", "shapes.md"}


def test_what_is_refused_is_not_written_and_the_layers_are_told(own, tmp_path, capsys):
    impossible = ["--max-drop", "-100"]
    assert main(options(own, "-o", str(tmp_path / "shapes.tflite"), *impossible)) == 2
    told = capsys.readouterr().err
    assert "error: int8 is refused: it reads" in told and "(--max-drop)" in told
    assert "| layer " in told and "CONV_2D" in told
    assert not list(tmp_path.iterdir())


def test_force_writes_it_with_the_failure_in_its_card(own, tmp_path, capsys):
    path = tmp_path / "shapes.tflite"
    refused = ["--format", "int16x8", "--min-agreement", "101"]
    assert main(options(own, "-o", str(path), *refused, "--force")) == 0
    assert "warning: int16x8 is slow on every runtime" in capsys.readouterr().err
    assert "(--min-agreement)" in load_model(path).card.failure
    assert "Refused, and written all the same" in path.with_suffix(".md").read_text()
    assert digitcam(["model", "verify", str(path)]) == 0
    assert "but was refused when it was converted" in capsys.readouterr().out


def test_pictures_of_ones_own_calibrate_it(own, formats, tmp_path):
    path = tmp_path / "shapes.tflite"
    assert main(options(own, "-o", str(path), "--calibrate", str(own / "pictures" / "circle"))) == 0
    assert path.read_bytes() != (formats / "shapes-int8.tflite").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--labels", "two.txt"], "one probability for each of 2 labels, but gives (3,)"),
        (["--labels", "none.txt"], "cannot read the labels in none.txt"),
        (["--labels", "same.txt"], "same.txt must hold two or more labels"),
        (["--labels", "other.txt"], "a folder with two or more pictures for each label, but has not for d"),
        (["--calibrate", "empty"], "no pictures in empty"),
        (["--calibrate", "broken"], "broken/a.png"),
        (["--runtime", "nowhere"], "no Python at nowhere"),
        (["-o", "shapes.onnx"], "must end in .tflite"),
        (["-o", "/dev/full/shapes.tflite"], "cannot write /dev/full/shapes."),
    ],
)
def test_bad_input_gets_one_line_and_leaves_nothing(own, tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    Path("two.txt").write_text("a\nb\n")
    Path("same.txt").write_text("a\na\nb\n")
    Path("other.txt").write_text("circle\nd\ncross\n")
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/a.png").write_bytes(b"no picture")
    before = sorted(tmp_path.rglob("*"))
    assert main(options(own, "-o", "shapes.tflite", *change)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("its labels are")]
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_asked_for_leaves_the_old_model_and_nothing_else(own, tmp_path, number):
    path = tmp_path / "shapes.tflite"
    path.write_bytes(b"the old model")
    command = [sys.executable, "-m", "convert", *options(own, "-o", str(path))]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever starts the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        # By now it is at work. (TensorFlow may have a word to say before.)
        assert any("its labels are not 0 to 9" in line for line in process.stderr)
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert said.endswith("stopped\n")
    assert [file.name for file in tmp_path.iterdir()] == ["shapes.tflite"]
    assert path.read_bytes() == b"the old model"


def test_an_end_asked_for_while_a_text_is_executed_is_as_orderly(tmp_path):
    """As TensorFlow does; after a KeyboardInterrupt, `python -m` would end by a signal, whatever its code."""
    (tmp_path / "stopping.py").write_text(
        "import sys, convert.__main__ as convert\n"
        "text = 'import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)'\n"
        "convert._convert = lambda options: exec(text)\n"
        "sys.exit(convert.main(['model.keras', '-o', 'model.tflite']))\n"
    )
    command = [sys.executable, "-m", "stopping"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (130, "stopped\n")
