"""What the camera module is asked for, and what is said when it cannot be reached."""

from importlib.util import find_spec

import pytest

from edge.errors import CameraBusyError, CameraSoftwareError, SourceError
from edge.sources import SourceOptions, open_source
from edge.sources.picamera import controls, refusal, what_is_missing


def missing(name):
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("error", "installed", "cure"),
    [
        (missing("picamera2"), [], "picamera2 is missing: sudo apt install python3-picamera2"),
        (missing("libcamera"), [], "libcamera is missing: sudo apt install python3-picamera2"),
        (missing("picamera2"), ["picamera2"], "--system-site-packages"),
        (missing("libcamera"), ["libcamera"], "--system-site-packages"),
        (missing("libcamera._libcamera"), ["libcamera"], "the system's own Python"),
        (missing("simplejpeg"), ["picamera2"], "apt install --reinstall python3-picamera2"),
        (ValueError("numpy.dtype size changed"), ["picamera2"], "pip uninstall numpy"),
    ],
    ids=["nothing", "no libcamera", "venv", "venv with pip's", "other Python", "a part", "numpy"],
)
def test_each_missing_piece_is_named_with_its_cure(error, installed, cure, tmp_path):
    for name in installed:
        (tmp_path / name).mkdir()
    message = what_is_missing(error, system=tmp_path)
    assert cure in message
    assert "\n" not in message


@pytest.mark.skipif(find_spec("picamera2") is not None, reason="picamera2 is here")
def test_a_missing_picamera2_is_told_through_the_process_that_reads():
    with pytest.raises(CameraSoftwareError, match="sudo apt install python3-picamera2"):
        open_source("picamera")


def test_a_busy_camera_is_told_from_a_broken_one():
    # As picamera2 0.3.38 raises them.
    busy = RuntimeError("Camera __init__ sequence did not complete.")
    busy.__cause__ = RuntimeError("Failed to acquire camera: Device or resource busy")
    assert isinstance(refusal(0, busy), CameraBusyError)
    other = refusal(1, RuntimeError("Initialization failed."))
    assert not isinstance(other, CameraBusyError)
    assert "camera module 1 cannot be opened: Initialization failed." in str(other)


FIXED_LENS = {"ExposureTime": None, "AnalogueGain": None}
MOVING_LENS = {**FIXED_LENS, "AfMode": None, "LensPosition": None}


@pytest.mark.parametrize(
    ("options", "known", "asked"),
    [
        ({}, FIXED_LENS, {"FrameRate": 30}),
        ({}, MOVING_LENS, {"FrameRate": 30, "AfMode": 2}),
        ({"focus": 4}, MOVING_LENS, {"FrameRate": 30, "AfMode": 0, "LensPosition": 4}),
        (
            {"fps": 15, "exposure_us": 9000, "gain": 2},
            FIXED_LENS,
            {"FrameRate": 15, "ExposureTime": 9000, "AnalogueGain": 2},
        ),
    ],
)
def test_libcamera_is_asked_for_what_the_options_say(options, known, asked):
    assert controls(SourceOptions(**options), known) == asked


def test_a_fixed_lens_cannot_be_focused():
    with pytest.raises(SourceError, match="leave the focus out"):
        controls(SourceOptions(focus=2), FIXED_LENS)
