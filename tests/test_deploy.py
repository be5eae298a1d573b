"""What is installed on a board."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.commands import VERBS, understand

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


def test_the_watchdog_bites_before_the_stop_is_forced(service):
    assert service["Type"] == "notify"
    assert 5 <= int(service["WatchdogSec"]) <= 60
    assert int(service["TimeoutStopSec"]) >= 2


@pytest.mark.parametrize("suggested", [False, True], ids=["as installed", "with all that it suggests"])
def test_the_settings_file_is_understood(suggested, tmp_path):
    text = (DEPLOY / "digitcam.toml").read_text(encoding="utf-8")
    if suggested:
        text = re.sub(r"^#(?=\S+ = )", "", text, flags=re.MULTILINE)
    (tmp_path / "digitcam.toml").write_text(text, encoding="utf-8")
    _, args = understand(["run"], {}, tmp_path / "digitcam.toml")
    assert args.source == "picamera"
    assert args.json is suggested


def test_the_install_script_refuses_what_it_does_not_know():
    done = subprocess.run(
        ["sh", DEPLOY / "install.sh", "--everything"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
