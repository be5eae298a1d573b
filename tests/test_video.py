import errno
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from samples import THRESHOLDS, number, result_of

from edge.errors import OutputError
from edge.lines import to_reading
from edge.sinks.video import Video

av = pytest.importorskip("av")

READING = to_reading(number("407"), THRESHOLDS)


def results(times, size=(240, 320)):
    for frame_id, timestamp in enumerate(times):
        yield result_of(READING, frame_id=frame_id, timestamp=timestamp, image=np.full(size, 120, np.uint8))


def record(path, times, size=(240, 320)):
    with Video(path) as sink:
        for result in results(times, size):
            sink.write(result, [])


def pictures(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def test_a_video_holds_every_frame_at_its_time_with_its_readings_drawn(tmp_path):
    times = [100.0, 100.1, 100.2, 103.0, 103.1]
    record(tmp_path / "out.mp4", times)
    found = pictures(tmp_path / "out.mp4")
    assert [time for time, _ in found] == pytest.approx([t - 100 for t in times], abs=0.002)
    assert all(np.ptp(picture[..., 0].astype(int) - picture[..., 2]) > 40 for _, picture in found)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_without_a_frame_there_is_no_video(tmp_path):
    record(tmp_path / "out.mp4", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(239, 321), (120, 160)])
def test_odd_sizes_and_changed_sizes_are_recorded(tmp_path, size):
    with Video(tmp_path / "out.mp4") as sink:
        for result in [*results([0.0, 0.1], size), *results([0.2, 0.3])]:
            sink.write(result, [])
    shapes = {picture.shape for _, picture in pictures(tmp_path / "out.mp4")}
    assert shapes == {(size[0] // 2 * 2, size[1] // 2 * 2, 3)}


def test_the_video_has_its_name_only_when_it_is_whole(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"of yesterday")
    (tmp_path / "out.part.mp4").write_bytes(b"left by a power cut")
    with Video(tmp_path / "out.mp4") as sink:
        for result in results([0.0, 0.1]):
            sink.write(result, [])
        assert (tmp_path / "out.mp4").read_bytes() == b"of yesterday"
        assert (tmp_path / "out.part1.mp4").exists()
    assert len(pictures(tmp_path / "out.mp4")) == 2
    assert (tmp_path / "out.part.mp4").read_bytes() == b"left by a power cut"
    assert not (tmp_path / "out.part1.mp4").exists()


def test_after_a_power_cut_all_but_the_last_seconds_can_be_played(tmp_path):
    code = f"""
import os, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parent.parent)!r}]
from pathlib import Path
from test_video import Video, results
sink = Video(Path("out.mp4"))
for result in results([k / 10 for k in range(100)]):
    sink.write(result, [])
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert done.returncode == -9
    found = 0
    with av.open(str(tmp_path / "out.part.mp4")) as container, suppress(av.FFmpegError):
        for _ in container.decode(video=0):
            found += 1
    assert found > 60  # of 100 at 10 a second; some were still waiting to be encoded


def fail(sink):
    """From now on its disk is full."""
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, sink._recording._file.fileno())
    os.close(full)


def test_a_full_disk_is_said_and_what_was_written_is_kept(tmp_path):
    sink = Video(tmp_path / "out.mp4")
    fail(sink)
    with pytest.raises(OutputError, match=os.strerror(errno.ENOSPC)):
        for result in results(k / 10 for k in count()):
            sink.write(result, [])
    sink.close()
    assert not (tmp_path / "out.mp4").exists()
    assert sink.summary() == ""


def test_a_recording_that_failed_is_begun_anew(tmp_path):
    sink = Video(tmp_path / "out.mp4")
    for result in results(k / 10 for k in range(30)):
        sink.write(result, [])
    fail(sink)
    with pytest.raises(OutputError):
        for result in results(3 + k / 10 for k in count()):
            sink.write(result, [])
    for result in results(k / 10 for k in range(7)):
        sink.write(result, [])
    sink.close()
    assert len(pictures(tmp_path / "out.mp4")) == 7
    assert (tmp_path / "out.part.mp4").stat().st_size > 0
    assert sink.summary().startswith("recorded 7 frames as ")


def test_a_recording_is_not_begun_anew_on_a_disk_that_is_full(tmp_path, monkeypatch):
    sink = Video(tmp_path / "out.mp4")
    fail(sink)
    with pytest.raises(OutputError):
        for result in results(k / 10 for k in count()):
            sink.write(result, [])
    left = sorted(tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 0))
    for result in results([0.0, 0.1]):
        with pytest.raises(OutputError, match="MB are free"):
            sink.write(result, [])
    assert sorted(tmp_path.iterdir()) == left


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        Video(tmp_path / "file" / "out.mp4")
