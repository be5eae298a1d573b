import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from training.scenes import typefaces
from training.scenes.typefaces import (
    FONTS,
    fonts_digest,
    handwriting_fonts,
    stroke_fonts,
    tell_of_fonts,
)

pytestmark = pytest.mark.workstation


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """A folder of fonts, with one in it."""
    matplotlib = pytest.importorskip("matplotlib")
    files = tmp_path / "node_modules" / "@fontsource" / "plain" / "files"
    files.mkdir(parents=True)
    font = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    shutil.copy(font, files / "plain-latin-400-normal.woff")
    shutil.copy(FONTS / "package-lock.json", tmp_path)
    monkeypatch.setattr(typefaces, "FONTS", tmp_path)
    handwriting_fonts.cache_clear()
    yield tmp_path
    handwriting_fonts.cache_clear()


def bounds(strokes):
    points = np.concatenate(strokes)
    return points.min(axis=0), points.max(axis=0)


def test_letters_of_a_font_stand_on_the_line_and_are_as_high_as_a_capital(fetched):
    (font,) = handwriting_fonts()
    assert not font.joined
    (left, top), (right, bottom) = bounds(font.character("H")[0])
    assert top == pytest.approx(-1, abs=0.12)  # centre lines end half a stroke within the ink
    assert bottom == pytest.approx(0, abs=0.12)
    assert 0 < left < right < font.character("H")[1]
    assert bounds(font.character("p")[0])[1][1] > 0.15  # goes below the line


@pytest.mark.parametrize("digit", "0123456789")
def test_digits_of_a_font_keep_their_strokes(fetched, digit):
    shape = handwriting_fonts()[0].shape(digit)
    assert shape.height == pytest.approx(1, abs=0.01)
    assert 0.2 < shape.width < 0.8
    assert shape.raster is not None


def test_the_list_of_fonts_is_named_by_its_digest(fetched):
    ((name, digest),) = fonts_digest().items()
    assert "package-lock.json" in name
    assert len(digest) == 64


def test_fonts_that_were_not_fetched_are_none_and_the_cure_is_said(fetched, capsys):
    shutil.rmtree(fetched / "node_modules")
    handwriting_fonts.cache_clear()
    assert fonts_digest() == {}
    tell_of_fonts()
    assert "npm ci" in capsys.readouterr().err


def test_training_and_test_have_different_stroke_fonts():
    assert not set(stroke_fonts("train")) & set(stroke_fonts("test"))
    for split in ("train", "test"):
        assert any(font.joined for font in stroke_fonts(split))


def test_a_font_joins_its_letters_when_they_are_one_stroke(fetched, monkeypatch):
    monkeypatch.setattr(typefaces, "RUN_ON", "H")  # a single letter is
    handwriting_fonts.cache_clear()
    assert handwriting_fonts()[0].joined


def test_the_packages_are_pinned_and_free():
    wanted = json.loads((FONTS / "package.json").read_text())["dependencies"]
    lock = json.loads((FONTS / "package-lock.json").read_text())["packages"]
    found = {name.removeprefix("node_modules/"): package for name, package in lock.items() if name}
    assert {name: package["version"] for name, package in found.items()} == wanted
    assert {package["license"] for package in found.values()} <= {"OFL-1.1", "Apache-2.0"}
    assert all(package["integrity"].startswith("sha512-") for package in found.values())
    assert not any("resolved" in package for package in found.values())
