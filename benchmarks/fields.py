"""How long a frame takes with fields: all of it, its regions only, and regions that have not changed.

    python benchmarks/fields.py --frames 200

It reads a page of the simulated camera that lies still, each frame with the noise of a sensor of its own, by
the page network: the whole picture, then two regions of the picture or of the sheet, which are read anew in
each frame, then the same regions where they are checked only. It says, too, by how much a cell of a still
picture differs at most from frame to frame (`edge.regions.CHANGED` must be more).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np

from edge.field_reader import FieldReader
from edge.fields import Field, field_of
from edge.reader import DigitReader
from edge.regions import CHANGED, cells
from edge.sources.demo import DemoCamera
from edge.tracker import Tracker
from edge.types import ByteArray, Frame, Result

NOISE = 2.6
"""Standard deviation of the noise, grey levels: that of the simulated camera."""

PLACES = ([0.08, 0.08, 0.52, 0.42], [0.58, 0.08, 0.98, 0.42])


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    reader = DigitReader()
    frames = still_frames(options.seed, options.frames)
    tracker = Tracker(reader.tracking)
    whole = measure(frames, lambda frame: reader.read_frame(frame, tracker))
    print(f"{'':38}  p50 ms  p90 ms  share of the whole picture")
    show("whole picture", whole, whole)
    for ground in ("picture", "sheet"):
        fields = [field_of({"name": str(k), "region": place, "on": ground}) for k, place in enumerate(PLACES)]
        show(f"two regions of the {ground}, read", read_anew(reader, fields, frames), whole)
        show(f"two regions of the {ground}, unchanged", unchanged(reader, fields, frames), whole)
    pictures = [cells(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)).astype(int) for frame in frames]
    differences = [after - pictures[0] for after in pictures[1:]]
    most = max(int(np.abs(each - np.median(each)).max()) for each in differences)
    print(f"a cell of a still picture differs by at most {most} levels (changed: from {CHANGED} on)")
    return 0


def still_frames(seed: int, count: int) -> list[Frame]:
    """A page that lies still, with noise."""
    picture = DemoCamera(seed, whole=True).picture(49).astype(np.float32)
    rng = np.random.default_rng(seed)
    now = datetime.now(UTC)
    return [Frame(noisy(picture, rng), k, k / 30, now, "still") for k in range(count)]


def noisy(picture: np.ndarray, rng: np.random.Generator) -> ByteArray:
    """A picture with noise, and a lamp that flickers a little."""
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * NOISE
    return np.clip(picture * rng.normal(1, 0.006) + noise, 0, 255).astype(np.uint8)


def measure(frames: Sequence[Frame], read: Callable[[Frame], Result]) -> list[float]:
    """Milliseconds of this process for each frame; other programs do not count."""
    taken = []
    for frame in frames:
        start = time.process_time()
        read(frame)
        taken.append(1000 * (time.process_time() - start))
    return taken[len(taken) // 10 :]


def read_anew(reader: DigitReader, fields: Sequence[Field], frames: Sequence[Frame]) -> list[float]:
    """Each frame for itself: nothing is known to be unchanged."""
    fresh = FieldReader(reader, fields)
    return measure(frames, fresh.read_frame)


def unchanged(reader: DigitReader, fields: Sequence[Field], frames: Sequence[Frame]) -> list[float]:
    """Frames of a stream once it is settled.

    Raises:
        RuntimeError: some of them were read although nothing had changed.
    """
    following, tracker = FieldReader(reader, fields), Tracker(reader.tracking)
    for frame in frames[:100]:
        following.read_frame(frame, tracker)
    later = [replace(frame, timestamp=frame.timestamp + 1000) for frame in frames]
    named = []

    def read(frame: Frame) -> Result:
        result = following.read_frame(frame, tracker)
        named.append(result.speed.classify)
        return result

    taken = measure(later, read)
    if any(named):
        raise RuntimeError(f"{sum(ms > 0 for ms in named)} of {len(named)} still frames were read again")
    return taken


def show(name: str, taken: Sequence[float], whole: Sequence[float]) -> None:
    """A line of the table."""
    middle, high = np.percentile(taken, [50, 90])
    print(f"{name:38}  {middle:6.1f}  {high:6.1f}  {middle / np.percentile(whole, 50):6.0%}")


if __name__ == "__main__":
    raise SystemExit(main())
