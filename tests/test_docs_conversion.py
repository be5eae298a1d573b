"""The pages about conversion do what they say: their code runs, block by block."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="needs Keras: pip install -e .[workstation]")

from convert.__main__ import _parser

pytestmark = [pytest.mark.workstation, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
PAGES = ("to-the-board.md", "own-model.md")


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and code of each block that a reader is to run, in order; `console` only shows."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```(sh|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_the_page_runs(page, data_dir, tmp_path):
    commands = Path(sys.executable).parent  # where `python` and `digitcam` of this environment are
    environment = {
        **os.environ,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # as in a checkout
        "DIGITCAM_DATA": str(data_dir),
    }
    found = blocks(page)
    assert len(found) >= 3
    for language, code in found:
        command = [sys.executable, "-c", code] if language == "python" else ["sh", "-e", "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


def test_every_option_of_the_conversion_is_in_the_documents():
    page = (ROOT / "docs" / "to-the-board.md").read_text(encoding="utf-8")
    table = page.partition("## Options of")[2]
    for action in _parser()._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in table, option
