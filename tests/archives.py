"""Archives for tests: small pictures of a number, and what comes out."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
from samples import written

ROOT = Path(__file__).parent.parent


def pictures(folder, count, *, first=100):
    """Write pictures of the numbers from `first` on; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{first + k}.jpg" for k in range(count)]
    for path in paths:
        cv2.imwrite(str(path), written(path.stem))
    return paths


def command(*args):
    """The command line, in a Python of its own."""
    return [sys.executable, "-m", "edge", "read", *map(str, args)]


def environment():
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def read(*args, cwd):
    """Run `digitcam read` to its end."""
    return subprocess.run(
        command(*args), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=300
    )


def said(text):
    """The lines on standard error, without those on the progress, which come with time."""
    return [
        line for line in text.splitlines() if not re.match(r"digitcam: [\d,]+ of (at least )?[\d,]+ ", line)
    ]


def start(*args, cwd):
    """Start `digitcam read`, as a terminal does, in a process group of its own."""
    return subprocess.Popen(
        command(*args), cwd=cwd, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def rows(out):
    """All rows of an output of JSON lines, as they stand in its parts."""
    parts = sorted(out.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]


def plain(row):
    """A row without what is another on another day."""
    return {name: value for name, value in row.items() if name != "read_ms"}


def sources(out):
    """The pictures of an output, one entry for each that has a first row."""
    return sorted(row["source"] for row in rows(out) if row["number"] in (None, 1))


def manifest(out):
    return json.loads((out / "_manifest.json").read_text(encoding="utf-8"))
