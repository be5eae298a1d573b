"""Training: the same seed gives the same network, also when it was interrupted; NaN stops it."""

import json
from dataclasses import replace

import numpy as np
import pytest

# TensorFlow's variables do not know numpy 2's `copy` yet, and Keras saves them so.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]
keras = pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

import training.train  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.dataset import Digits  # noqa: E402
from training.evaluate import Evaluation  # noqa: E402
from training.harvest import load_scene_glyphs  # noqa: E402
from training.loop import TrainingError, made_ahead  # noqa: E402
from training.network import probabilities  # noqa: E402
from training.runs import Config, load_network  # noqa: E402
from training.train import RECIPES, Training  # noqa: E402

BEST = replace(RECIPES["best"], epochs=3, batch_size=32)


class InterruptedInEpoch2(Training):
    """Ctrl-C comes after epoch 2 has changed the weights and before its checkpoint."""

    def _average(self, number):
        if number == 2:
            raise KeyboardInterrupt
        super()._average(number)


@pytest.fixture(scope="module")
def digits():
    """A bar whose place is its label: something that can be learned in seconds, without a data set."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 160, dtype=np.uint8)
    glyphs = np.zeros((160, 28, 28), np.uint8)
    for glyph, label in zip(glyphs, labels, strict=True):
        glyph[4:24, 4 + 2 * label : 6 + 2 * label] = rng.integers(128, 256)
        glyph[4 + 2 * label : 6 + 2 * label, 4:24] = 255
    return Digits(glyphs[:128], labels[:128]), Digits(glyphs[128:], labels[128:])


def weights(network):
    return np.concatenate([weight.ravel() for weight in network.get_weights()])


@pytest.fixture(scope="module")
def uninterrupted(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = Training(BEST, *digits, seed=1)
    done.run(folder)
    return done, folder


def test_an_interrupted_run_goes_on_as_if_it_never_had(digits, uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        InterruptedInEpoch2(BEST, *digits, seed=1).run(tmp_path)
    resumed = Training(BEST, *digits, seed=1)
    resumed.resume(tmp_path)
    assert len(resumed.history) == 1
    network = resumed.run(tmp_path)
    expected, _ = uninterrupted
    np.testing.assert_array_equal(weights(network), weights(expected.selected))
    assert resumed.history == expected.history


def test_a_finished_run_is_resumed_with_the_network_it_selected(digits, uninterrupted):
    expected, folder = uninterrupted
    again = Training(BEST, *digits, seed=1)
    again.resume(folder)
    np.testing.assert_array_equal(weights(again.run(folder)), weights(expected.selected))


def test_another_seed_gives_another_network(digits, uninterrupted, tmp_path):
    other = Training(BEST, *digits, seed=2).run(tmp_path)
    assert not np.array_equal(weights(other), weights(uninterrupted[0].selected))


def test_training_learns_and_selects_the_epoch_with_the_lowest_validation_loss(digits, tmp_path):
    recipe = replace(RECIPES["paper"], epochs=12, batch_size=16, learning_rate=0.003)
    learning = Training(recipe, *digits, seed=1)
    network = learning.run(tmp_path)
    assert learning.history[-1].loss < 0.5 * learning.history[0].loss
    selected = Evaluation(digits[1], probabilities(network, digits[1].glyphs))
    assert selected.cross_entropy == min(epoch.validation_loss for epoch in learning.history)


def test_a_loss_that_is_no_number_stops_training(digits, tmp_path):
    training = Training(replace(RECIPES["paper"], learning_rate=1e30), *digits, seed=1)
    with pytest.raises(TrainingError, match="the loss became nan in epoch"):
        training.run(tmp_path)


@pytest.mark.parametrize("damage", ["cut off", "of another network"])
def test_a_checkpoint_that_does_not_fit_is_refused(digits, uninterrupted, tmp_path, damage):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes((uninterrupted[1] / path.name).read_bytes()[: 20_000 if damage == "cut off" else None])
    recipe = BEST if damage == "cut off" else RECIPES["paper"]
    with pytest.raises(ValueError, match=r"cannot resume from .*checkpoint.npz"):
        Training(recipe, *digits, seed=1).resume(tmp_path)


def test_the_command_line_trains_tells_and_evaluates(data_dir, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["--recipe", "paper", "--epochs", "1", "--limit", "500", "--seed", "7", "--run", str(run)]
    assert main([*arguments, "--data", str(data_dir)]) == 0
    assert {path.name for path in run.iterdir()} == {
        "config.json", "history.csv", "checkpoint.npz", "model.keras", "metrics.json",
        "classification.txt", "confusion.png", "curves.png", "misread.png",
    }  # fmt: skip
    config = Config.read(run)
    assert (config.recipe.name, config.seed, config.limit) == ("paper", 7, 500)
    assert set(config.versions) == {"python", "keras", "tensorflow", "numpy", "opencv-python-headless"}
    assert "training --recipe paper --epochs 1" in config.command
    assert load_network(run).count_params() == 34_842
    assert (run / "classification.txt").read_text() in capsys.readouterr().out

    assert main(["evaluate", str(run), "--data", str(data_dir), "--only", "mnist", "--json"]) == 0
    told, kept = json.loads(capsys.readouterr().out), json.loads((run / "metrics.json").read_text())
    assert told["mnist-test"] == kept["mnist-test"]

    assert main([*arguments, "--data", str(data_dir)]) == 2
    assert "--resume" in capsys.readouterr().err


def test_glyphs_out_of_scenes_are_learned_from_and_kept_in_the_run(data_dir, tmp_path):
    run = tmp_path / "run"
    arguments = ["--recipe", "paper", "--epochs", "1", "--limit", "2000", "--scenes", "12", "--run", str(run)]
    assert main([*arguments, "--data", str(data_dir)]) == 0
    train, validation = load_scene_glyphs(run)
    assert train.is_digit.any()
    assert not train.is_digit.all()
    assert 0 < len(validation) < len(train)
    assert Config.read(run).recipe.scenes == 12


def test_nan_ends_the_command_with_1_and_no_model(data_dir, tmp_path, monkeypatch, capsys):
    bad = replace(RECIPES["paper"], learning_rate=1e30)
    monkeypatch.setitem(training.train.RECIPES, "paper", bad)
    run = tmp_path / "run"
    assert main(["--recipe", "paper", "--limit", "500", "--run", str(run), "--data", str(data_dir)]) == 1
    assert "there is no model" in capsys.readouterr().err
    assert not (run / "model.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nowhere"], "is no run folder"),
        (["--resume", "nowhere", "--seed", "3"], "from the run itself"),
        (["--data", "nowhere"], "no MNIST in nowhere"),
        (["evaluate", "nowhere.keras", "--data", "DATA"], "no model at nowhere.keras"),
        (["evaluate", "nowhere.tflite", "--data", "DATA"], "cannot read the model nowhere.tflite"),
    ],
)
def test_bad_usage_gets_one_line_and_2(data_dir, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([str(data_dir) if word == "DATA" else word for word in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_no_more_batches_are_made_ahead_than_fit_into_memory():
    made = []
    batches = made_ahead(lambda index: made.append(index) or index, 1000, threads=2)
    assert [next(batches) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(made) <= 5 + 8 + 1
    assert list(batches) == list(range(5, 1000))
