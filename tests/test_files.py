import os
import resource
import stat
import subprocess
import sys

import pytest

from edge.errors import OutputError
from edge.files import write_whole


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
from edge.files import write_whole
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
