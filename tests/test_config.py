import argparse
from pathlib import Path

import pytest

from edge.commands import main, understand
from edge.commands.config import read_settings
from edge.errors import UsageError


@pytest.fixture
def parsed(tmp_path):
    """What a command line means with these files and variables; the user's files are in their own folder."""

    def parse(arguments: str, *, system="", user="", **variables) -> argparse.Namespace:
        (tmp_path / "user").mkdir(exist_ok=True)
        (tmp_path / "system.toml").write_text(system)
        (tmp_path / "user" / "digitcam.toml").write_text(user)
        environment = {"XDG_CONFIG_HOME": str(tmp_path / "user"), **variables}
        _, args = understand(arguments.split(), environment, tmp_path / "system.toml")
        return args

    return parse


def test_the_later_of_file_user_environment_and_command_line_wins(parsed):
    layers = {"system": "frames = 1", "user": "frames = 2", "DIGITCAM_FRAMES": "3"}
    for count in range(1, 4):
        assert parsed("run demo", **dict(list(layers.items())[:count])).frames == count
    assert parsed("run demo --frames 4", **layers).frames == 4


@pytest.mark.parametrize(
    "layer",
    [
        {"system": "seed = 1\n[run]\nseed = 2"},
        {"user": "seed = 1\n[run]\nseed = 2"},
        {"DIGITCAM_SEED": "1", "DIGITCAM_RUN_SEED": "2"},
        {"DIGITCAM_RUN_SEED": "2", "DIGITCAM_SEED": "1"},
        {"system": "[run]\nseed = 1", "user": "seed = 2"},
    ],
)
def test_what_is_for_one_verb_is_stronger_in_its_own_layer(parsed, layer):
    assert parsed("run demo", **layer).seed == 2


def test_a_key_at_the_top_is_for_every_verb_that_has_the_option(parsed):
    for verb in ("run", "bench", "doctor"):
        assert parsed(verb, system='source = "picamera"').source == "picamera"
        assert parsed(f"{verb} demo", system='source = "picamera"').source == "demo"
    assert parsed("bench", system="[run]\nframes = 7").frames == 600


def test_values_get_the_type_of_their_option(parsed):
    args = parsed("run", user='seconds = 2\nsave = "page.png"\njson = true', DIGITCAM_RUN_FRAMES="9")
    assert (args.seconds, args.save, args.json, args.frames) == (2.0, Path("page.png"), True, 9)


def test_a_switch_can_be_switched_off_again(parsed):
    assert parsed("run --no-json", user="json = true").json is False
    assert parsed("run", user="json = true", DIGITCAM_JSON="no").json is False


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"system": "frame = 3"}, r"system\.toml: unknown key frame; the nearest known one is frames"),
        (
            {"user": "[run]\nwarm-up = 3"},
            r"user/digitcam\.toml: unknown key run\.warm-up; .* is warm-up",
        ),
        ({"user": "[runs]\nframes = 3"}, r"unknown key runs\.frames; .* is run\.frames"),
        ({"user": "every_frame = true"}, r"unknown key every_frame; .* is every-frame"),
        ({"DIGITCAM_SORCE": "demo"}, r"the environment: unknown key DIGITCAM_SORCE; .* is DIGITCAM_SOURCE"),
        ({"user": "frames = 0"}, r"digitcam\.toml: frames: expected a number of 1 or more, found '0'"),
        ({"user": "frames = [1]"}, r"frames must be a text or a number, found \[1\]"),
        ({"user": "json = 1"}, r"json must be true or false, found 1"),
        ({"user": 'json = "maybe"'}, r"json must be true or false, found 'maybe'"),
        ({"user": "frames = true"}, r"frames must be a text or a number, found True"),
        ({"DIGITCAM_JSON": ""}, r"DIGITCAM_JSON must be true or false, found ''"),
        ({"user": "[run]\nfps = 0"}, r"digitcam\.toml: run\.fps: expected more than 0 .* found 0"),
        ({"user": 'size = "1x1"'}, r"digitcam\.toml: size: expected a size of .* found 1 x 1"),
        ({"user": "rotation = 45"}, r"digitcam\.toml: rotation: expected a rotation of 0, 90, 180"),
        ({"DIGITCAM_EXPOSURE_US": "0"}, r"the environment: DIGITCAM_EXPOSURE_US: expected an exposure"),
        (
            {"user": "[serve]\nallow-host = [1, true]"},
            r"serve\.allow-host must be .* found True",
        ),
        ({"user": "frames ="}, r"digitcam\.toml is not valid TOML: "),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(parsed, layer, message):
    with pytest.raises(UsageError, match=message):
        parsed("run demo", **layer)


