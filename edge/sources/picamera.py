"""The camera module of a Raspberry Pi, through libcamera: the only file that names picamera2."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from edge.errors import CameraNotFoundError, SourceError
from edge.sources.base import DEFAULT_FPS, DEFAULT_SIZE, Source, wall_clock
from edge.types import Frame

FRAME_TIMEOUT_S = 5.0


def has_camera() -> bool:
    """Whether picamera2 is installed and sees a camera module."""
    try:
        from picamera2 import Picamera2
    except (ImportError, ValueError):
        return False
    return bool(Picamera2.global_camera_info())


class PiCamera(Source):
    """The newest frame of a camera module.

    Args:
        camera: its number, from 0.
        size: width and height in pixels.
        fps: frames per second.

    Raises:
        CameraNotFoundError: picamera2 is missing, libcamera sees no such camera, or another program uses it.
        SourceError: while iterating, when the camera gives no frame for `FRAME_TIMEOUT_S`.
    """

    live = True
    continuous = True

    def __init__(
        self, camera: int = 0, *, size: tuple[int, int] = DEFAULT_SIZE, fps: float = DEFAULT_FPS
    ) -> None:
        super().__init__(f"picamera:{camera}")
        try:
            from picamera2 import Picamera2
        except (ImportError, ValueError) as error:  # ValueError: built for another numpy than the one here
            raise CameraNotFoundError(
                f"picamera2 cannot be imported ({error}): sudo apt install python3-picamera2, and make the "
                "virtual environment with the system's own Python and --system-site-packages"
            ) from error
        found = len(Picamera2.global_camera_info())
        if camera >= found:
            raise CameraNotFoundError(
                f"no camera module {camera}: libcamera sees {found}, counted from 0; check the ribbon cable "
                "with the power off, then run: rpicam-hello --list-cameras"
            )
        try:
            self._camera = Picamera2(camera)
        except RuntimeError as error:
            raise CameraNotFoundError(
                f"camera module {camera} cannot be opened ({error}): close the program that uses it"
            ) from error
        self._closed = False
        try:
            # picamera2's RGB888 lies in memory as B, G, R: what OpenCV calls BGR.
            main = {"format": "RGB888", "size": size}
            self._camera.configure(
                self._camera.create_video_configuration(main=main, controls={"FrameRate": fps})
            )
            self._camera.start()
        except RuntimeError as error:
            self._camera.close()
            raise SourceError(
                f"camera module {camera} refuses {size[0]} x {size[1]} at {fps:g} frames per second: {error}"
            ) from error

    def __iter__(self) -> Iterator[Frame]:
        frame_id = -1
        last = 0.0
        while not self._closed:
            started = time.monotonic()
            try:
                # A completed request holds the picture and the metadata of one and the same frame.
                request = self._camera.capture_request(wait=FRAME_TIMEOUT_S)
            except TimeoutError as error:
                raise SourceError(
                    f"{self.name} gave no frame for {FRAME_TIMEOUT_S:g} s: check the ribbon cable"
                ) from error
            try:
                metadata = request.get_metadata()
                image = np.ascontiguousarray(request.make_array("main"))
            finally:
                request.release()
            # Nanoseconds since boot, when the first row was exposed: monotonic time, as a Pi never sleeps.
            timestamp = metadata["SensorTimestamp"] / 1e9
            period = metadata["FrameDuration"] / 1e6
            missed = max(0, round((timestamp - last) / period) - 1) if last else 0
            self.dropped += missed
            frame_id += 1 + missed
            last = timestamp
            capture_ms = (time.monotonic() - started) * 1000
            yield Frame(image, frame_id, timestamp, wall_clock(timestamp), self.name, capture_ms)

    def close(self) -> None:
        """Stop the camera and let go of it."""
        if not self._closed:
            self._closed = True
            self._camera.stop()
            self._camera.close()
