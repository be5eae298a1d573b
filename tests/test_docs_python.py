"""The examples of docs/python.md run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from samples import written

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## ([^\n]+)|^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)

EXPECTED = {
    "letter.jpg": "407",
    "cv2.imread": "['407']",
    "SourceOptions(size": "<Reading ",
    "event.kind, event": "accepted",
    "class Csv": "",
    "class Blank": "<Result of paper, frame 2: no number>",
    "missing.jpg": "no such file or folder: missing.jpg",
}
"""What an example prints, by something that is in it."""


def examples() -> list[str]:
    return [code for _, code in EXAMPLES if code]


def test_every_example_is_known():
    assert len(examples()) == len(EXPECTED)


@pytest.mark.parametrize("code", examples(), ids=lambda code: code.splitlines()[-1].strip()[:40])
def test_an_example_runs_and_prints_what_it_should(code, tmp_path):
    cv2.imwrite(str(tmp_path / "letter.jpg"), written("407"))
    (expected,) = [printed for known, printed in reversed(EXPECTED.items()) if known in code][:1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert expected in done.stdout
    if "numbers.csv" in code:
        lines = (tmp_path / "numbers.csv").read_text(encoding="utf-8").splitlines()
        assert lines and all(re.fullmatch(r"\d+,0\.\d{3}|\d+,1\.000", line) for line in lines)
    if "letter-read.png" in code:
        assert cv2.imread(str(tmp_path / "letter-read.png")).shape == (240, 320, 3)


def test_all_that_is_public_is_on_the_page_or_in_the_vocabulary():
    import edge

    for name in edge.__all__:
        assert getattr(edge, name) is not None
        if name not in {"Box", "Classifier", "Digit", "Moment", "Prediction", "Tracker", "TrackerOptions"}:
            assert name in PAGE
