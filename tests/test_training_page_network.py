"""The page network: its losses, training that can be interrupted, and int8."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from drawn import pages_of, scene_of

pytestmark = pytest.mark.workstation
keras = pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from edge.errors import ModelError, UsageError  # noqa: E402
from edge.model_file import shipped_path  # noqa: E402
from edge.page import BLOCK, CHANNELS, PageNetwork, flatten, to_blocks  # noqa: E402
from training.loop import TrainingError  # noqa: E402
from training.page import depth, run  # noqa: E402
from training.page.__main__ import main  # noqa: E402
from training.page.lessons import Pages  # noqa: E402
from training.page.loss import losses  # noqa: E402
from training.page.measure import silent  # noqa: E402
from training.page.network import build_network  # noqa: E402
from training.page.quantize import to_int8  # noqa: E402
from training.page.shipped import start_from_file  # noqa: E402
from training.page.targets import PLANES, SeenDigit, draw_truth  # noqa: E402
from training.page.train import Recipe, Training, start_from  # noqa: E402

CELLS = 64
DEEPER = 0, 1, 3, 4
PAGE = shipped_path("page.tflite")


def test_each_head_loses_nothing_by_the_truth_and_much_by_its_opposite():
    nothing, blocks = np.zeros((CELLS, CELLS), np.float32), np.zeros((CELLS, CELLS, 16), np.float32)
    digit = SeenDigit((80, 60, 112, 108), 7, left=False, right=True)
    written = nothing.copy()
    written[50:, :] = 1
    truth = draw_truth([digit], blocks, blocks + 1, written, nothing)[np.newaxis]
    said = {name: np.where(truth[..., PLANES[name]] > 0.5, 20, -20) for name in CHANNELS if name != "box"}
    said["box"] = truth[..., PLANES["box"]]
    # A centre is one cell, not its surroundings.
    said["digit"] = np.where(truth[..., PLANES["digit"]] > 0.999, 20, -20)

    def lost(told):
        whole = np.concatenate([told[name] for name in CHANNELS], axis=-1).astype(np.float32)
        tensors = (keras.ops.convert_to_tensor(array) for array in (truth, whole))
        return {name: float(keras.ops.convert_to_numpy(part)) for name, part in losses(*tensors).items()}

    right, wrong = lost(said), lost({name: -plane for name, plane in said.items()})
    for name in CHANNELS:
        assert right[name] < 0.05, name
        # Of ink there is none on this page: Dice asks for nothing where nothing is.
        assert wrong[name] > 0.5, name


RECIPE = Recipe(epochs=3, batch_size=2)
STEPS = 6


@pytest.fixture(scope="module")
def lesson_pages():
    random = np.random.default_rng(2)
    texts = ["".join(map(str, random.integers(10, size=4))) for _ in range(4)]
    return pages_of([scene_of([(text, 120, 180)], [("wkm", 300, 180)]) for text in texts])


def begun(start, command):
    """The configuration of a run."""
    return run.Config.now(
        epochs=1, steps=1, pages=2, rate=0.01, seed=1, start=start, data={}, command=command
    )


def training_on(pages, **changes):
    return Training(replace(RECIPE, **changes), [pages], pages, seed=1, steps=STEPS)


@pytest.fixture(scope="module")
def trained(lesson_pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    training = training_on(lesson_pages)
    training.go_on(folder)
    return training, folder


class InterruptedInEpoch2(Training):
    """Ctrl-C comes after epoch 2 has changed the weights and before its checkpoint."""

    def _learn(self, number, bar):
        loss = super()._learn(number, bar)
        if number == 2:
            raise KeyboardInterrupt
        return loss


@pytest.mark.slow
def test_the_loss_falls_and_an_interrupted_run_goes_on_as_if_it_never_had(lesson_pages, trained, tmp_path):
    training, _ = trained
    assert training.history[-1].loss < 0.9 * training.history[0].loss
    with pytest.raises(KeyboardInterrupt):
        InterruptedInEpoch2(RECIPE, [lesson_pages], lesson_pages, seed=1, steps=STEPS).go_on(tmp_path)
    resumed = training_on(lesson_pages)
    resumed.resume(tmp_path)
    assert len(resumed.history) == 1
    resumed.go_on(tmp_path)
    assert resumed.history == training.history
    for ours, theirs in zip(resumed.network.get_weights(), training.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_run_begins_with_the_weights_of_another(trained, tmp_path):
    training, folder = trained
    network = build_network(256)
    start_from(network, folder)
    for ours, theirs in zip(network.get_weights(), training.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(run.digest_of_weights(folder)) == 64
    for act in (lambda: start_from(network, tmp_path), lambda: run.digest_of_weights(tmp_path)):
        with pytest.raises(UsageError, match="begin with"):
            act()


@pytest.mark.slow
def test_the_weights_of_several_runs_are_averaged(trained, tmp_path):
    _, folder = trained
    network = build_network(256)
    ours = [weights.copy() for weights in network.get_weights()]
    np.savez(
        tmp_path / "checkpoint.npz", **{f"variable/{k}": v.numpy() for k, v in enumerate(network.variables)}
    )
    start_from(network, folder)
    theirs = network.get_weights()
    start_from(network, tmp_path, folder, folder)
    for mean, one, two in zip(network.get_weights(), ours, theirs, strict=True):
        np.testing.assert_allclose(mean, (one + 2 * two) / 3, rtol=1e-5, atol=1e-6)


def test_a_run_begins_with_what_a_converted_network_says(lesson_pages):
    network = build_network(256)
    start_from_file(network, PAGE, lesson_pages)
    looks = PageNetwork(PAGE.read_bytes())
    picture = np.ascontiguousarray(lesson_pages.grey[0, 60:316, 100:356])
    blocks = to_blocks(flatten(picture)[np.newaxis])
    said = keras.ops.convert_to_numpy(network(blocks.astype(np.float32) / 255, training=False))[0]
    look = looks.look(picture, 1.0)
    for name, place in CHANNELS.items():
        off = np.abs(look.head(name) - said[..., place])
        assert off.mean() < 0.1 * np.abs(said[..., place]).mean() + 0.24, name  # a step of the whole numbers
    # In training, each batch has statistics of its own: those of the pages are near.
    learning = keras.ops.convert_to_numpy(network(blocks.astype(np.float32) / 255, training=True))[0]
    assert np.abs(learning - said).mean() < 0.2 * np.abs(said).mean()
    assert len(run.digest_of_weights(PAGE)) == 64


def test_a_converted_network_of_another_kind_is_no_beginning(lesson_pages):
    with pytest.raises(ModelError, match="page"):
        start_from_file(build_network(256), shipped_path("digits.tflite"), lesson_pages)
    with pytest.raises(ModelError, match="expected 19 convolutions .*, found"):
        start_from_file(build_network(256, DEEPER), PAGE, lesson_pages)


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_training(lesson_pages, tmp_path):
    with pytest.raises(TrainingError, match="the loss became nan in epoch"):
        training_on(lesson_pages, learning_rate=1e30).go_on(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(256, 256), (256, 384)])
def test_the_int8_network_keeps_the_contract_at_any_size_and_agrees(trained, lesson_pages, size):
    training, _ = trained
    free = build_network()
    free.set_weights(training.network.get_weights())
    network = PageNetwork(to_int8(training.network, lesson_pages.grey))
    picture = np.ascontiguousarray(lesson_pages.grey[0, 100 : 100 + size[0], 100 : 100 + size[1]])
    network.look(np.ascontiguousarray(lesson_pages.grey[0, :64, :96]), 1.0)  # another size before
    look = network.look(picture, 1.0)
    blocks = to_blocks(flatten(picture)[np.newaxis])
    expected = keras.ops.convert_to_numpy(free(blocks.astype(np.float32) / 255, training=False))[0]
    assert look.said.shape == expected.shape == (size[0] // BLOCK, size[1] // BLOCK, expected.shape[-1])
    for name, place in CHANNELS.items():
        off = np.abs(look.head(name) - expected[..., place])
        assert off.mean() < 0.15, name


@pytest.mark.slow
def test_the_command_line_draws_and_trains(data_dir, tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = ["--pages", "4", "--epochs", "1", "--run", str(folder), "--data", str(data_dir)]
    assert main(arguments) == 0
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "history.csv", "checkpoint.npz", "train-pages", "test-pages",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    assert (config["pages"], config["start"]) == (4, "")
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "arguments", "message"),
    [("ab" * 32, [], "with --start"), ("", ["--start", str(PAGE)], "without --start")],
)
def test_a_run_that_has_not_begun_is_resumed_with_its_own_beginning(
    start, arguments, message, tmp_path, capsys
):
    config = begun(start, "python -m training.page ...")
    config.write(tmp_path)
    assert main(["--resume", str(tmp_path), *arguments]) == 2
    assert f"{message}, as its command: python -m training.page ..." in capsys.readouterr().err


def test_pages_are_read_again_as_they_were_saved(lesson_pages, tmp_path):
    lesson_pages.save(tmp_path / "test-pages" / "000")
    (again,) = run.pages_of(tmp_path, "test")
    for field in fields(Pages):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(lesson_pages, field.name))
    (tmp_path / "test-pages" / "000" / "ink.npy").write_bytes(b"no array")
    with pytest.raises(UsageError, match="cannot read the pages in .*delete it to draw them anew"):
        run.pages_of(tmp_path, "test")
    with pytest.raises(UsageError, match="holds no pages of the split 'train'"):
        run.pages_of(tmp_path, "train")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "nowhere"], "is no run folder"),
        (["--resume", "nowhere", "--seed", "3"], "from the run itself"),
        (["--data", "nowhere"], "no MNIST in nowhere"),
        (["--start", "nowhere"], "has no weights to begin with"),
        (["--start", "nowhere", __file__], "or one .tflite file"),
    ],
)
def test_bad_usage_gets_one_line_and_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_convolutions_that_never_fire_are_told_of_and_left_out_without_a_loss(
    lesson_pages, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    old = build_network(256, DEEPER)
    for name in ("down2-2-norm", "down3-3-norm"):
        scale, shift, *statistics = old.get_layer(name).get_weights()
        old.get_layer(name).set_weights([0 * scale, shift - 1, *statistics])
    assert silent(old, lesson_pages) == ["down2-2", "down3-3"]
    lesson_pages.save(tmp_path / "old" / "test-pages" / "000")
    state = {f"variable/{index}": each.numpy() for index, each in enumerate(old.variables)}
    np.savez(tmp_path / "old" / "checkpoint.npz", **state)
    config = begun("", "python -m training.page")
    config.write(tmp_path / "old")
    arguments = ["old", "new", "--down", *map(str, DEEPER)]
    assert depth.main(arguments) == 0
    before, after = (line.partition(" parameters, ")[2] for line in capsys.readouterr().out.splitlines())
    assert before == after
    assert run.Config.read(tmp_path / "new").command.endswith("training.page.depth old new --down 0 1 3 4")
    (still_there,) = run.pages_of(tmp_path / "new", "test")
    assert (still_there.grey == lesson_pages.grey).all()
    new = build_network(256)
    start_from(new, tmp_path / "new")
    assert len(new.variables) < len(old.variables) and silent(new, lesson_pages) == []
    blocks = np.random.default_rng(3).random((1, CELLS, CELLS, 16), np.float32)
    said, still_said = (network.predict(blocks, verbose=0) for network in (old, new))
    np.testing.assert_allclose(still_said, said, atol=1e-4)

    assert depth.main(arguments) == 2
    assert "there already" in capsys.readouterr().err
    assert depth.main(["old", "newer", "--down", "0", "0", "0", "0"]) == 2
    assert "expected at least" in capsys.readouterr().err
    assert not (tmp_path / "newer").exists()
