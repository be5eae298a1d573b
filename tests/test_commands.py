import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from samples import written

from edge.commands import VERBS, main
from edge.page import PageNetwork

ROOT = Path(__file__).parent.parent


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
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
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
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
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
    "verb",
    [
        *(["run", "demo", "--json"], ["run", "demo"], ["doctor", "demo"], ["model", "show"]),
        *(["read", "demo"], ["--help"], ["--version"], ["read", "--help"]),
    ],
)
def test_a_full_disk_behind_standard_output_is_one_line_and_exit_code_1(verb):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edge", *verb], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "error: cannot write to standard output: No space left on device" in done.stderr
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
        (
            ["run", "demo", "--rotation", "45"],
            r"--rotation: expected a rotation of 0, 90, 180",
        ),
        (["run", "faulty:."], "faulty"),
        (["run", "/dev/video77"], "no camera at /dev/video77"),
        (["read", "demo", "--model", "nowhere.tflite"], "cannot read the model nowhere.tflite"),
        (["model", "verify", __file__], "not a TensorFlow Lite model"),
        (["fly"], "unknown verb 'fly': expected run, read, serve, "),
        (["raed", "a.jpg"], r"unknown verb 'raed': did you mean digitcam read\?"),
        ([__file__], r"expected a verb before '.*': did you mean digitcam read .*test_commands.py\?"),
        ([], "expected a verb: run, read, serve, "),
        (["model"], "expected digitcam model show or model verify"),
        (["model", "shwo"], "expected digitcam model show or model verify, found 'shwo'"),
        (["read"], r"required: FILE \(digitcam read --help tells more\)"),
        (["run", "demo", "--frame", "3"], r"digitcam run has no option --frame: did you mean --frames\?"),
        (["run", "demo", "--no-jsn"], r"digitcam run has no option --no-jsn: did you mean --no-json\?"),
        (["run", "demo", "--xyz"], "digitcam run has no option --xyz: digitcam run --help lists"),
        (["run", "demo", "other"], "unexpected 'other': digitcam run takes SOURCE"),
        (["run", "demo", "--fps", "fast"], "--fps: expected a number, found 'fast'"),
        (["serve", "--readers", "17"], "--readers: expected a number of 1 to 16, found '17'"),
        (["--verison"], "unrecognized arguments: --verison"),
        (["bench", "picamera"], "(libcamera|picamera2) is missing: sudo apt install|libcamera sees 0"),
    ],
)
def test_bad_usage_is_one_clear_line_and_exit_code_2(args, message):
    done = cli(*args)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_says_what_it_does(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*verb.name.split(), "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert verb.description in told
    assert all(option.name in told.lower() or option.metavar in told for option in verb.options)


@pytest.mark.parametrize(("words", "verbs"), [(["--help"], VERBS), (["model", "--help"], VERBS[-2:])])
def test_help_lists_the_verbs(words, verbs, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert [verb.name for verb in VERBS if f"  {verb.name} " in told] == [verb.name for verb in verbs]


@pytest.mark.parametrize(
    ("closed", "code", "message"),
    [
        ("1", 1, "cannot write to standard output: it is closed"),
        ("0", 2, "standard input is closed: expected encoded pictures"),
    ],
)
def test_a_stream_that_was_closed_is_one_line(closed, code, message):
    shell = f'"{sys.executable}" -m edge read - {closed}>&-'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_standard_error_results_are_only_results(photo):
    shell = f'"{sys.executable}" -m edge read "{photo}" --seed 3 2>&-'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{photo}  407\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--exposure-us", "5000"], "--exposure-us means nothing to {photo}"),
        (["--seed", "1", "--fps", "9"], "--fps and --seed mean nothing to {photo}"),
        (["--rotation", "180"], None),
        ([], None),
    ],
)
def test_an_option_that_a_source_does_not_take_is_told(photo, options, message, capsys):
    assert main(["read", str(photo), *options]) == 0
    said = capsys.readouterr().err
    assert said == (f"digitcam: {message.format(photo=photo)}\n" if message else "")


def test_settings_are_for_all_sources_and_not_worth_a_word(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "digitcam.toml").write_text("exposure-us = 5000")
    assert main(["read", str(photo)]) == 0
    assert capsys.readouterr().err == ""


