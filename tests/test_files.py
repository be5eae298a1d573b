import os
import resource
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from edge.errors import OutputError
from edge.files import write_all, write_whole


def test_a_file_is_written_and_its_folder_made(tmp_path):
    path = write_whole(tmp_path / "new" / "a.txt", "zwölf")
    assert path.read_text(encoding="utf-8") == "zwölf"


def test_it_can_be_read_by_others_as_the_umask_says(tmp_path):
    old = os.umask(0o022)
    try:
        path = write_whole(tmp_path / "a", b"1")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_when_the_disk_is_full_the_old_file_stays_and_nothing_is_left(tmp_path):
    path = write_whole(tmp_path / "a", b"old")
    code = f"""
import resource, signal
from edge.files import write_all, write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as a full disk: write() fails
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_whole({str(path)!r}, b"x" * 5000)
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"OutputError: cannot write {path}" in done.stderr
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / "file" / "a", b"1")


def test_of_several_files_none_is_written_when_there_is_no_room_for_one(tmp_path):
    write_whole(tmp_path / "a", b"old")
    with pytest.raises(OutputError, match="cannot write .*file/b"):
        write_whole(tmp_path / "file", b"")
        write_all({tmp_path / "a": b"new", tmp_path / "file" / "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "file"]


def test_killed_at_any_moment_every_file_is_the_old_one_or_the_new(tmp_path):
    old, new = b"a" * 300_000, b"b" * 400_000
    names = [tmp_path / "card", tmp_path / "model"]
    write_all(dict.fromkeys(names, old))
    code = f"""
from pathlib import Path
from edge.files import write_all
print(flush=True)
while True:
    for content in (b"b" * 400_000, b"a" * 300_000):
        write_all(dict.fromkeys(map(Path, {[str(name) for name in names]}), content))
"""
    random = np.random.default_rng(0)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.1))
            process.kill()
        for name in names:
            assert name.read_bytes() in (old, new)
