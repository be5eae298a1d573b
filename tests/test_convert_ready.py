"""A `.tflite` file that somebody else has made is brought to edge's contract, whatever its ends are."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from ai_edge_litert import schema_py_generated as schema

from convert.__main__ import main
from convert.flatfile import kind, packed, unpacked
from convert.pixels import best, try_ranges
from convert.ready import load_file
from edge.classifier import Classifier
from edge.errors import EdgeError
from edge.model_file import load_model
from edge.runtime import Network
from training.dataset import load_mnist

pytestmark = pytest.mark.workstation


@pytest.fixture(scope="session")
def tutorial():
    """The file of a tutorial: (28, 28) floats from 0 to 1 in, a softmax out."""
    path = Path(os.environ.get("DIGITCAM_DATA", "nowhere")) / "cases" / "codelab_28x28_float.tflite"
    if not path.exists():
        pytest.skip(f"needs {path}")
    return path


def glyphs():
    return np.random.default_rng(3).integers(0, 256, (4, 28, 28), np.uint8)


def changed(path, folder, change):
    """The file with a change to its tree."""
    tree = unpacked(path.read_bytes())
    change(tree, tree.subgraphs[0])
    (folder / "changed.tflite").write_bytes(packed(tree))
    return folder / "changed.tflite"


def without_softmax(tree, graph):
    assert kind(tree, graph.operators[-1]) == "SOFTMAX"
    graph.outputs = graph.operators.pop().inputs


def with_integer_ends(dtype, step=1 / 255):
    """As converters make them: 0 to 255 stand for 0 to 1, both in the pixels and in the probabilities."""

    def change(tree, graph):
        zero = -128 if dtype == schema.TensorType.INT8 else 0
        for name, version, ends in (("DEQUANTIZE", 2, graph.inputs), ("QUANTIZE", 1, graph.outputs)):
            code, operator, tensor = schema.OperatorCodeT(), schema.OperatorT(), schema.TensorT()
            code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
            code.version = version
            inside = graph.tensors[ends[0]]
            tensor.name, tensor.type, tensor.shape, tensor.buffer = b"end", dtype, inside.shape, 0
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([1 / 255 if name == "DEQUANTIZE" else step], np.float32)
            tensor.quantization.zeroPoint = np.array([zero], np.int64)
            graph.tensors.append(tensor)
            operator.opcodeIndex = len(tree.operatorCodes)
            tree.operatorCodes.append(code)
            outside, front = len(graph.tensors) - 1, name == "DEQUANTIZE"
            operator.inputs, operator.outputs = ([outside], [ends[0]]) if front else ([ends[0]], [outside])
            graph.operators.insert(0 if front else len(graph.operators), operator)
            if front:
                graph.inputs = [outside]
            else:
                graph.outputs = [outside]
        tree.signatureDefs = []

    return change


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("kind_of_ends", [None, schema.TensorType.UINT8, schema.TensorType.INT8])
def test_it_says_the_same_from_raw_pixels(tutorial, tmp_path, logits, kind_of_ends):
    if logits and kind_of_ends is not None:
        pytest.skip("integers from 0 to 1 cannot hold logits")
    expected = load_file(tutorial).taking((0.0, 1.0))(glyphs())
    path = tutorial
    if logits:
        path = changed(path, tmp_path, without_softmax)
    if kind_of_ends is not None:
        path = changed(path, tmp_path, with_integer_ends(kind_of_ends))
    made = load_file(path, logits=logits).taking((0.0, 1.0))
    assert made.shape == (28, 28, 1)
    assert made.format == "float32"
    np.testing.assert_allclose(made(glyphs()), expected, atol=1 / 255 if kind_of_ends else 1e-5)
    network = Network(made.model)
    network.expect(image=(28, 28, 1), output=(10,), dtype=np.float32)


@pytest.mark.parametrize("kind_of_ends", [None, schema.TensorType.INT8])
def test_a_file_with_its_channels_first_is_taken_too(tutorial, tmp_path, kind_of_ends):
    def channels_first(tree, graph):
        graph.tensors[graph.inputs[0]].shape = np.array([1, 1, 28, 28], np.int32)

    expected = load_file(tutorial).taking((0.0, 1.0))(glyphs())
    path = changed(tutorial, tmp_path, channels_first)
    if kind_of_ends is not None:
        path = changed(path, tmp_path, with_integer_ends(kind_of_ends))
    made = load_file(path).taking((0.0, 1.0))
    assert made.shape == (28, 28, 1)
    np.testing.assert_allclose(made(glyphs()), expected, atol=1 / 255 if kind_of_ends else 1e-5)


@pytest.mark.parametrize("pixels", [(0.0, 255.0), (-1.0, 1.0), (1.0, 0.0)])
def test_pixels_go_over_the_range_asked_for(tutorial, pixels):
    """Black and white shown as such: the file itself, run as it came, is the judge."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(tutorial))
    interpreter.allocate_tensors()
    black, white = pixels
    expected = []
    for glyph in glyphs():
        values = np.float32(black + (white - black) * glyph / 255)[np.newaxis]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
        interpreter.invoke()
        expected.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    said = load_file(tutorial).taking(pixels)(glyphs())
    np.testing.assert_allclose(said, expected, atol=1e-4)