def test_a_photo_that_was_held_upside_down_or_mirrored_is_put_right(tmp_path, capsys):
    for name, picture in (("down", written("407")[::-1, ::-1]), ("mirror", written("407")[:, ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    assert main(["read", "--rotation", "180", str(tmp_path / "down.png")]) == 0
    assert main(["read", "--mirror", str(tmp_path / "mirror.png")]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["407", "407"]


@pytest.mark.parametrize("options, more", [([], 1), (["--quick"], 0)], ids=["usually", "quick"])
def test_a_picture_gets_added_looks_unless_it_is_read_quickly(options, more, photo, monkeypatch, capsys):
    added, calls = PageNetwork.more, []

    def counted(self, *arguments, **named):
        calls.append(arguments)
        return added(self, *arguments, **named)

    monkeypatch.setattr(PageNetwork, "more", counted)
    assert main(["read", str(photo), *options]) == 0
    assert capsys.readouterr().out.split()[-1] == "407"
    assert len(calls) in (more, 2 * more)  # looked at on its head, too, where that is in doubt


@pytest.mark.parametrize(
    ("spoilt", "cure"),
    [
        (lambda picture: np.rot90(picture), "--rotation 90"),
        (lambda picture: np.rot90(picture, 2), None),  # it is read as it should stand
        (lambda picture: np.rot90(picture, 3), "--rotation 270"),
        (lambda picture: picture[:, ::-1], "--mirror"),
        (lambda picture: picture, None),
    ],
    ids=["on its left side", "upside down", "on its right side", "mirrored", "upright"],
)
def test_a_photo_that_is_the_wrong_way_round_gets_a_hint(spoilt, cure, real_dir, tmp_path, capsys):
    picture = cv2.imread(str(real_dir / "photos" / "aiano_src7.jpg"))
    cv2.imwrite(str(tmp_path / "held.png"), spoilt(picture))
    assert main(["read", str(tmp_path / "held.png")]) == 0
    said = capsys.readouterr().err
    assert said.endswith(f"would be with {cure}\n") if cure else said == ""


def test_a_page_of_words_gets_no_hint(real_dir, capsys):
    assert main(["read", str(real_dir / "negatives" / "words_hello1.jpg")]) == 0
    assert capsys.readouterr().err == ""


def test_a_video_is_turned_as_well(tmp_path, capsys):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(2):
        writer.write(cv2.cvtColor(np.ascontiguousarray(written("25")[::-1, ::-1]), cv2.COLOR_GRAY2BGR))
    writer.release()
    assert main(["run", "--json", "--every-frame", "--rotation", "180", str(path)]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["image_size"] for result in results] == [[320, 240]] * 2
    assert {reading["text"] for result in results for reading in result["readings"]} == {"25"}


def test_what_a_folder_holds_besides_pictures_is_told(photo, tmp_path, capsys):
    for name in ("notes.txt", "more.txt", "clip.mp4", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner").mkdir()
    photo.rename(tmp_path / "photo.jfif")
    assert main(["read", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out.split()[1] == "407"
    assert err == f"digitcam: {tmp_path}: left out 3 files (2 .txt, 1 .mp4) and 1 folder\n"


def test_pictures_of_kinds_that_are_not_read_are_errors_in_a_folder(photo, tmp_path, capsys):
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 and so on")
    assert main(["read", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out.split()[1] == "407"
    assert "phone.heic" in err and "scan.pdf" in err


def test_every_page_of_a_tiff_is_read(tmp_path, capsys):
    pages = [Image.fromarray(written(text)) for text in ("407", "25")]
    pages[0].save(tmp_path / "scan.tif", save_all=True, append_images=pages[1:])
    assert main(["read", str(tmp_path / "scan.tif")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [[f"{tmp_path}/scan.tif", "407"], [f"{tmp_path}/scan.tif#2", "25"]]
    with (tmp_path / "scan.tif").open("rb") as scan:
        done = subprocess.run(
            [sys.executable, "-m", "edge", "read", "-"],
            stdin=scan,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "-  407\n- #1  25\n"


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_of_an_animation_it_is_told_that_the_first_picture_is_read(kind, tmp_path, capsys):
    pictures = [Image.fromarray(written(text)) for text in ("407", "25", "8")]
    path = tmp_path / f"a.{kind}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    assert main(["read", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}  407\n"
    assert err.startswith(f"digitcam: {path}: an animation of 3 pictures, of which the first is read; ")


@pytest.mark.parametrize(
    ("verb", "package", "extra"),
    [(["serve", "demo"], "fastapi", "web"), (["run", "demo", "--record", "out.mp4"], "av", "video")],
)
def test_a_missing_package_is_exit_code_1_with_a_cure_that_works(verb, package, extra, tmp_path):
    code = f"import sys; sys.modules[{package!r}] = None; from edge.commands import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *verb],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert f"{sys.executable} -m pip install '.[{extra}]'" in done.stderr
    assert done.stderr.count("\n") == 1


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
    cards = json.loads(capsys.readouterr().out)
    assert cards["digits"]["labels"] == list("0123456789")
    assert cards["page"]["trained_with"] == cards["digits"]["id"]
    assert main(["model", "verify"]) == 0
    assert re.search(
        r"gives its \d+ known answers on (ai-edge-litert|tflite-runtime) \d", capsys.readouterr().out
    )


def test_a_command_ends_without_taking_its_modules_apart():
    """What is frozen is left out of the collection with which Python ends; it takes most of that time."""
    code = (  # what is registered first is called last
        "import atexit, gc; from edge.commands import main; "
        "atexit.register(lambda: print(gc.get_freeze_count())); main(['model', 'show'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) > 1000


def test_a_picture_of_16_bits_is_read(capsys, tmp_path):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), written("407").astype(np.uint16) * 257)
    assert main(["read", str(path)]) == 0
    assert capsys.readouterr().out.split()[1] == "407"
