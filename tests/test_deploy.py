"""What is installed on a board."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.commands import VERBS, understand
from edge.outputs import SERVICE_HISTORY, outputs_of

DEPLOY = Path(__file__).parent.parent / "deploy"


@pytest.fixture(scope="module")
def service():
    """The section of the unit that says how it runs."""
    unit = configparser.RawConfigParser(strict=False)  # some keys come more than once
    unit.optionxform = str
    unit.read(DEPLOY / "digitcam.service")
    return unit["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_service_is_hardened():
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", DEPLOY / "digitcam.service"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_runs_a_command_that_there_is(service):
    command, *arguments = service["ExecStart"].split()
    assert command == "/opt/digitcam/bin/digitcam"
    assert arguments[0] in {verb.name for verb in VERBS}
    understand(arguments, {}, Path("/nowhere"))


def test_the_service_can_serve_the_page_with_the_same_safeguards(service, tmp_path):
    dropin = configparser.RawConfigParser(strict=False)
    dropin.optionxform = str
    dropin.read(DEPLOY / "serve.conf")
    command, *arguments = dropin["Service"]["ExecStart"].split()
    assert command == service["ExecStart"].split()[0]
    verb, _ = understand(arguments, {}, Path("/nowhere"))
    assert verb.name == "serve"
    # What edge.isolated and edge.server.reading ask of the system, and the unit forbids.
    assert {"setrlimit", "prlimit64", "setpriority"} <= set(dropin["Service"]["SystemCallFilter"].split())
    # Other settings stay as they are.
    assert set(dropin["Service"]) == {"ExecStart", "Environment", "SystemCallFilter", "MemoryMax"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_service_is_hardened_while_it_serves_too(tmp_path):
    (tmp_path / "digitcam.service.d").mkdir()
    shutil.copy(DEPLOY / "digitcam.service", tmp_path)
    shutil.copy(DEPLOY / "serve.conf", tmp_path / "digitcam.service.d")
    unit = tmp_path / "digitcam.service"
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=22", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_keeps_a_history_where_digitcam_history_looks_for_it(service, monkeypatch):
    folder = f"/var/lib/{service['StateDirectory']}"  # as systemd sets it
    monkeypatch.setenv("STATE_DIRECTORY", folder)
    for verb in ("run", "serve"):
        _, args = understand([verb], {}, DEPLOY / "digitcam.toml")
        outputs = outputs_of(args)
        assert outputs.store == SERVICE_HISTORY
        assert outputs.history is not None


def test_the_watchdog_bites_before_the_stop_is_forced(service):
    assert service["Type"] == "notify"
    assert 5 <= int(service["WatchdogSec"]) <= 60
    assert int(service["TimeoutStopSec"]) >= 2


@pytest.mark.parametrize("suggested", [False, True], ids=["as installed", "with all that it suggests"])
def test_the_settings_file_is_understood(suggested, tmp_path):
    text = (DEPLOY / "digitcam.toml").read_text(encoding="utf-8")
    if suggested:
        text = re.sub(r"^#(?=\S+ = |\[)", "", text, flags=re.MULTILINE)
    (tmp_path / "digitcam.toml").write_text(text, encoding="utf-8")
    _, args = understand(["run"], {}, tmp_path / "digitcam.toml")
    assert args.source == "picamera"
    assert args.json is suggested
    _, args = understand(["serve"], {}, tmp_path / "digitcam.toml")
    assert (args.source, args.host) == ("picamera", "0.0.0.0")
    assert args.json is suggested


def test_a_camera_module_where_there_is_none_is_refused_with_the_cure(tmp_path):
    """As on a laptop: no picamera2, and apt does not know it."""
    for name, does in (
        ("python3", "exit 1"),
        ("apt-cache", "exit 100"),
        ("apt-get", "echo apt was asked; exit 100"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    script = (DEPLOY / "make-venv.sh").read_text(encoding="utf-8").replace("/usr/bin/python3", "python3")
    done = subprocess.run(
        ["sh", "-s", tmp_path / "venv", "", "picamera"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "make run SOURCE=0" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_the_service_s_environment_is_never_made_of_another_python_that_comes_first(service):
    """pyenv's is in a home, which the service cannot see."""
    assert service["ProtectHome"] == "yes"
    script = (DEPLOY / "install.sh").read_text(encoding="utf-8")
    assert re.search(r"^ *PYTHON=/usr/bin/python3 .*sh deploy/make-venv\.sh", script, flags=re.MULTILINE)


def test_the_install_script_refuses_what_it_does_not_know():
    done = subprocess.run(
        ["sh", DEPLOY / "install.sh", "--everything"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
