"""Video files, and live sources without a camera."""

import itertools
import os
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from network_camera import mjpeg_server

from edge.errors import SourceError
from edge.sources import SourceOptions, open_source
from edge.sources.containers import promised_bytes

FRAMES = 12
FPS = 25


def numbered(k):
    """A frame whose mean grey says its number; grainy, so that it has some bytes."""
    grain = np.random.default_rng(0).integers(-8, 9, (192, 256, 3))
    return (20 * k + 10 + grain).astype(np.uint8)


def number_of(frame):
    return round((float(frame.image.mean()) - 10) / 20)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """The same twelve frames in each kind of file that OpenCV's wheel writes."""
    folder = tmp_path_factory.mktemp("videos")
    for name, codec in (("a.avi", "MJPG"), ("a.mkv", "MJPG"), ("a.mp4", "mp4v")):
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter.fourcc(*codec), FPS, (256, 192))
        assert writer.isOpened()
        for k in range(FRAMES):
            writer.write(numbered(k))
        writer.release()
    return folder


def cut(path, share, folder):
    data = path.read_bytes()
    short = folder / f"cut{path.suffix}"
    short.write_bytes(data[: int(len(data) * share)])
    return short


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mp4"])
def test_a_video_gives_every_frame_in_its_own_time(videos, name):
    with open_source(videos / name) as source:
        frames = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.005)  # late, and yet nothing is dropped
    assert [number_of(frame) for frame in frames] == list(range(FRAMES))
    assert [frame.frame_id for frame in frames] == list(range(FRAMES))
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 1 / FPS)
    assert source.dropped == 0
    assert source.continuous
    assert not source.live


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_a_video_that_is_cut_off_gives_its_whole_frames_then_an_error(videos, name, share, tmp_path):
    frames = []
    with pytest.raises(SourceError, match="ends early") as caught:
        for frame in open_source(cut(videos / name, share, tmp_path)):
            frames.append(frame)  # noqa: PERF402
    assert 2 <= len(frames) <= FRAMES
    assert [number_of(frame) for frame in frames] == list(range(len(frames)))
    for frame in frames:  # none is half there
        assert abs(frame.image[:20].mean() - frame.image[-20:].mean()) < 3
    assert f"{len(frames)} " in str(caught.value)


def test_a_video_cut_before_its_index_cannot_be_opened(videos, tmp_path):
    with pytest.raises(SourceError, match="video that is cut off"):
        open_source(cut(videos / "a.mp4", 0.8, tmp_path))


def test_opencv_and_ffmpeg_are_silent_about_what_goes_wrong(videos, tmp_path):
    for name in ("a.avi", "a.mkv", "a.mp4"):
        cut(videos / name, 0.7, tmp_path)
    (tmp_path / "fake.avi").write_bytes(b"this is no video" * 50)
    code = """
import sys
from edge.errors import SourceError
from edge.sources import open_source
for text in sys.argv[1:]:
    try:
        for _ in open_source(text): pass
    except SourceError as error:
        print(error)
"""
    bad = [*sorted(tmp_path.iterdir()), "http://127.0.0.1:9/stream"]
    # A process of its own: FFmpeg is told how much to say when it is first used.
    done = subprocess.run([sys.executable, "-c", code, *bad], capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == len(bad)
    assert done.stderr == b""


def test_a_video_that_is_none_is_named(tmp_path):
    path = tmp_path / "fake.mp4"
    path.write_bytes(b"this is no video" * 50)
    with pytest.raises(
        SourceError, match=r"cannot read .*fake\.mp4: expected a picture or a video, found 800 bytes"
    ):
        open_source(path)


def test_a_video_that_is_closed_ends(videos):
    source = open_source(videos / "a.avi")
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


def test_opening_leaves_the_environment_as_it_was(videos):
    before = dict(os.environ)
    with open_source(videos / "a.avi"):
        assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mp4"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_promises_the_bytes_that_it_has(videos, name, share, tmp_path):
    whole = videos / name
    size = whole.stat().st_size
    assert promised_bytes(whole) == size
    short = cut(whole, share, tmp_path)
    assert promised_bytes(short) > short.stat().st_size or short.stat().st_size < 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\0\0\0\0AVI ",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\xff",
        b"mpeg",
        b"\0" * 64,
    ],
    ids=["empty", "unfinished AVI", "EBML only", "live WebM", "other", "zeros"],
)
def test_a_file_that_promises_nothing_is_not_called_short(data, tmp_path):
    path = tmp_path / "video"
    path.write_bytes(data)
    assert promised_bytes(path) <= len(data)


def test_a_network_camera_is_live_and_its_drops_are_counted():
    def pictures():
        return (numbered(k % FRAMES) for k in itertools.count())

    begun = time.monotonic()
    with mjpeg_server(pictures) as address, open_source(address) as source:
        seen = []
        for frame in itertools.islice(source, 20):
            seen.append(frame.frame_id)
            assert begun <= frame.timestamp <= time.monotonic()
            time.sleep(0.05)  # slower than the camera
    assert source.live
    assert source.continuous
    assert seen == sorted(set(seen))
    assert source.dropped == seen[-1] + 1 - len(seen)
    assert source.drops["busy"] > 0


def test_a_network_camera_that_hangs_up_is_called_again():
    with mjpeg_server(lambda: map(numbered, range(1, FRAMES)), 0.03) as address:
        notices = []
        with open_source(address, on_notice=notices.append) as source:
            for _ in source:
                if source.restarts["ended"] == 2:
                    break
    assert "gives no more frames" in notices[0]
    assert "is back after" in notices[1]


def test_nothing_is_read_from_a_camera_that_is_frozen_for_good():
    with mjpeg_server(lambda: itertools.repeat(numbered(3))) as address, open_source(address) as source:

        def close_after_two_restarts():
            while source.restarts["frozen"] < 2:
                time.sleep(0.05)
            source.close()

        threading.Thread(target=close_after_two_restarts).start()
        assert len(list(source)) == 1


def test_a_password_in_an_address_is_not_shown():
    with mjpeg_server(lambda: map(numbered, range(FRAMES)), 0.03) as address, open_source(address) as source:
        frame = next(iter(source))
    assert (source.name, frame.source) == (f"http://127.0.0.1:{urlsplit(address).port}",) * 2
    with pytest.raises(SourceError) as caught:
        open_source("http://someone:secret@127.0.0.1:9/stream")
    assert "secret" not in str(caught.value)


def test_a_network_camera_that_is_not_there_is_named():
    with pytest.raises(SourceError, match="gives no video"):
        open_source("http://127.0.0.1:9/stream")


def test_a_video_in_its_own_time_takes_its_time(videos):
    with open_source(videos / "a.avi", SourceOptions(realtime=True)) as source:
        late = [time.monotonic() - frame.timestamp for frame in source]
    assert len(late) == FRAMES
    assert min(late) >= 0  # none comes before it is due
