"""The ink network: patches from scenes, training that can be interrupted, conversion, and its scores."""

import hashlib
import json
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.workstation
keras = pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

import training.ink.picture  # noqa: E402
from edge.by_ink.ink import InkMarker  # noqa: E402
from edge.types import Box  # noqa: E402
from edge.workers import Place  # noqa: E402
from training.ink.__main__ import main  # noqa: E402
from training.ink.measure import Score, sheet  # noqa: E402
from training.ink.network import build_network, probabilities  # noqa: E402
from training.ink.patches import CLUTTER, CUT, MOST, SIDE, UNIT, Patches, draw_patches, patch_of  # noqa: E402
from training.ink.quantize import to_int8  # noqa: E402
from training.ink.train import Recipe, Training  # noqa: E402
from training.loop import TrainingError  # noqa: E402
from training.scenes import Scene, SceneDigit  # noqa: E402

RECIPE = Recipe(epochs=3, batch_size=2)


class InterruptedInEpoch2(Training):
    """Ctrl-C comes after epoch 2 has changed the weights and before its checkpoint."""

    def _learn(self, number, bar):
        loss = super()._learn(number, bar)
        if number == 2:
            raise KeyboardInterrupt
        return loss


def blobs(count, seed):
    """Dark discs on paper are ink, dark squares are not: to be learned in seconds, without a data set."""
    random = np.random.default_rng(seed)
    grey = random.integers(190, 210, (count, 128, 128), dtype=np.uint8)
    ink, clutter = np.zeros_like(grey), np.zeros_like(grey)
    for picture, disc, square in zip(grey, ink, clutter, strict=True):
        for x in range(16, 128, 32):
            y = int(random.integers(10, 50))
            cv2.circle(disc, (x, y), 6, 255, cv2.FILLED)
            cv2.rectangle(square, (x - 6, y + 54), (x + 6, y + 66), 255, cv2.FILLED)
        picture[(disc | square) > 0] = 60
    return Patches(grey, ink, clutter, np.full_like(grey, UNIT))


@pytest.fixture(scope="module")
def patches():
    return blobs(8, 0), blobs(2, 1)


@pytest.fixture(scope="module")
def trained(patches, tmp_path_factory):
    training = Training(RECIPE, *patches, seed=1)
    training.go_on(tmp_path_factory.mktemp("run"))
    return training


@pytest.fixture(scope="module")
def learned(patches, tmp_path_factory):
    training = Training(Recipe(epochs=60, batch_size=2), *patches, seed=1)
    training.go_on(tmp_path_factory.mktemp("learned"))
    return training


def weights(training):
    return np.concatenate([weight.ravel() for weight in training.network.get_weights()])


def scene_with(strokes, **masks):
    """A scene whose digits are vertical strokes: (left, width) in pixels."""
    ink, instances = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint16)
    digits = []
    for number, (left, width) in enumerate(strokes, 1):
        ink[10:54, left : left + width] = 255
        instances[10:54, left : left + width] = number
        digits.append(SceneDigit(1, Box(left, 10, left + width, 54), 0, number - 1, number))
    empty = np.zeros((64, 64), np.uint8)
    image = cv2.cvtColor(255 - ink, cv2.COLOR_GRAY2BGR)
    truth = {"clutter_ink": empty, "ignore": empty} | masks
    return Scene(image=image, ink=ink, instances=instances, digits=tuple(digits), conditions={}, **truth)


def test_a_thin_stroke_counts_as_much_as_a_thick_one():
    patch = patch_of(scene_with([(5, 2), (20, 4), (40, 12)]))
    totals = [int(patch.weight[30, left : left + width].sum()) for left, width in [(5, 2), (20, 4), (40, 12)]]
    assert totals[0] == pytest.approx(totals[1], rel=0.35)
    assert patch.weight[30, 45] == UNIT
    assert UNIT < patch.weight.max() <= MOST * UNIT


def test_touching_digits_are_to_be_cut_apart():
    patch = patch_of(scene_with([(10, 6), (16, 6), (40, 6)]))
    assert patch.ink[30, 10:15].all()
    assert not patch.ink[30, 15:17].any()
    assert (patch.weight[30, 15:17] == CUT * UNIT).all()
    assert (patch.ink[30, 40:46] == 255).all()


def test_clutter_counts_more_than_paper_and_what_is_ignored_not_at_all():
    clutter, ignore = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    clutter[:, :8] = 255
    ignore[32:] = 255
    patch = patch_of(scene_with([], clutter_ink=clutter, ignore=ignore))
    assert (patch.weight[:32, :8] == CLUTTER * UNIT).all()
    assert (patch.weight[:32, 8:] == UNIT).all()
    assert not patch.weight[32:].any()


def test_patches_depend_on_the_seed_alone(data_dir, tmp_path):
    first = draw_patches(data_dir, "test", 4, seed=3)
    again = draw_patches(data_dir, "test", 4, seed=3, place=Place(2))
    other = draw_patches(data_dir, "test", 4, seed=4)
    path = tmp_path / "patches.npz"
    again.save(path)
    for field in fields(Patches):
        planes = getattr(first, field.name)
        assert planes.shape == (4, SIDE, SIDE)
        np.testing.assert_array_equal(getattr(Patches.load(path), field.name), planes)
    assert not np.array_equal(first.grey, other.grey)


def test_damaged_patches_are_refused(tmp_path):
    path = tmp_path / "train.npz"
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"cannot read the patches .*train.npz"):
        Patches.load(path)


