"""The camera module of a Raspberry Pi, through libcamera: the only file that names picamera2."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import CameraBusyError, CameraNotFoundError, CameraSoftwareError, EdgeError, SourceError
from edge.isolated import run_isolated
from edge.sources.base import Source, SourceOptions, wall_clock
from edge.sources.gaps import FrameNumbers
from edge.types import Frame

FRAME_TIMEOUT_S = 5.0

_SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")
_MANUAL, _CONTINUOUS = 0, 2  # libcamera's AfMode


def has_camera() -> bool:
    """Whether picamera2 is installed and sees a camera module.

    It is asked in a process of its own: libcamera stays in memory and keeps its hands on the devices.
    """
    try:
        return int(run_isolated("edge.sources.picamera:_count", b"")) > 0
    except EdgeError:
        return False


def _count(_: bytes) -> bytes:
    picamera2, _libcamera = _import()
    return b"%d" % len(picamera2.Picamera2.global_camera_info())


class PiCamera(Source):
    """Every frame of a camera module, in colour and in grey.

    Args:
        camera: its number, from 0.
        options: size, frame rate, exposure, gain and focus.

    Raises:
        CameraSoftwareError: picamera2 or libcamera cannot be imported.
        CameraNotFoundError: libcamera sees no such camera.
        CameraBusyError: another program uses it.
        SourceError: it cannot do what it is asked for; while iterating, it gives no frame in time.
    """

    live = True
    continuous = True

    def __init__(self, camera: int, options: SourceOptions) -> None:
        super().__init__(f"picamera:{camera}")
        picamera2, libcamera = _import()
        found = len(picamera2.Picamera2.global_camera_info())
        if camera >= found:
            raise CameraNotFoundError(
                f"no camera module {camera}: libcamera sees {found}, counted from 0; check the ribbon cable "
                "with the power off, then run: rpicam-hello --list-cameras"
            )
        try:
            self._camera = picamera2.Picamera2(camera)
        except RuntimeError as error:
            raise refusal(camera, error) from error
        self._closed = False
        try:
            size = options.size[0] & ~1, options.size[1] & ~1  # YUV420 shares colour between 2 x 2 pixels
            self._camera.configure(
                self._camera.create_video_configuration(
                    # picamera2's RGB888 lies in memory as B, G, R: what OpenCV calls BGR.
                    main={"format": "RGB888", "size": size},
                    lores={"format": "YUV420", "size": size},
                    # Full range: picamera2's video default leaves 16 to 235 of the luma.
                    colour_space=libcamera.ColorSpace.Sycc(),
                    controls=controls(options, self._camera.camera_controls),
                )
            )
            self._camera.start()
        except (RuntimeError, ValueError) as error:
            self.close()
            raise SourceError(
                f"camera module {camera} refuses {size[0]} x {size[1]} at {options.fps:g} frames per second: "
                f"{error}: ask for another size or frame rate"
            ) from error
        except SourceError:
            self.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        numbers = FrameNumbers()
        while not self._closed:
            try:
                # A completed request holds the pictures and the metadata of one and the same frame.
                request = self._camera.capture_request(wait=FRAME_TIMEOUT_S)
            except TimeoutError as error:
                raise SourceError(
                    f"{self.name} gave no frame for {FRAME_TIMEOUT_S:g} s: check the ribbon cable"
                ) from error
            started = time.monotonic()
            try:
                metadata = request.get_metadata()
                image = request.make_array("main")
                planes = request.make_array("lores")
            finally:
                request.release()
            rows, columns = image.shape[:2]
            grey = np.ascontiguousarray(planes[:rows, :columns])  # the luma comes first; its rows are padded
            # Nanoseconds since boot, when the first row was exposed: monotonic time, as a Pi never sleeps.
            timestamp = metadata["SensorTimestamp"] / 1e9
            number = numbers.next(timestamp, metadata["FrameDuration"] / 1e6)
            capture_ms = (time.monotonic() - started) * 1000
            yield Frame(image, number, timestamp, wall_clock(timestamp), self.name, capture_ms, grey)

    def close(self) -> None:
        """Stop the camera and let go of it."""
        if not self._closed:
            self._closed = True
            self._camera.stop()
            self._camera.close()


def controls(options: SourceOptions, known: dict[str, Any]) -> dict[str, Any]:
    """What libcamera is asked for; what is not asked for stays automatic."""
    controls: dict[str, Any] = {"FrameRate": options.fps}
    if options.exposure_us is not None:
        controls["ExposureTime"] = options.exposure_us
    if options.gain is not None:
        controls["AnalogueGain"] = options.gain
    if options.focus is not None:
        if "LensPosition" not in known:
            raise SourceError("the lens of this camera module does not move: leave the focus out")
        controls.update(AfMode=_MANUAL, LensPosition=options.focus)
    elif "AfMode" in known:
        controls["AfMode"] = _CONTINUOUS
    return controls


def _import() -> tuple[Any, Any]:
    """The modules picamera2 and libcamera."""
    try:
        import libcamera
        import picamera2
    except (ImportError, ValueError) as error:  # ValueError: built for another numpy than the one here
        raise CameraSoftwareError(what_is_missing(error)) from error
    return picamera2, libcamera


def what_is_missing(error: Exception, system: Path = _SYSTEM_PACKAGES) -> str:
    """Why picamera2 cannot be imported, and the cure.

    Args:
        error: what importing it raised.
        system: the folder in which apt installs Python packages.
    """
    name = getattr(error, "name", None) or ""
    package = name.partition(".")[0]
    if isinstance(error, ValueError):
        return (
            f"picamera2 was built for another numpy than the one here ({error}): in the virtual environment "
            "run pip uninstall numpy opencv-python-headless, then sudo apt install python3-opencv"
        )
    if package in {"picamera2", "libcamera"} and (system / package).is_dir():
        return (
            f"{package} is installed, but {sys.executable} does not see it: make the virtual environment "
            "with the system's own Python: /usr/bin/python3 -m venv --system-site-packages VENV"
        )
    if package in {"picamera2", "libcamera"}:
        return f"{package} is missing: sudo apt install python3-picamera2"
    return f"picamera2 cannot be imported ({error}): sudo apt install --reinstall python3-picamera2"


def refusal(camera: int, error: Exception) -> SourceError:
    """Why a camera that is there cannot be opened; picamera2 says it in the error behind its error."""
    reason = str(error.__cause__ or error)
    if "busy" in reason.lower():
        return CameraBusyError(
            f"camera module {camera} is busy: libcamera lets in one program at a time; close the other one "
            "(fuser /dev/media* tells which)"
        )
    return SourceError(f"camera module {camera} cannot be opened: {reason}: switch the board off and on")