def test_the_range_that_it_was_trained_with_is_found_out(tutorial, data_dir):
    trials = try_ranges(load_file(tutorial), load_mnist(data_dir).test[::2])
    assert best(trials).pixels == (0.0, 1.0)
    assert best(trials).option == "--pixels 0 1"
    assert best(trials).accuracy > 0.95


def test_probabilities_that_are_rounded_to_integers_need_not_sum_up_exactly(tutorial, data_dir, tmp_path):
    digits = load_mnist(data_dir).test[:500].glyphs
    ends = with_integer_ends(schema.TensorType.UINT8, step=1 / 50)
    sums = load_file(changed(tutorial, tmp_path, ends)).taking((0.0, 1.0))(digits).sum(axis=1)
    assert np.abs(sums - 1).max() > 0.02

    def logits_with_such_ends(tree, graph):
        without_softmax(tree, graph)
        ends(tree, graph)

    path = changed(tutorial, tmp_path, logits_with_such_ends)  # cut off at 0 and 1, as a sigmoid's are
    with pytest.raises(EdgeError, match="must give probabilities|as behind a sigmoid"):
        load_file(path).taking((0.0, 1.0))(digits)


@pytest.mark.slow
def test_the_tutorials_file_becomes_ours_and_accepts_digits(tutorial, data_dir, tmp_path, capsys):
    path = tmp_path / "digits.tflite"
    assert main([str(tutorial), "-o", str(path), "--data", str(data_dir), "--pages", "12"]) == 0
    said = capsys.readouterr().err
    assert "found out what it takes for black and for white: with --pixels 0 1 it reads" in said
    classifier = Classifier(load_model(path))
    test = load_mnist(data_dir).test[1:1000:2]
    named = classifier.classify(test.glyphs)
    right = np.array([one.label for one in named]) == test.labels
    shown = np.array([one.confidence for one in named]) >= classifier.card.thresholds.accept
    assert right.mean() > 0.95
    assert shown.mean() > 0.7
    assert right[shown].mean() > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pixels", "1", "0"], "--min-accuracy.*; with --pixels 0 1 it reads 9[0-9.]+%"),
        (
            ["--format", "int8"],
            "a .tflite file stays in the format that it has, float32: to have int8, convert",
        ),
        (["--all"], "stays in the format that it has: leave --all out"),
    ],
)
def test_what_cannot_be_proven_is_refused_with_its_cure(
    tutorial, data_dir, tmp_path, capsys, options, message
):
    path = tmp_path / "digits.tflite"
    limits = ["--min-agreement", "50", "--max-drop", "50", "--pages", "0"]
    assert main([str(tutorial), "-o", str(path), "--data", str(data_dir), *limits, *options]) == 2
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert re.search(message, error), error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no model", "is not a TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL3" + bytes(40), "is a damaged TensorFlow Lite model"),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path, content, message):
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(EdgeError, match=message):
        load_file(tmp_path / "a.tflite")


def two_outputs(tree, graph):
    graph.outputs = [graph.outputs[0], graph.operators[0].outputs[0]]


def four_channels(tree, graph):
    graph.tensors[graph.inputs[0]].shape = np.array([1, 28, 28, 4], np.int32)


@pytest.mark.parametrize(
    ("change", "labels", "message"),
    [
        (two_outputs, None, "must have one input and one output, but has 1 and 2"),
        (four_channels, None, r"must take one picture of a fixed size.* but takes \(1, 28, 28, 4\)"),
        (lambda tree, graph: None, ("a", "b"), r"one probability for each of 2 labels, but gives \(10,\)"),
    ],
)
def test_what_edge_cannot_use_is_refused_with_the_reason(tutorial, tmp_path, change, labels, message):
    with pytest.raises(EdgeError, match=message):
        load_file(changed(tutorial, tmp_path, change), labels=labels)
