import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from samples import written

from edge.cli import main


def cli(*args, **options):
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, "-m", "edge", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), written("407"))
    return path


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(12):
        writer.write(cv2.cvtColor(written("25"), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_a_photo_is_read_as_a_table(photo, capsys):
    assert main(["read", str(photo)]) == 0
    assert capsys.readouterr().out == f"{photo}  407\n"


def test_a_photo_is_read_as_schema_1(photo, capsys):
    assert main(["read", "--json", str(photo)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schema"], result["source"], result["image_size"]) == (1, str(photo), [320, 240])
    (reading,) = result["readings"]
    assert (reading["text"], reading["status"], reading["track_id"]) == ("407", "accepted", None)


def test_the_others_are_read_when_one_is_bad(photo, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    assert main(["read", str(tmp_path / "missing.png"), str(tmp_path / "bad.jpg"), str(photo)]) == 2
    out, err = capsys.readouterr()
    assert out.split() == [str(photo), "407"]
    first, second = err.splitlines()
    assert first.startswith("digitcam: error: ")
    assert "missing.png" in first
    assert "bad.jpg" in second


def test_a_folder_is_read_with_its_bad_files_named(photo, tmp_path, capsys):
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:200])
    assert main(["read", "--json", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["source"] for line in out.splitlines()] == [str(photo)]
    assert "cut.png" in err


def test_annotated_pictures_are_written_beside_each_other(photo, tmp_path):
    (tmp_path / "other").mkdir()
    cv2.imwrite(str(tmp_path / "other" / "photo.png"), written("8"))
    out = tmp_path / "out"
    assert main(["read", "--annotate", str(out), str(photo), str(tmp_path / "other" / "photo.png")]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["photo-read-1.png", "photo-read.png"]
    drawn = cv2.imread(str(out / "photo-read.png"))
    assert drawn.shape == (240, 320, 3)
    assert (drawn[..., 0] != drawn[..., 1]).any()


def test_an_annotated_picture_is_never_written_over_the_picture_itself(photo):
    before = photo.read_bytes()
    assert main(["read", "--annotate", str(photo.parent), str(photo)]) == 0
    assert photo.read_bytes() == before
    assert (photo.parent / "photo-read.png").exists()


def test_pictures_come_from_standard_input(photo):
    data = photo.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "edge", "read", "--json", "-"],
        input=data + data,
        capture_output=True,
        check=True,
    )
    assert [json.loads(line)["frame_id"] for line in done.stdout.splitlines()] == [0, 1]


def test_a_video_is_followed_from_frame_to_frame(video, capsys):
    assert main(["run", "--json", str(video)]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["reading"]["text"]) for event in events] == [
        ("appeared", "25"),
        ("accepted", "25"),
        ("gone", "25"),
    ]


def make_video(path, picture, frames=12, fps=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, picture.shape[::-1])
    for _ in range(frames):
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_what_was_in_one_video_is_not_taken_into_the_next(tmp_path, capsys):
    first = make_video(tmp_path / "a.avi", written("4075"))
    second = make_video(tmp_path / "b.avi", written("12"))
    assert main(["read", str(first), str(second)]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(second))]
    assert {row.rpartition("  ")[2] for row in rows} == {"12 (uncertain)", "12"}


def test_an_uncertain_number_is_never_shown_like_a_certain_one(tmp_path, capsys):
    video = str(make_video(tmp_path / "a.avi", written("4075")))
    assert main(["read", video]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert main(["read", "--json", video]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.endswith("4075 (uncertain)") for row in rows] == [
        [reading["status"] for reading in result["readings"]] == ["uncertain"] for result in results
    ]
    assert rows[0].endswith("4075 (uncertain)")
    assert rows[-1].endswith(" 4075")


def test_every_frame_gives_an_object_for_each_frame(video, capsys):
    assert main(["run", "--json", "--every-frame", "--frames", "5", str(video)]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["frame_id"] for result in results] == [0, 1, 2, 3, 4]
    assert {reading["track_id"] for result in results for reading in result["readings"]} == {1}


def test_a_video_that_is_cut_off_is_read_up_to_there(video, capsys):
    data = video.read_bytes()
    video.write_bytes(data[: int(len(data) * 0.6)])
    assert main(["run", str(video)]) == 2
    out, err = capsys.readouterr()
    assert "25" in out
    assert re.search(r"error: .*clip.avi ends early", err)


def test_a_live_run_sums_up_and_saves_a_picture(tmp_path, capsys):
    saved = tmp_path / "page.png"
    assert main(["run", "demo", "--frames", "20", "--save", str(saved)]) == 0
    err = capsys.readouterr().err
    assert re.search(
        r"20 frames in [\d.]+ s, \d+ dropped.*; .* \(p50\), .* \(p90\); \d+ numbers accepted", err
    )
    assert f"saved {saved}" in err
    assert cv2.imread(str(saved)).shape == (480, 640, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_from_outside_is_orderly(number, tmp_path):
    saved, recorded = tmp_path / "page.png", tmp_path / "out.mp4"
    command = [sys.executable, "-m", "edge", "run", "demo", "--save", saved, "--record", recorded]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever starts the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            process.stdout.readline()  # a number was accepted
            process.send_signal(number)
            started = time.monotonic()
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert time.monotonic() - started < 2
    assert "numbers accepted" in err
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == [recorded, saved]


def test_a_camera_that_goes_is_said_and_does_not_end_the_run(tmp_path):
    fault = tmp_path / "fault"
    command = [sys.executable, "-m", "edge", "run", "--json", "--every-frame", f"faulty:{fault}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        try:
            process.stdout.readline()  # it reads
            fault.write_text("gone")
            assert any("went away" in line for line in process.stderr)
            assert any("is gone" in line for line in process.stderr)
            fault.unlink()
            assert any("is back after" in line for line in process.stderr)
            fault.write_text("gone")
            assert any("went away" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert time.monotonic() - started < 2
    assert process.returncode == 0
    assert "numbers accepted" in err


def test_a_source_is_asked_for_what_the_options_say(capsys):
    options = ["--size", "320x240", "--fps", "5", "--seed", "3", "--no-realtime"]
    assert main(["run", "demo", "--json", "--every-frame", "--frames", "3", *options]) == 0
    frames = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {tuple(frame["image_size"]) for frame in frames} == {(320, 240)}
    assert [frame["frame_id"] for frame in frames] == [0, 1, 2]


@pytest.mark.parametrize(("kind", "live"), [("xterm", True), ("dumb", False)])
def test_a_terminal_shows_a_live_view_when_it_can(kind, live):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "demo", "--frames", "12"],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": kind},
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # how Linux says that the other side of a terminal is closed
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    assert (b"frames/s" in shown, b"\x1b[" in shown) == (live, live)
    assert b"accepted" in shown


def test_a_reader_that_has_seen_enough_is_no_error(photo):
    out, into = os.pipe()
    os.close(out)
    with os.fdopen(into, "wb") as pipe:
        command = [sys.executable, "-m", "edge", "read", *[str(photo)] * 3]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "verb", [["run", "demo", "--json"], ["run", "demo"], ["doctor", "demo"], ["model", "show"]]
)
def test_a_full_disk_behind_standard_output_is_one_line_and_exit_code_1(verb):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edge", *verb], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "nonsense"], "unknown source 'nonsense'"),
        (["run", "demo", "--every-frame"], "--every-frame goes with --json"),
        (["run", "demo", "--frames", "0"], "expected a number of 1 or more, found '0'"),
        (["run", "demo", "--seconds", "-1"], "expected seconds, more than 0, found '-1'"),
        (["run", "demo", "--save", "x.gif"], r"expected a name that ends in .png"),
        (["run", "demo", "--size", "640"], "expected width and height such as 640x480, found '640'"),
        (["run", "demo", "--fps", "0"], "expected more than 0 and at most 1000 frames per second, found 0"),
        (
            ["run", "demo", "--size", "9999x9999"],
            "expected 160 x 120 to 1920 x 1080 pixels, .* found 9999 x 9999",
        ),
        (["run", "demo", "--size", "20000x20"], "expected a size of 16 x 16 to 10000 x 10000 pixels"),
        (["run", "demo", "--rotation", "45"], "invalid choice: 45"),
        (["run", "faulty:."], "faulty"),
        (["run", "/dev/video77"], "no camera at /dev/video77"),
        (["read", "demo", "--model", "nowhere.tflite"], "cannot read the model nowhere.tflite"),
        (["model", "verify", __file__], "not a TensorFlow Lite model"),
        (["fly"], "invalid choice"),
        ([], "required: VERB"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(args, message):
    done = cli(*args)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_picture_that_cannot_be_saved_is_exit_code_1(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = cli("run", "demo", "--frames", "2", "--save", tmp_path / "file" / "page.png")
    assert done.returncode == 1
    assert "cannot write" in done.stderr


def test_one_picture_is_taken_of_a_live_source(capsys):
    assert main(["read", "--json", "demo"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["source"] == "demo"


def test_the_model_is_shown_and_verified(capsys):
    assert main(["model", "show"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["labels"] == list("0123456789")
    assert main(["model", "verify"]) == 0
    assert re.search(
        r"gives its \d+ known answers on (ai-edge-litert|tflite-runtime) \d", capsys.readouterr().out
    )


def test_a_picture_of_16_bits_is_read(capsys, tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), written("407").astype(np.uint16) * 257)
    assert main(["read", str(path)]) == 0
    assert capsys.readouterr().out.split()[1] == "407"
