"""MNIST is found, checked and parted."""

import gzip
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from training.dataset import DataError, Digits, load_mnist, split

TRAIN_LABELS = "train-labels-idx1-ubyte"


@pytest.fixture(scope="module")
def mnist(data_dir):
    return load_mnist(data_dir)


def test_mnist_has_its_60000_and_10000_images(mnist):
    assert mnist.train.glyphs.shape == (60_000, 28, 28)
    assert mnist.test.glyphs.shape == (10_000, 28, 28)
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_idx_files_without_gzip_are_the_same(mnist, data_dir, tmp_path):
    for path in (data_dir / "mnist").glob("*.gz"):
        (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    found = load_mnist(tmp_path)
    np.testing.assert_array_equal(found.train.glyphs, mnist.train.glyphs)
    np.testing.assert_array_equal(found.test.labels, mnist.test.labels)


def test_the_npz_of_keras_is_the_same(mnist, tmp_path):
    np.savez(
        tmp_path / "mnist.npz",
        x_train=mnist.train.glyphs,
        y_train=mnist.train.labels,
        x_test=mnist.test.glyphs,
        y_test=mnist.test.labels,
    )
    found = load_mnist(tmp_path)
    np.testing.assert_array_equal(found.test.glyphs, mnist.test.glyphs)
    np.testing.assert_array_equal(found.train.labels, mnist.train.labels)


@pytest.mark.parametrize("damage", ["one byte", "cut off", "missing"])
def test_a_bad_file_is_named_and_left_alone(data_dir, tmp_path, damage):
    shutil.copytree(data_dir / "mnist", tmp_path / "mnist")
    bad = tmp_path / "mnist" / f"{TRAIN_LABELS}.gz"
    if damage == "one byte":
        contents = bytearray(gzip.decompress(bad.read_bytes()))
        contents[1000] ^= 1
        bad.write_bytes(gzip.compress(contents))
    elif damage == "cut off":
        bad.write_bytes(bad.read_bytes()[:5000])
    else:
        bad.unlink()
    with pytest.raises(DataError, match=TRAIN_LABELS):
        load_mnist(tmp_path)
    assert bad.exists() == (damage != "missing")


def test_a_folder_without_mnist_says_what_was_expected(tmp_path):
    with pytest.raises(DataError, match=r"expected mnist.npz or train-images"):
        load_mnist(tmp_path)


@pytest.mark.workstation
def test_a_damaged_file_in_the_cache_is_not_kept(tmp_path):
    cached = tmp_path / "datasets" / "mnist.npz"
    cached.parent.mkdir()
    cached.write_bytes(b"not a dataset")
    environment = {name: value for name, value in os.environ.items() if name != "DIGITCAM_DATA"}
    done = subprocess.run(
        [sys.executable, "-m", "training", "evaluate", "any.tflite"],
        env=environment | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "mnist.npz" in done.stderr
    assert "deleted" in done.stderr
    assert not cached.exists()


def test_the_split_is_9_to_1_and_follows_the_seed():
    digits = Digits(np.zeros((60_000, 1, 1), np.uint8), np.arange(60_000))
    train, validation = split(digits, seed=1)
    assert (len(train), len(validation)) == (54_000, 6_000)
    assert set(train.labels) | set(validation.labels) == set(range(60_000))
    np.testing.assert_array_equal(split(digits, seed=1)[1].labels, validation.labels)
    assert not np.array_equal(split(digits, seed=2)[1].labels, validation.labels)
