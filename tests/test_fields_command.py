import json
from pathlib import Path

import cv2
import pytest
from written_pages import form

from edge.commands import main, understand
from edge.errors import UsageError

FORM = """
[[field]]
name = "unit"
region = [0.05, 0.25, 0.63, 0.41]
on = "sheet"
format = "00000000"

[[field]]
name = "week"
region = [0.05, 0.60, 0.21, 0.76]
on = "sheet"
format = "00"
least = 1
most = 53
"""


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Path:
    """The user's settings, with the fields of a form."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "digitcam.toml"
    path.write_text(FORM)
    return path


@pytest.fixture
def photo(tmp_path) -> Path:
    """A form whose week is none."""
    path = tmp_path / "form.png"
    cv2.imwrite(str(path), form("40718263", "72").picture((14, -9), 2.5, noise=1))
    return path


def test_fields_are_listed(settings, capsys):
    assert main(["fields"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["field", "region", "format"],
        ["unit", "sheet:0.05,0.25,0.63,0.41", "00000000"],
        ["week", "sheet:0.05,0.6,0.21,0.76", "00"],
    ]


def test_fields_are_tried_on_a_photo(settings, photo, tmp_path, capsys):
    picture = tmp_path / "tried.png"
    assert main(["fields", str(photo), "--annotate", str(picture)]) == 0
    _, unit, week = capsys.readouterr().out.splitlines()
    assert unit.split() == ["unit", "sheet:0.05,0.25,0.63,0.41", "00000000", *["40718263"] * 2, "-", "0", "s"]
    assert week.split()[3:6] == ["72", "-", "limit:"]
    assert cv2.imread(str(picture)).shape == cv2.imread(str(photo)).shape


def test_fields_are_tried_as_json(settings, photo, capsys):
    assert main(["fields", str(photo), "--json"]) == 0
    unit, week = json.loads(capsys.readouterr().out)["fields"]
    assert (unit["text"], unit["value"], unit["problem"]) == ("40718263", 40718263, None)
    assert (week["raw"], week["value"], week["problem"], week["status"]) == ("72", None, "limit", "rejected")


def test_read_tells_fields_and_what_was_refused(settings, photo, capsys):
    assert main(["read", str(photo)]) == 0
    out = capsys.readouterr().out
    assert "unit = 40718263" in out
    assert "week = ? (limit: expected 53 or less)" in out


def test_a_region_on_the_command_line_takes_the_place_of_the_fields(settings, photo, capsys):
    assert main(["read", str(photo), "--json", "--region", "sheet:0,0.55,1,0.8"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [reading["text"] for reading in result["readings"]] == ["72"]
    assert result["fields"] == []


def test_without_fields_the_cure_is_said(settings, capsys):
    settings.write_text("")
    assert main(["fields"]) == 2
    assert "[[field]]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[field]]\nname = "a"\nleast = "x"',
            r"digitcam\.toml: \[\[field\]\] 1 \('a'\): least: expected a num",
        ),
        ("[[field]]\nregoin = 1", r"digitcam\.toml: \[\[field\]\] 1: regoin: unknown key.*region"),
        ('[field]\nname = "a"', r"digitcam\.toml: expected tables headed \[\[field\]\]"),
        ("field = 3", r"digitcam\.toml: expected tables headed \[\[field\]\]"),
        ('format = "12.5"', r"digitcam\.toml: format: cannot use the format '12\.5'"),
        ('region = "1,2"', r"digitcam\.toml: region: expected left,top,right,bottom"),
    ],
)
def test_an_error_in_the_settings_names_file_table_and_key(tmp_path, text, message):
    (tmp_path / "digitcam.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        understand(["run", "demo"], {"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path / "none.toml")


def test_fields_of_the_user_replace_those_of_the_machine(tmp_path):
    system = tmp_path / "system.toml"
    system.write_text('[[field]]\nname = "a"\n[[field]]\nname = "b"')
    (tmp_path / "digitcam.toml").write_text('[[field]]\nname = "c"\nleast = 0.1')
    _, args = understand(["run"], {"XDG_CONFIG_HOME": str(tmp_path)}, system)
    assert [field.name for field in args.field] == ["c"]
    assert str(args.field[0].least) == "0.1"  # exactly
    _, args = understand(["run"], {}, system)
    assert [field.name for field in args.field] == ["a", "b"]


def test_fields_cannot_stand_in_the_environment(tmp_path):
    with pytest.raises(UsageError, match=r"the environment: expected tables headed \[\["):
        understand(["run"], {"DIGITCAM_FIELD": "water"}, tmp_path / "none.toml")
