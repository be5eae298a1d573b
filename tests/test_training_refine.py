"""The refinement network learns from what the page network finds."""

import csv

import numpy as np
import pytest
from drawn import scene_of

from edge.refine import CONTRAST, OWN

# Keras itself calls numpy in the old way when it saves.
KERAS_SAVES = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
pytestmark = [pytest.mark.workstation, KERAS_SAVES]
pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")


@pytest.fixture(scope="module")
def places():
    from training.page.lessons import Pages, page_of
    from training.refine.material import cut_places

    first = page_of(scene_of([("125", 60, 100), ("3", 60, 200)], size=(384, 512)))
    second = page_of(scene_of([], size=(384, 512)))
    both = [np.concatenate([getattr(page, name) for page in (first, second)]) for name in Pages.__slots__]
    return cut_places(None, Pages(*both))


def test_what_is_found_is_named_by_what_stands_there(places):
    assert {1, 2, 3, 5} <= {label - 1 for label in places.labels}
    assert not places.labels[places.pages == 1].any()


def test_what_is_found_is_in_the_middle_of_its_patch(places):
    for patch, label in zip(places.patches, places.labels, strict=True):
        rows, columns = np.nonzero(patch[..., OWN])
        assert (rows.mean(), columns.mean()) == pytest.approx((19.5, 35.5), abs=2)
        if label:
            assert patch[..., CONTRAST][patch[..., OWN] > 0].max() > 150


def test_lessons_have_their_ink_distorted_and_their_boxes_where_they_are(places):
    from training.augment import Distortion
    from training.patches.train import distorted

    how = Distortion(untouched=0.1, rotation=7, shear=0.15, stretch=0.1, zoom=0.08, shift=1)
    patches = np.concatenate([places.patches] * 20)
    first, again, other = (distorted(patches, np.random.default_rng(seed), how) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first[..., :CONTRAST], patches[..., :CONTRAST])
    same = (first == patches).all(axis=(1, 2, 3)).mean()
    assert same == pytest.approx(0.1, abs=0.1)
    # The same ink, elsewhere.
    ink, before = first[..., CONTRAST].mean(axis=(1, 2)), patches[..., CONTRAST].mean(axis=(1, 2))
    np.testing.assert_allclose(ink, before, atol=15)


def test_a_run_learns_is_kept_and_is_converted(data_dir, tmp_path, capsys):
    from convert.refine import main as convert
    from edge.model_file import REFINE_LABELS, load_model
    from edge.refine import open_refine
    from training.refine.__main__ import main
    from training.runs import load_network

    run, model = tmp_path / "run", tmp_path / "refine.tflite"
    assert convert([str(tmp_path), "-o", str(model)]) == 2
    assert "is no run folder of this network" in capsys.readouterr().err
    arguments = ["--data", str(data_dir), "--run", str(run), "--pages", "24", "--epochs"]
    assert main([*arguments, "2"]) == 0
    assert main([*arguments, "2"]) == 2 and "holds a run already" in capsys.readouterr().err
    with (run / "history.csv").open() as lines:
        assert [float(line["loss"]) > 0 for line in csv.DictReader(lines)] == [True, True]
    assert load_network(run).output_shape == (None, len(REFINE_LABELS))
    assert main(["--resume", str(run)]) == 0
    assert main(["--resume", str(run), "--epochs", "2"]) == 2
    other = tmp_path / "other.tflite"
    other.write_bytes(b"no model")
    assert main(["--resume", str(run), "--page", str(other)]) == 2
    assert "another page network" in capsys.readouterr().err
    (run / "train-places" / "000.npz").write_bytes(b"damaged")
    assert main(["--resume", str(run)]) == 2
    assert "delete it to cut the places anew" in capsys.readouterr().err
    assert convert([str(run), "-o", str(model), "--version", "7.1"]) == 0
    assert "int8: loss" in capsys.readouterr().err
    card = open_refine(load_model(model)).card
    assert (card.version, card.trained_with) == ("7.1", "")
    assert set(card.accuracies) >= {"held-out places", "held-out places, float"}
    assert model.with_suffix(".json").is_file()


def test_a_number_is_cut_out_of_its_page():
    from training.page.lessons import IGNORE, page_of, spans
    from training.page.sized import SizedPage

    pages = page_of(scene_of([("12", 60, 100), ("3", 140, 100)], size=(384, 512)))
    page = SizedPage.of(pages, 0, spans(pages)[0], turn=0)
    for seed in range(8):
        strip = page.strip(np.random.default_rng(seed))
        assert strip.digits[:, 1].tolist() in ([1, 2], [3])
        assert strip.grey.shape == strip.flags.shape and strip.grey.shape[0] < 130
        for left, top, right, bottom in strip.boxes.astype(int).tolist():
            assert 0 <= left < right <= strip.grey.shape[1] and 0 <= top < bottom <= strip.grey.shape[0]
            digit = np.s_[top:bottom, left:right]
            assert strip.grey[digit].min() < 128
            assert not (strip.flags[digit] & IGNORE).any()
        ink = (strip.grey < 128).copy()
        for left, top, right, bottom in strip.boxes.astype(int).tolist():
            ink[top : bottom + 1, left : right + 1] = False
        assert (strip.flags[ink] & IGNORE).all()  # what is left of the other number
