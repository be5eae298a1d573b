import gzip
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from edge.classifier import Classifier, calibrate
from edge.errors import ModelError
from edge.model_file import KnownAnswers, ModelFile, load_model


def test_known_answers_come_back(classifier):
    known = classifier.card.known_answers
    labels = [prediction.label for prediction in classifier.classify(known.glyphs)]
    assert labels == list(known.probabilities.argmax(axis=1))


def test_predictions_are_probabilities(classifier):
    random = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    for prediction in classifier.classify(random):
        assert prediction.probabilities.shape == (10,)
        assert prediction.probabilities.dtype == np.float32
        assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_no_glyphs_are_no_predictions(classifier):
    assert classifier.classify([]) == []


def test_it_reads_the_test_digits_of_mnist(classifier, data_dir):
    raw = gzip.decompress((data_dir / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((data_dir / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    images = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    right = classifier.raw(images).argmax(axis=1) == np.frombuffer(labels, np.uint8)
    assert right.mean() >= 0.995
    # Runtimes round differently: one digit in a thousand may fall on the other side.
    assert right.mean() == pytest.approx(classifier.card.accuracies["mnist-test"], abs=0.001)


def test_temperature_scaling_is_that_of_the_logits():
    logits = np.array([[2.0, 0.5, -1.0, 0, 0, 0, 0, 0, 0, 0]])
    raw = np.exp(logits) / np.exp(logits).sum()
    scaled = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum()
    assert calibrate(raw.astype(np.float32), 1.7) == pytest.approx(scaled, abs=1e-6)
    assert calibrate(raw.astype(np.float32), 1.0) == pytest.approx(raw, abs=1e-6)


def test_an_output_of_zero_is_not_certainly_impossible():
    raw = np.zeros((1, 10), np.float32)
    raw[0, 3] = 1
    assert 0 < calibrate(raw, 1.0)[0, 4] < 0.01


def test_a_model_that_answers_wrongly_is_refused():
    model = load_model()
    known = model.card.known_answers
    wrong = KnownAnswers(known.glyphs, known.probabilities[::-1].copy())
    with pytest.raises(ModelError, match=r"digits.tflite: .* gives wrong answers with it: \d of \d+ known"):
        Classifier(replace(model, card=replace(model.card, known_answers=wrong)))


def test_a_model_that_kills_the_runtime_kills_only_a_child(tmp_path):
    """Random damage to the graph; LiteRT's constructor was seen to crash on some of it."""
    model = load_model()
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(6):
        data = bytearray(model.data)
        for at in random.integers(8, len(data), 400):
            data[at] = random.integers(256)
        damaged = ModelFile(tmp_path / "bad.tflite", bytes(data), model.card, "0", shipped=False)
        try:
            Classifier(damaged)
        except ModelError as error:
            assert str(error).startswith(f"{tmp_path}/bad.tflite: ")
            refused += 1
    assert refused == 6


def test_the_interpreter_says_nothing_on_standard_output():
    code = "from edge.classifier import Classifier; Classifier()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_a_classifier_may_be_shared_by_threads(classifier):
    known = classifier.card.known_answers.glyphs[:20]
    alone = classifier.raw(known)
    with ThreadPoolExecutor(4) as threads:
        for answers in threads.map(classifier.raw, [known] * 40):
            assert (answers == alone).all()
