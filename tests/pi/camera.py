"""The source `picamera` on the real picamera2, over libcamera's virtual camera."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import DigitReader, SourceOptions, open_source
from edge.errors import CameraBusyError, CameraNotFoundError, SourceError
from edge.sources import find_source, open_here

HERE = Path(__file__).parent
SHOWN = Path("/root/frames")
PAGES = sorted(HERE.glob("pages/*.json"))


def show(*pictures):
    """What the virtual camera sees when it is opened next; over and over again."""
    shutil.rmtree(SHOWN, ignore_errors=True)
    SHOWN.mkdir()
    for k, path in enumerate(pictures):
        shutil.copy(path, SHOWN / f"{k}.jpg")


@pytest.fixture
def page():
    folder = HERE / "pages" / PAGES[0].stem
    show(*(folder / f"{k}.jpg" for k in range(60)))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_numbers_on_a_page_are_read(path):
    show(*(path.with_suffix("") / f"{k}.jpg" for k in range(60)))
    command = [sys.executable, "-m", "edge", "run", "picamera", "--json", "--frames", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    accepted = {event["reading"]["text"] for event in events if event["event"] == "accepted"}
    assert sorted(accepted) == json.loads(path.read_text())
    assert "picamera" in {event["source"] for event in events}


def test_the_camera_is_found_without_being_named(page):
    assert find_source() == "picamera"


def test_a_frame_is_the_picture_in_colour_and_in_grey(page):
    with open_source("picamera") as source:
        frames = list(itertools.islice(source, 40))
    shown = cv2.imread(str(SHOWN / "0.jpg"))
    for frame in frames:
        assert frame.image.shape == shown.shape
        assert frame.grey.shape == shown.shape[:2]
        # The luma is that of the same picture, black and white as far apart: not 16 to 235.
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        assert np.abs(grey.astype(int) - frame.grey).mean() < 2
    # Blue and red are where OpenCV has them: one of the frames is the first one shown.
    assert min(np.abs(frame.image.astype(int) - shown).mean() for frame in frames) < 4


def test_times_are_those_of_the_sensor_and_every_frame_is_accounted_for(page):
    with open_source("picamera", SourceOptions(fps=20)) as source:
        frames = list(itertools.islice(source, 30))
        assert 0 < time.monotonic() - frames[-1].timestamp < 0.5
    times = np.array([frame.timestamp for frame in frames])
    numbers = np.array([frame.frame_id for frame in frames])
    # To one frame: on a busy machine the virtual camera is late, and then in a hurry.
    assert np.allclose(np.diff(times), np.diff(numbers) / 20, atol=1 / 20)
    assert source.dropped == numbers[-1] + 1 - len(frames)


@pytest.mark.parametrize("size", [(648, 480), (320, 240), (501, 377)])
def test_rows_are_given_without_their_padding(page, size):
    with open_source("picamera", SourceOptions(size=size)) as source:
        frame = next(iter(source))
    assert frame.size == (size[0] & ~1, size[1] & ~1)
    assert frame.grey.shape == frame.image.shape[:2]
    assert np.abs(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(int) - frame.grey).mean() < 2


def test_options_reach_the_camera(page):
    with open_here("picamera", SourceOptions(fps=10, exposure_us=7000, gain=3)) as source:
        next(iter(source))
        metadata = source._camera.capture_metadata()
    assert (metadata["ExposureTime"], metadata["FrameDuration"]) == (7000, 100000)
    assert metadata["AnalogueGain"] == 3


def test_pictures_are_turned(page):
    with open_source("picamera", SourceOptions(rotation=90)) as source:
        frame = next(iter(source))
    assert frame.size == (480, 640)
    assert frame.grey.shape == (640, 480)


def test_a_lens_that_does_not_move_cannot_be_focused(page):
    with pytest.raises(SourceError, match="leave the focus out"):
        open_source("picamera", SourceOptions(focus=3))


def test_a_camera_that_is_not_there_is_told():
    with pytest.raises(CameraNotFoundError, match="no camera module 1: libcamera sees 1"):
        open_source("picamera:1")


def test_a_camera_in_use_is_told_and_is_free_again_when_closed(page):
    # In one process: libcamera locks a camera against others by its media device, which a virtual one lacks.
    with (
        open_here("picamera", SourceOptions()),
        pytest.raises(CameraBusyError, match="camera module 0 is busy"),
    ):
        open_here("picamera", SourceOptions())
    with open_here("picamera", SourceOptions()) as source:
        next(iter(source))


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_the_camera_comes_back_when_its_process_is_lost(page, blow):
    with open_source("picamera") as source:
        frames = iter(source)
        next(frames)
        os.kill(source.pid, blow)
        begun = time.monotonic()
        next(frame for frame in frames if source.restarts)
        assert time.monotonic() - begun < 15  # it decodes 60 pictures when it is opened
    assert source.restarts.total() == 1


def test_a_frozen_camera_is_started_again_and_gives_no_frame_twice():
    show(HERE / "pages" / PAGES[0].stem / "0.jpg")
    with open_source("picamera") as source:
        threading.Timer(4, source.close).start()
        frames = list(source)
    assert len(frames) == 1
    assert source.restarts["frozen"] >= 1


def test_numbers_are_read_in_the_grey_picture_of_the_camera(page):
    reader = DigitReader()
    with open_source("picamera") as source:
        frame = next(iter(source))
    texts = {reading.text for reading in reader.read_image(frame.grey).readings}
    assert texts & set(json.loads(PAGES[0].read_text()))
