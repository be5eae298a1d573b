"""The mark network learns from places between drawn digits."""

import csv

import numpy as np
import pytest
from drawn import numbers_of_scenes, scene_of

from edge.patches import CONTRAST, LEFT
from edge.types import SIGNS
from training.marks.material import mark_places
from training.patches.places import Places

# Keras itself calls numpy in the old way when it saves.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")


@pytest.fixture(scope="module")
def numbers():
    first = scene_of(
        [("125", 60, 100), ("3", 60, 200), ("1", 60, 300), ("2", 110, 300)],
        marks=[(".", 0, 127, 100), ("-", 1, 40, 200), ("/", 2, 95, 300)],
    )
    second = scene_of([("414", 60, 100), ("8", 260, 100)])
    return numbers_of_scenes([first, second, first])


def signs(places, page):
    return sorted(SIGNS[sign] for sign in places.labels[places.pages == page])


def test_each_place_is_named_by_what_stands_there(numbers):
    places = mark_places(numbers, seed=1)
    marks = [sign for sign in signs(places, 0) if sign]
    assert marks == [".", "/", "minus"]
    assert not any(signs(places, 1))


def test_what_a_slash_is_taken_for_is_a_place_without_a_mark(numbers):
    """Over the 1 of 414 no mark stands, though it is as slim as a slash."""
    places = mark_places(numbers, seed=1)
    on_page = places.patches[places.pages == 1]
    wide = [np.ptp(np.nonzero(one[..., :CONTRAST].any(axis=2))[1]) for one in on_page if one[..., LEFT].any()]
    assert len(on_page) >= 5 and max(wide) > 30


def test_the_same_seed_gives_the_same_places(numbers):
    first, again, other = (mark_places(numbers, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.patches, again.patches)
    assert len(first) != len(other) or not np.array_equal(first.patches, other.patches)


def test_pages_of_two_are_counted_on(numbers):
    places = mark_places(numbers, seed=1)
    both = places + places
    assert isinstance(both, Places) and len(both) == 2 * len(places)
    assert set(both.pages) == {0, 1, 2, 3, 4, 5}


def test_a_run_learns_is_kept_and_goes_on(data_dir, tmp_path, capsys):
    from training.marks.__main__ import main
    from training.runs import load_network

    run = tmp_path / "run"
    arguments = ["--data", str(data_dir), "--run", str(run), "--numbers", "12", "--others", "4", "--epochs"]
    assert main([*arguments, "1"]) == 0
    assert main([*arguments, "1"]) == 2 and "holds a run already" in capsys.readouterr().err
    with (run / "history.csv").open() as lines:
        (line,) = csv.DictReader(lines)
    assert float(line["loss"]) > 0
    network = load_network(run)
    assert network.output_shape == (None, len(SIGNS))
    assert main(["--resume", str(run)]) == 0
    assert main(["--resume", str(run), "--epochs", "2"]) == 2


def test_a_run_is_converted_and_proven(data_dir, tmp_path, capsys):
    from convert.marks import main as convert
    from edge.marks import open_marks
    from edge.model_file import load_model
    from training.marks.__main__ import main

    run, model = tmp_path / "run", tmp_path / "marks.tflite"
    assert convert([str(tmp_path), "-o", str(model)]) == 2
    assert "is no run folder of this network" in capsys.readouterr().err
    arguments = ["--data", str(data_dir), "--run", str(run), "--numbers", "60", "--others", "0"]
    assert main([*arguments, "--epochs", "1"]) == 0
    assert convert([str(run), "-o", str(model), "--version", "7.1"]) == 0
    assert "int8: loss" in capsys.readouterr().err
    card = open_marks(load_model(model)).card
    assert (card.version, card.trained_with) == ("7.1", "")
    assert set(card.accuracies) >= {"held-out places", "held-out places, float"}
    assert model.with_suffix(".json").is_file()