def test_several_values_of_one_option_are_a_list(parsed):
    assert parsed("serve", user='[serve]\nallow-host = ["a", "b"]').allow_host == ["a", "b"]
    assert parsed("serve", DIGITCAM_ALLOW_HOST="a, b").allow_host == ["a", "b"]
    assert parsed("serve --allow-host c", user='[serve]\nallow-host = "a"').allow_host == ["c"]


def test_settings_that_do_not_fit_together_are_named_with_their_place(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "digitcam.toml").write_text('source = "nonsense"\nexposure-us = 90000\n')
    assert main(["run"]) == 2
    assert f"(exposure-us in {tmp_path}/digitcam.toml)" in capsys.readouterr().err
    assert main(["run", "--exposure-us", "9000"]) == 2
    said = capsys.readouterr().err
    assert "unknown source 'nonsense'" in said and f"(source in {tmp_path}/digitcam.toml)" in said


def test_a_folder_in_place_of_the_file_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot read the settings"):
        read_settings({}, tmp_path)


@pytest.mark.parametrize("environment", [{}, {"HOME": "/nowhere"}, {"DIGITCAM_DATA": "data"}])
def test_without_files_and_variables_there_are_no_settings(environment, tmp_path):
    assert read_settings(environment, tmp_path / "nowhere.toml") == []


def test_the_file_in_the_users_home_is_found(tmp_path):
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "digitcam.toml").write_text("frames = 3")
    (setting,) = read_settings({"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}, tmp_path / "nowhere.toml")
    assert (setting.key, setting.value) == ("frames", 3)


def test_the_command_says_it_in_one_line_and_its_help_still_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "digitcam.toml").write_text("colour = true")
    assert main(["run", "demo"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0


MQTT = '[mqtt]\nhost = "broker.local"\n'


def test_a_table_of_an_option_is_one_value_and_the_later_file_replaces_it(parsed):
    assert parsed("run", system=MQTT).mqtt.host == parsed("serve", system=MQTT).mqtt.host == "broker.local"
    both = parsed("run", system=MQTT + "tls = true", user='[mqtt]\nhost = "other"').mqtt
    assert (both.host, both.tls, both.port) == ("other", False, 1883)
    assert parsed("run", system='[run.mqtt]\nhost = "mine"', user="").mqtt.host == "mine"
    assert parsed("run", system=MQTT + '[run.mqtt]\nhost = "mine"').mqtt.host == "mine"
    assert parsed("run").mqtt is None
    assert not hasattr(parsed("bench", system=MQTT), "mqtt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('mqtt = "mqtt://me:secret@broker"', r"expected a table headed \[mqtt\] .*, found a text$"),
        ("[[mqtt]]\nhost = 'a'", r"expected a table headed \[mqtt\] .*, found \[\{'host': 'a'\}\]"),
        ("[mqtt]\nhots = 'a'", r"digitcam\.toml: \[mqtt\] hots: unknown key; the nearest known one is host"),
        ("[mqtt]\nhost = 'a'\npassword = 'secret'", r"\[mqtt\] password: expected no secret in settings"),
        ("[mqtt]\nhost = 'mqtt://me:secret@broker'", r"\[mqtt\] host: .* found a URL"),
    ],
)
def test_a_table_that_makes_no_sense_is_told_without_what_may_be_secret(parsed, text, message):
    with pytest.raises(UsageError, match=message) as told:
        parsed("run", user=text)
    assert "secret@" not in str(told.value) and "'secret'" not in str(told.value)


def test_a_table_of_an_option_cannot_stand_in_the_environment(parsed):
    with pytest.raises(UsageError, match=r"expected a table headed \[mqtt\] .* found a text"):
        parsed("run", DIGITCAM_MQTT="mqtt://me:secret@broker")
