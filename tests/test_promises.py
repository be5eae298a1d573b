"""What the documents promise."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edge.commands import VERBS
from edge.track import TrackerOptions

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        (verb.name, f"--{option.name}")
        for verb in VERBS
        for option in verb.typed
        if not option.kind.startswith("argument")
    ],
)
def test_every_option_is_in_the_documents(verb, option):
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (own,) = (part for part in section if part.startswith(f"`digitcam {verb} "))
    (shared,) = (part for part in section if part.startswith("Sources"))
    assert f"`{option}" in own + shared


def test_the_documents_tell_when_a_number_is_accepted():
    text = " ".join((ROOT / "docs" / "command-line.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"frames agree on it for ([\d.]+) seconds, and at least (\d+) frames\. "
        r"If one of its digits has a confidence below (\d+) %, "
        r"they must agree for (\d+) second, and at least (\d+) frames",
        text,
    )
    options = TrackerOptions()
    assert [float(number) for number in told.groups()] == [
        *(options.confirm.seconds, options.confirm.frames),
        100 * options.sure,
        *(options.confirm_doubtful.seconds, options.confirm_doubtful.frames),
    ]


def test_importing_edge_leaves_tensorflow_and_training_alone():
    code = (
        "import sys, edge.commands; print({'tensorflow', 'keras', 'training', 'convert'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_importing_edge_starts_and_sets_nothing():
    code = """
import os, threading
import cv2  # sets environment variables of its own
before = dict(os.environ), threading.active_count()
import edge, edge.commands
assert (dict(os.environ), threading.active_count()) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONWARNINGS": "error"})


def test_the_changelog_and_the_version_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"digitcam {version}"
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", log, flags=re.MULTILINE)[0]
    assert newest == version


def test_links_in_the_documents_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
