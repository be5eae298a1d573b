"""The commands and the notebook of docs/archives.md, as they stand there."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from archives import environment, pictures, read
from PIL import Image
from samples import written

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive that the document speaks of, read by its first command."""
    folder = tmp_path_factory.mktemp("docs")
    pictures(folder / "archive" / "2020", 2)
    for day in (1, 2, 9):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2026:03:{day:02} 07:00:00"
        Image.fromarray(written(f"{400 + day}")).save(folder / "archive" / f"{day}.jpg", exif=exif)
    with zipfile.ZipFile(folder / "archive.zip", "w") as file:
        file.write(folder / "archive" / "1.jpg", "in/it.jpg")
    return folder


def run(line, folder):
    """Run a command as it stands in the document; one with & is started."""
    words = shlex.split(line.removesuffix("&"))
    here = Path(sys.executable).parent
    programs = {"digitcam": [sys.executable, "-m", "edge"], "dask": [str(here / "dask")]}
    call = [*programs[words[0]], *words[1:]]
    options = {"cwd": folder, "env": environment() | {"PYTHONWARNINGS": ""}}
    if line.endswith("&"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        return subprocess.Popen(call, **options, **quiet)
    return subprocess.run(call, capture_output=True, text=True, timeout=300, **options)


def commands(section):
    """The lines that are typed in a section."""
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^\$ (.*)$", text, flags=re.MULTILINE)


def test_every_command_is_in_a_section_that_is_tried():
    tried = ["Read an archive", "Stop, and go on", "Archives elsewhere", "A cluster"]
    assert sum(len(commands(section)) for section in tried) == sum(
        block.count("$ ") for block in blocks("console")
    )


def test_the_archive_is_read_and_the_notebook_draws_it(archive):
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    for section in ("Read an archive", "Stop, and go on"):
        for line in commands(section):
            done = run(line, archive)
            assert done.returncode == 0, done.stderr
    rows = pandas.read_parquet(archive / "readings.parquet")
    assert rows["source"].nunique() == 5
    code = "\n".join(blocks("python"))
    if importlib.util.find_spec("matplotlib") is None:
        code = code.replace("by_day.plot", "# by_day.plot")
    code += "\nprint('days', by_day.dropna().to_dict())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=archive,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2026-03-0" in done.stdout
    assert "Timestamp('2026-03-02 00:00:00'): 402.0" in done.stdout
    assert "accepted" in done.stdout


def test_an_archive_in_a_zip_file_is_read(archive):
    pytest.importorskip("fsspec")
    for line in commands("Archives elsewhere"):
        done = run(line, archive)
        assert done.returncode == 0, done.stderr
        assert "1 picture read into from-zip.parquet" in done.stderr


@pytest.mark.slow
def test_an_archive_is_read_on_a_cluster(archive):
    pytest.importorskip("distributed")
    if shutil.which("dask", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("needs the command dask")
    *machines, reading = commands("A cluster")
    started = []
    try:
        for line in machines:
            started.append(run(line, archive))
            time.sleep(0.1)
        done = run(reading, archive)
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)
    assert done.returncode == 0, done.stderr
    assert "5 pictures read into on-cluster.parquet" in done.stderr


def test_csv_is_read_as_the_document_says(archive):
    pandas = pytest.importorskip("pandas")
    done = read("archive/*.jpg", "--out", "readings.csv", "--workers", 1, cwd=archive)
    assert done.returncode == 0, done.stderr
    (code,) = re.findall(r"`(pd\.concat.*?)`", TEXT)
    here = Path.cwd()
    os.chdir(archive)
    try:
        rows = eval(code, {"pd": pandas, "Path": Path})
    finally:
        os.chdir(here)
    assert rows["source"].nunique() == 3