def test_an_interrupted_run_goes_on_as_if_it_never_had(patches, trained, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        InterruptedInEpoch2(RECIPE, *patches, seed=1).go_on(tmp_path)
    training = Training(RECIPE, *patches, seed=1)
    training.resume(tmp_path)
    assert len(training.history) == 1
    training.go_on(tmp_path)
    np.testing.assert_array_equal(weights(training), weights(trained))
    assert training.history == trained.history


def test_another_seed_gives_another_network(patches, trained, tmp_path):
    other = Training(RECIPE, *patches, seed=2)
    other.go_on(tmp_path)
    assert not np.array_equal(weights(other), weights(trained))


def test_a_checkpoint_that_is_cut_off_is_refused(patches, trained, tmp_path):
    Training(replace(RECIPE, epochs=1), *patches, seed=1).go_on(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match=r"cannot resume from .*checkpoint.npz"):
        Training(RECIPE, *patches, seed=1).resume(tmp_path)


def test_a_loss_that_is_no_number_stops_training(patches, tmp_path):
    training = Training(replace(RECIPE, learning_rate=1e30), *patches, seed=1)
    with pytest.raises(TrainingError, match="the loss became nan in epoch"):
        training.go_on(tmp_path)


def test_training_learns_which_dark_shapes_are_ink(patches, learned):
    score = Score.of(learned.network, patches[1])
    assert score.f1 > 0.9
    assert score.clutter < 0.1


@pytest.mark.parametrize("size", [(96, 64), (256, 256), (480, 640)])
def test_the_int8_network_takes_pictures_of_any_size_and_agrees(learned, patches, size):
    model = to_int8(learned.network, patches[0].grey)
    picture = np.tile(patches[1].grey[0], (4, 5))[: size[0], : size[1]]
    free = build_network()
    free.set_weights(learned.network.get_weights())
    mark = InkMarker(model)
    mark(patches[1].grey[0])  # another size before: the runtime has to adapt
    said = mark(picture).ink[np.newaxis].astype(np.float32) / 256
    assert said.shape == (1, *size)
    expected = probabilities(free, picture[np.newaxis])
    assert expected.max() > 0.9  # there is ink to agree on
    assert np.abs(said - expected).mean() < 0.005
    assert np.mean((said >= 0.5) == (expected >= 0.5)) > 0.995


def test_scores_count_what_they_say():
    empty = np.zeros((1, 8, 8), np.uint8)
    ink, clutter, weight, said = (empty.copy() for _ in range(4))
    weight[:] = UNIT
    ink[0, 0] = 255  # eight pixels of digits, half of them thin; six are marked
    weight[0, 0, 4:] = 4 * UNIT
    said[0, 0, :6] = 1
    clutter[0, 2] = 255  # eight of letters; two are marked
    said[0, 2, :2] = 1
    weight[0, 7] = 0  # nothing is asked here
    said[0, 7] = 1
    score = Score.from_probabilities(said.astype(np.float32), Patches(empty, ink, clutter, weight))
    assert (score.precision, score.recall, score.thin_recall) == (6 / 8, 6 / 8, 2 / 4)
    assert (score.clutter, score.elsewhere) == (2 / 8, 0)
    assert score.f1 == pytest.approx(0.75)


def test_the_sheet_shows_each_picture_above_its_truth_and_what_was_marked(patches):
    validation = patches[1]
    png = sheet(validation, validation.ink.astype(np.float32) / 255, 2, columns=2)
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (3 * 128, 2 * 128)
    np.testing.assert_array_equal(picture[:128, 128:], validation.grey[1])
    np.testing.assert_array_equal(picture[128:256], picture[256:])


def test_the_command_line_draws_trains_and_converts(data_dir, tmp_path, capsys):
    run = tmp_path / "run"
    arguments = ["--patches", "8", "--epochs", "1", "--run", str(run), "--data", str(data_dir)]
    assert main(arguments) == 0
    assert {path.name for path in run.iterdir()} == {
        "config.json", "train.npz", "test.npz", "history.csv", "checkpoint.npz", "ink.tflite", "masks.png",
        "ink.json",
    }  # fmt: skip
    assert "int8: F1" in capsys.readouterr().out
    card = json.loads((run / "ink.json").read_text())
    assert set(card["scores"]) == {"float", "int8"}
    assert card["sha256"] == hashlib.sha256((run / "ink.tflite").read_bytes()).hexdigest()

    assert main(["--resume", str(run), "--data", str(data_dir)]) == 0
    assert json.loads((run / "ink.json").read_text())["scores"] == card["scores"]
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err


def test_drawing_that_is_interrupted_leaves_a_run_to_go_on_with(data_dir, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.ink.patches.draw_patches", interrupted)
    run = tmp_path / "run"
    with pytest.raises(SystemExit) as stopped:
        main(["--run", str(run), "--seed", "7", "--data", str(data_dir)])
    assert stopped.value.code == 130
    assert f"--resume {run}" in capsys.readouterr().err
    assert json.loads((run / "config.json").read_text())["seed"] == 7
    assert main(["--run", str(run), "--seed", "8", "--data", str(data_dir)]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nowhere"], "is no run folder"),
        (["--resume", "nowhere", "--seed", "3"], "from the run itself"),
        (["--data", "nowhere"], "no MNIST in nowhere"),
    ],
)
def test_bad_usage_gets_one_line_and_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert not list(tmp_path.iterdir())


def test_the_picture_of_the_documentation_is_made_again(data_dir, tmp_path, capsys):
    path = tmp_path / "ink.png"
    assert training.ink.picture.main(["--data", str(data_dir), "--out", str(path)]) == 0
    drawn, _, marked = np.split(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), 3, axis=1)
    assert drawn.std() > 20
    assert 0.001 < (marked < 128).mean() < 0.2
    assert training.ink.picture.main(["--data", "nowhere", "--out", str(path)]) == 2
    assert "no MNIST in nowhere" in capsys.readouterr().err
