"""`open_source`, pictures and pictures on standard input."""

import io
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.errors import CameraNotFoundError, ImageError, SourceError, UsageError
from edge.sources import KINDS, find_source, open_source
from edge.sources.images import ImageStream, split_pictures


def save(path, grey=200, size=(12, 8)):
    path.parent.mkdir(exist_ok=True)
    Image.new("L", size, grey).save(path)
    return path


def encoded(grey, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(grey).integers(0, 255, (40, 40), np.uint8)).save(
        buffer, kind, **options
    )
    return buffer.getvalue()


def names(source):
    return [frame.source.rpartition("/")[2] for frame in source]


def test_an_image_file_is_one_frame(tmp_path):
    path = save(tmp_path / "one.png", 130)
    with open_source(str(path)) as source:
        (frame,) = source
    assert (frame.image == 130).all()
    assert frame.size == (12, 8)
    assert (frame.frame_id, frame.source) == (0, str(path))
    assert frame.capture_ms > 0
    assert not source.live
    assert not source.continuous
    assert source.dropped == 0


def test_a_folder_gives_its_pictures_as_people_count(tmp_path):
    for name in ("page10.png", "page2.PNG", "Page1.jpg", "b.gif", ".hidden.png"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    assert names(open_source(tmp_path)) == ["b.gif", "Page1.jpg", "page2.PNG", "page10.png"]


def test_a_glob_gives_what_matches(tmp_path):
    for name in ("a10.png", "a9.png", "b1.png"):
        save(tmp_path / name)
    save(tmp_path / "deep" / "a1.png")
    assert names(open_source(f"{tmp_path}/a*.png")) == ["a9.png", "a10.png"]
    assert names(open_source(f"{tmp_path}/**/a?.png")) == ["a9.png", "a1.png"]


def test_a_file_with_a_glob_in_its_name_is_that_file(tmp_path):
    save(tmp_path / "scan[1].png")
    assert names(open_source(tmp_path / "scan[1].png")) == ["scan[1].png"]


def test_a_picture_is_known_by_its_content_not_its_name(tmp_path):
    path = save(tmp_path / "one.png").rename(tmp_path / "no_suffix")
    assert len(list(open_source(path))) == 1


def test_a_bad_picture_is_told_and_the_others_follow(tmp_path):
    save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    save(tmp_path / "3.png")
    errors = []
    frames = list(open_source(tmp_path, on_error=errors.append))
    assert [frame.frame_id for frame in frames] == [0, 2]
    (error,) = errors
    assert isinstance(error, ImageError)
    assert "2.png" in str(error)


def test_without_anyone_to_tell_a_bad_picture_is_raised(tmp_path):
    (tmp_path / "1.png").write_bytes(b"nothing")
    save(tmp_path / "2.png")
    with pytest.raises(ImageError, match=r"1\.png"):
        list(open_source(tmp_path))


def test_a_closed_source_gives_no_more(tmp_path):
    for k in range(3):
        save(tmp_path / f"{k}.png")
    source = open_source(tmp_path)
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("missing.png", SourceError, "no such file or folder: missing.png"),
        ("no/such/folder", SourceError, "no such file or folder: no/such/folder"),
        ("*.nothing", SourceError, "no file matches"),
        ("webcam", UsageError, "unknown source 'webcam': expected"),
        ("", UsageError, "unknown source '': expected"),
        ("ftp://host/a.mp4", UsageError, "unknown source 'ftp://host'"),
        ("picamera:one", UsageError, "expected picamera or picamera:N"),
        ("/dev/video97", CameraNotFoundError, "no camera at /dev/video97"),
        ("97", CameraNotFoundError, "no camera at /dev/video97"),
        ("/dev/v4l/by-id/usb-none", CameraNotFoundError, "no camera at /dev/v4l/by-id/usb-none"),
    ],
)
def test_what_cannot_be_opened_is_named(text, kind, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind) as caught:
        open_source(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_source_is_told_all_kinds():
    with pytest.raises(UsageError) as caught:
        open_source("webcam")
    assert all(kind in str(caught.value) for kind in KINDS)


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match="holds no pictures"):
        open_source(tmp_path)


def test_a_text_file_is_told_from_a_picture(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("# no picture")
    with pytest.raises(ImageError, match=r"README\.md is no picture that can be read"):
        list(open_source(path))


def test_a_file_that_goes_away_is_named(tmp_path):
    path = save(tmp_path / "gone.png")
    source = open_source(path)
    path.unlink()
    with pytest.raises(ImageError, match=r"cannot read .*gone\.png: No such file"):
        list(source)


def stream(data):
    return io.BufferedReader(io.BytesIO(data))


STILLS = [
    encoded(1, "JPEG"),
    encoded(2, "PNG"),
    encoded(3, "JPEG", progressive=True),
    encoded(4, "JPEG", exif=b"Exif\0\0" + encoded(9, "JPEG")),  # a thumbnail inside
    encoded(5, "JPEG", restart_marker_blocks=2),
    encoded(6, "PNG"),
]


@pytest.mark.parametrize("between", [b"", b"\n", b"\0" * 5000], ids=["nothing", "a line", "a trailer"])
def test_a_stream_is_cut_into_its_pictures(between):
    assert list(split_pictures(stream(between.join(STILLS) + between))) == STILLS


def test_a_picture_is_given_when_its_last_byte_is_there():
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "wb", buffering=0) as writer:
        pictures = split_pictures(reader)
        for still in STILLS:
            writer.write(still)
            assert next(pictures) == still  # the pipe is still open: a reader that wants more would hang


def test_a_stream_of_another_kind_is_one_picture():
    data = encoded(1, "WEBP", lossless=True)
    (frame,) = ImageStream(stream(data))
    assert frame.size == (40, 40)


def test_a_picture_cut_off_in_the_stream_does_not_take_the_next_along():
    errors = []
    data = STILLS[0][:-100] + STILLS[2] + STILLS[1] + STILLS[5][:-30]
    frames = list(ImageStream(stream(data), on_error=errors.append))
    assert [frame.frame_id for frame in frames] == [1, 2]
    assert ["picture 1 " in str(errors[0]), "picture 4 " in str(errors[1])] == [True, True]


def test_an_empty_stream_is_an_error():
    with pytest.raises(SourceError, match="standard input is empty"):
        list(ImageStream(stream(b"")))


def test_standard_input_is_a_source():
    code = "from edge.sources import open_source; print([f.size for f in open_source('-')])"
    done = subprocess.run(
        [sys.executable, "-c", code], input=STILLS[0] + STILLS[1], capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "[(40, 40), (40, 40)]"


def test_importing_the_sources_does_not_import_cameras_or_make_threads():
    code = (
        "import sys, threading; before = threading.active_count(); import edge.sources;"
        "assert threading.active_count() == before;"
        "late = {'picamera2', 'edge.sources.capture', 'edge.sources.demo', 'edge.sources.supervised'};"
        "assert not late & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_process_that_reads_a_camera_imports_little():
    code = (
        "import sys, edge.sources.child;"
        "print({'cv2', 'rich', 'ai_edge_litert', 'tflite_runtime', 'edge.reader'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.skipif(
    find_spec("picamera2") is not None or Path("/dev/video0").exists(), reason="this machine has a camera"
)
def test_where_there_is_no_camera_the_simulated_one_is_found():
    assert find_source() == "demo"
