"""What is kept of a run, and what comes out when it is read again."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from samples import result_of, written

from edge.commands import main
from edge.errors import ImageError, OutputError, SourceError, UsageError
from edge.recording import FACTS, MARK, Recording, decode_frame, encode_frame, load_recording, recordings
from edge.sinks.keep import KeepFrames, Limits
from edge.sources import SourceOptions, open_source
from edge.sources.replay import Replay
from edge.types import Frame, ModelName

WHEN = datetime(2026, 11, 29, 12, tzinfo=UTC)
RECORDING = Recording(
    "camera", True, WHEN, ModelName("digits", "ab"), ModelName("page", "cd"), {"fps": 30}, {"x": "1"}
)


def noise(seed, size=(60, 80)):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def keep(folder, pictures, recording=RECORDING, **options):
    """Keep these pictures, 0.1 s apart, and return the folder of the recording."""
    with KeepFrames(folder, recording, **options) as sink:
        for k, picture in enumerate(pictures):
            sink.write(result_of(frame_id=k, timestamp=k / 10, image=picture), [])
    return recordings(folder)[-1]


def names(folder):
    return sorted(path.name for path in folder.glob("*.png"))


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def start(*args, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "edge", *map(str, args)], stderr=subprocess.PIPE, **options
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_replay_is_the_run_bit_for_bit(options, tmp_path, capsys):
    run = ["run", "demo", "--no-realtime", "--frames", "90", "--keep-frames", str(tmp_path / "kept")]
    assert main([*run, *options]) == 0
    then = lines(capsys)
    assert len(then) > 5
    assert main(["replay", str(tmp_path / "kept"), *options]) == 0
    assert lines(capsys) == then


def test_every_frame_of_a_replay_is_the_same_but_for_its_speed(tmp_path, capsys):
    run = ["run", "demo", "--no-realtime", "--frames", "20", "--json", "--every-frame"]
    assert main([*run, "--keep-frames", str(tmp_path)]) == 0
    then = [json.loads(line) for line in lines(capsys)]
    assert main(["replay", str(tmp_path), "--json", "--every-frame"]) == 0
    now = [json.loads(line) for line in lines(capsys)]
    assert len(then) == 20
    assert [{**o, "speed_ms": 0} for o in now] == [{**o, "speed_ms": 0} for o in then]


def test_a_kept_frame_comes_back_bit_for_bit():
    moment = (7, 1234.567891234, WHEN + timedelta(microseconds=1), "camera")
    colour = np.random.default_rng(1).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    luma = noise(2, (61, 83))
    for frame, grey in [
        (Frame(luma, *moment), luma),
        (Frame(colour, *moment), cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)),
        (Frame(colour, *moment, grey=luma), luma),
    ]:
        back, index = decode_frame(encode_frame(frame, 12), "kept.png")
        assert index == 12
        assert np.array_equal(back.image, grey)
        assert back.moment == frame.moment


def test_the_oldest_frames_are_deleted_where_the_size_is_reached(tmp_path):
    size = len(encode_frame(Frame(noise(0), 0, 0.0, WHEN, "camera"), 0))
    own = keep(tmp_path, [noise(k) for k in range(20)], limits=Limits(most_bytes=5 * size + size // 2))
    assert names(own) == [f"{k:08}.png" for k in range(15, 20)]
    notices = []
    source = Replay(tmp_path, on_notice=notices.append)
    assert [frame.frame_id for frame in source] == list(range(15, 20))
    assert "the first 15 frames of the recording are no longer there" in notices[0]


def test_recordings_of_earlier_runs_are_deleted_first_and_other_files_never(tmp_path):
    size = len(encode_frame(Frame(noise(0), 0, 0.0, WHEN, "camera"), 0))
    first = keep(tmp_path, [noise(k) for k in range(3)])
    second = keep(tmp_path, [noise(k) for k in range(3)])
    (second / "notes.txt").write_text("mine")
    third = keep(tmp_path, [noise(k) for k in range(3)], limits=Limits(most_bytes=3 * size + size // 2))
    assert not first.exists()
    assert [path.name for path in second.iterdir()] == ["notes.txt"]
    assert len(names(third)) == 3


def test_frames_are_deleted_when_they_are_too_old(tmp_path):
    now = 1e9
    with KeepFrames(tmp_path, RECORDING, Limits(most_age_s=60), clock=lambda: now) as sink:
        for k in range(10):
            now = 1e9 + 10 * k
            sink.write(result_of(frame_id=k, image=noise(k)), [])
    assert names(recordings(tmp_path)[-1]) == [f"{k:08}.png" for k in range(3, 10)]
    KeepFrames(tmp_path, RECORDING, Limits(most_age_s=60), clock=lambda: time.time() + 61).close()
    assert [path.name for path in tmp_path.iterdir()] == [MARK]


@pytest.mark.parametrize("held", ["photo.png", ".hidden"])
def test_a_folder_that_holds_other_files_is_refused_and_not_touched(held, tmp_path):
    (tmp_path / held).write_bytes(b"mine")
    with pytest.raises(UsageError, match=f"holds other files, such as {held}"):
        KeepFrames(tmp_path, RECORDING)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(held, b"mine")]


def test_two_processes_do_not_keep_frames_in_one_folder(tmp_path):
    with KeepFrames(tmp_path, RECORDING), pytest.raises(UsageError, match="another digitcam keeps frames"):
        KeepFrames(tmp_path, RECORDING)
    keep(tmp_path, [noise(0)])


def test_a_folder_that_is_deleted_meanwhile_is_said_and_another_recording_is_begun(tmp_path):
    folder = tmp_path / "kept"
    with KeepFrames(folder, RECORDING) as sink:
        sink.write(result_of(image=noise(0)), [])
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
        with pytest.raises(OutputError, match="has been deleted while frames were kept there"):
            sink.write(result_of(frame_id=1, image=noise(1)), [])
        assert not folder.exists()
        sink.missed(1)
        sink.write(result_of(frame_id=2, image=noise(2)), [])
    assert names(recordings(folder)[-1]) == ["00000002.png"]


def test_a_full_disk_is_said_and_does_not_stop_reading(tmp_path, monkeypatch, capsys):
    free = itertools.chain([10**9] * 3, itertools.repeat(0))
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, next(free)))
    run = ["run", "demo", "--no-realtime", "--frames", "20", "--json", "--every-frame"]
    assert main([*run, "--keep-frames", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 20
    assert "0 MB are free on its disk" in err
    assert "works again" not in err
    assert len(names(recordings(tmp_path)[-1])) == 3


def test_frames_that_were_left_out_are_told_by_the_replay(tmp_path):
    with KeepFrames(tmp_path, RECORDING) as sink:
        sink.write(result_of(frame_id=0, image=noise(0)), [])
        sink.missed(3)
        sink.write(result_of(frame_id=4, image=noise(4)), [])
        sink.missed(2)
    notices = []
    assert [frame.frame_id for frame in Replay(tmp_path, on_notice=notices.append)] == [0, 4]
    assert "5 frames in it were not kept, or have been deleted" in notices[0]


def spoil_pixels(path):
    """Change one pixel, as a whole PNG with its text: only the checksum of the pixels can tell."""
    frame, index = decode_frame(path.read_bytes(), "")
    image = frame.image.copy()
    image[0, 0] ^= 1
    data, old = (encode_frame(replace(frame, image=picture), index) for picture in (image, frame.image))
    cut, other = data.index(b"IDAT") - 4, old.index(b"IDAT") - 4
    path.write_bytes(old[:other] + data[cut:])


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-200])


def save_again(path):
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def swap(path):
    path.write_bytes(path.with_name("00000002.png").read_bytes())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_pixels, "its pixels are not those that were kept"),
        (cut_off, "is damaged or cut off"),
        (save_again, "is no kept frame"),
        (swap, "is frame 2 under another name"),
        (lambda path: path.write_bytes(b""), "is empty"),
    ],
)
def test_a_damaged_frame_is_named_and_the_others_are_read(spoil, message, tmp_path):
    own = keep(tmp_path, [noise(k) for k in range(4)])
    spoil(own / "00000001.png")
    errors = []
    assert [frame.frame_id for frame in Replay(tmp_path, on_error=errors.append)] == [0, 2, 3]
    assert "00000001.png" in str(errors[0])
    assert message in str(errors[0])
    with pytest.raises(ImageError):
        list(Replay(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}', "{"])
def test_a_recording_whose_facts_are_damaged_is_one_error(text, tmp_path):
    own = keep(tmp_path, [noise(0)])
    (own / FACTS).write_text(text)
    with pytest.raises(SourceError, match="is damaged, or of another version"):
        open_source(tmp_path)


def test_a_recording_is_a_source_by_its_own_folder_and_by_the_one_around_it(tmp_path):
    first, second = keep(tmp_path, [noise(0)] * 2), keep(tmp_path, [noise(1)] * 3)
    notices = []
    assert [len(list(open_source(path))) for path in (first, second, tmp_path)] == [2, 3, 3]
    open_source(tmp_path, on_notice=notices.append)
    assert notices == [f"{tmp_path}: of 2 recordings the last is read; the first is {first}"]
    with pytest.raises(SourceError, match="holds no kept frames"):
        Replay(tmp_path.parent)


def test_frames_come_as_far_apart_as_they_were_captured_when_that_is_asked_for(tmp_path):
    keep(tmp_path, [noise(k) for k in range(4)])
    begun = time.monotonic()
    list(Replay(tmp_path, SourceOptions(realtime=True)))
    assert time.monotonic() - begun >= 0.3


def test_what_another_model_reads_is_said(tmp_path, capsys):
    keep(tmp_path, [written("407")] * 2)
    assert main(["replay", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert "digits (ab) named its digits, now digits-int8" in err
    assert "page (cd) found its digits, now" in err


def test_a_run_that_is_killed_leaves_whole_frames_that_can_be_replayed(tmp_path, capsys):
    folder = tmp_path / "kept"
    options = ["--no-realtime", "--json", "--keep-frames", folder]  # no frame is left out
    with start("run", "demo", *options, stdout=subprocess.PIPE) as running:
        while not (folder.exists() and any(len(names(own)) > 20 for own in recordings(folder))):
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
        out = running.communicate()[0].decode().splitlines()
    assert main(["replay", str(folder), "--json"]) == 0
    now, err = capsys.readouterr()
    assert "it has no end" in err
    # What was printed of the frames that were kept; the end makes events of its own.
    last = len(names(recordings(folder)[-1])) - 1
    frames = [json.loads(path.info["digitcam"])["frame_id"] for path in _opened(recordings(folder)[-1])]
    assert len(frames) == last + 1
    then = [line for line in out if json.loads(line)["frame_id"] < frames[-1]]
    assert now.splitlines()[: len(then)] == then
    # What the kill left unfinished is gone when frames are kept there again.
    (recordings(folder)[0] / ".00000099.png.abcd").write_bytes(b"half")
    keep(folder, [noise(0)])
    assert not list(folder.rglob(".*"))


def _opened(folder):
    from PIL import Image

    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            yield image


def test_nothing_secret_is_written_down(tmp_path):
    from edge.provenance import recording_of
    from edge.reader import DigitReader
    from edge.sources import Source, public_name

    class Camera(Source):
        def __iter__(self):
            yield Frame(noise(0), 0, 0.0, WHEN, self.name)

        def close(self):
            pass

    source = Camera(public_name("rtsp://me:secret@10.0.0.7:554/stream?pwd=secret"))
    options = SourceOptions(frozen_after_s=float("inf"))
    own = keep(tmp_path, [noise(0)], recording_of(source, DigitReader(), options))
    assert load_recording(own).source == "rtsp://10.0.0.7:554"
    assert not any(b"secret" in path.read_bytes() for path in own.iterdir())


def test_a_frame_that_cannot_be_read_is_kept(tmp_path, monkeypatch):
    from edge.live import LiveLoop
    from edge.track import TrackerOptions

    class Reader:
        tracking = TrackerOptions()

        def read_frame(self, frame, tracker=None):
            raise ValueError("a fault of the software")

    source = open_source("demo", SourceOptions(realtime=False))
    with LiveLoop(lambda: source, Reader(), wait=True, on_error=print, on_notice=print) as loop:
        loop.add(KeepFrames(tmp_path, RECORDING))
        loop.run(frames=3)
    assert [frame.frame_id for frame in Replay(tmp_path)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["replay"], "expected the folder that was given to run --keep-frames"),
        (["replay", "nowhere"], "no such folder: nowhere"),
        (["run", "demo", "--keep-size", "1 GB"], "--keep-size goes with --keep-frames DIR"),
        (
            ["run", "demo", "--keep-frames", "x", "--keep-size", "much"],
            "expected a size such as 500 MB or 2 GB",
        ),
        (["run", "demo", "--keep-frames", ""], "expected the name of a folder, found none"),
        (["replay", ""], "expected the name of a folder, found none"),
        (["read", "--annotate", "", "photo.png"], "expected the name of a folder, found none"),
        (["run", "demo", "--keep-frames", "a-file"], "a-file is a file: expected a folder"),
        (["run", "demo", "--keep-frames", "x", "--keep-age", "0 d"], "expected a time such as 90 s"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(args, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_bytes(b"mine")
    assert main(args) == 2
    assert message in capsys.readouterr().err
