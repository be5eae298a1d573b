"""The source `0` on a real /dev/video0: the kernel's virtual camera, vivid."""

import itertools
import os
import signal
import time

import numpy as np
import pytest

from edge import SourceOptions, open_source
from edge.errors import CameraBusyError, CameraNotFoundError

SMALL = SourceOptions(size=(320, 180), fps=10)


@pytest.mark.parametrize("name", ["0", "/dev/video0"])
def test_frames_come_at_the_size_that_was_asked_for(name):
    with open_source(name, SMALL) as source:
        frames = list(itertools.islice(source, 5))
    for frame in frames:
        assert frame.size == (320, 180)
        assert frame.image.std() > 10  # colour bars
    assert (frames[0].image != frames[-1].image).any()  # with a running clock


def test_times_are_those_of_the_driver_and_every_frame_is_accounted_for():
    with open_source("0", SMALL) as source:
        frames = list(itertools.islice(source, 10))
        age = time.monotonic() - frames[-1].timestamp
    assert 0 <= age < 2
    assert np.all(np.diff([frame.timestamp for frame in frames]) > 0)
    assert source.dropped == frames[-1].frame_id + 1 - len(frames)


def test_the_camera_comes_back_when_its_process_is_killed():
    with open_source("0", SMALL) as source:
        frames = iter(source)
        next(frames)
        os.kill(source.pid, signal.SIGKILL)
        next(frame for frame in frames if source.restarts)
    assert source.restarts["died"] == 1


def test_a_camera_in_use_is_told():
    with open_source("0", SMALL), pytest.raises(CameraBusyError, match="another program uses it"):
        open_source("0", SMALL)


def test_a_camera_that_is_not_there_is_told():
    with pytest.raises(CameraNotFoundError, match="no camera at /dev/video7"):
        open_source("7")
