"""How fast this machine reads: every stage, and from capture to reading."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.board import Board, Condition, board, condition
from edge.errors import SourceError, UsageError
from edge.reader import DigitReader
from edge.sources.base import Source
from edge.speedometer import Speedometer
from edge.types import Frame, Result, iso_utc
from edge.words import counted

SCHEMA = 1
"""Version of the JSON that `Report.as_dict` makes."""

PERCENTILES = (50, 90, 99)

SAMPLE = 30
"""Frames, the last of those measured, that are read again with other numbers of threads."""

WHOLE = "capture_to_reading"
"""The row that counts: from the moment of capture to the moment when the frame has been read."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, on what.

    Attributes:
        measured_at: the wall clock at the end, UTC.
        digitcam: version of the package.
        source: where the frames came from.
        image_size: width and height of the frames, pixels.
        warm_up: frames that were read and left out before.
        frames: frames that were measured.
        frames_per_second: over all of them.
        dropped: frames that the source dropped meanwhile.
        milliseconds: of each stage, its percentiles in the order of `PERCENTILES`.
        by_threads: milliseconds of reading a frame, the median, by the threads of the page network: one, and
            as many as there are processors.
        model: name of the digit network.
        page_model: name of the page network.
        runtime: name and version of what runs the networks.
        threads: of the page network's interpreter, and of OpenCV.
        board: this machine.
        before, after: how it fared.
    """

    measured_at: datetime
    digitcam: str
    source: str
    image_size: tuple[int, int]
    warm_up: int
    frames: int
    frames_per_second: float
    dropped: int
    milliseconds: Mapping[str, tuple[float, ...]]
    by_threads: Mapping[str, float]
    model: str
    page_model: str
    runtime: str
    threads: Mapping[str, int]
    board: Board
    before: Condition
    after: Condition

    def as_dict(self) -> dict[str, Any]:
        """The report as one JSON object."""
        stages = {
            stage: {f"p{percent}": round(ms, 3) for percent, ms in zip(PERCENTILES, row, strict=True)}
            for stage, row in self.milliseconds.items()
        }
        return {
            "schema": SCHEMA,
            **asdict(self),
            "measured_at": iso_utc(self.measured_at),
            "image_size": list(self.image_size),
            "frames_per_second": round(self.frames_per_second, 2),
            "milliseconds": stages,
            "by_threads": {count: round(ms, 3) for count, ms in self.by_threads.items()},
        }


def measure(reader: DigitReader, source: Source, *, warm_up: int, frames: int) -> Report:
    """Read frames of a source and measure all but the first ones.

    Args:
        reader: reads them.
        source: where they come from.
        warm_up: frames to leave out: caches fill, memory is planned, the frequency rises.
        frames: frames to measure.

    Raises:
        SourceError: the source ends before.
    """
    results = reader.results(source)
    for _ in islice(results, warm_up):
        pass
    before, dropped = condition(), source.dropped
    speedometer = Speedometer(source)
    stages: dict[str, list[float]] = {}
    last: Result | None = None
    sample: deque[Frame] = deque(maxlen=SAMPLE)
    for last in islice(results, frames):
        sample.append(last.frame)
        speedometer.tick(last)
        for stage, milliseconds in last.speed.as_dict().items():
            stages.setdefault(stage, []).append(milliseconds)
    seconds = speedometer.elapsed_s
    if last is None or speedometer.frames < frames:
        raise SourceError(
            f"{source.name} ends too early: expected {warm_up} frames to warm up and {frames} to measure, "
            f"found {speedometer.frames} to measure"
        )
    return Report(
        measured_at=datetime.now(UTC),
        digitcam=version("digitcam"),
        source=source.name,
        image_size=last.frame.size,
        warm_up=warm_up,
        frames=frames,
        frames_per_second=frames / seconds,
        dropped=source.dropped - dropped,
        milliseconds={
            **{stage: tuple(np.percentile(row, PERCENTILES).tolist()) for stage, row in stages.items()},
            WHOLE: tuple(speedometer.latency_ms(PERCENTILES)),
        },
        by_threads=_by_threads(reader, sample),
        model=reader.classifier.name.name,
        page_model=reader.page.name.name,
        runtime=reader.classifier.runtime,
        threads={"network": reader.threads, "opencv": cv2.getNumThreads()},
        board=board(),
        before=before,
        after=condition(),
    )


def _by_threads(reader: DigitReader, frames: Sequence[Frame]) -> dict[str, float]:
    """Milliseconds of reading these frames, the median, by the threads of the page network."""
    medians = {}
    for threads in sorted({1, os.cpu_count() or 1}):
        other = DigitReader(reader.classifier, page=reader.page, threads=threads)
        other.read_frame(frames[0])  # memory is planned
        times = [other.read_frame(frame).speed for frame in frames]
        medians[str(threads)] = float(np.median([speed.total - speed.capture for speed in times]))
    return medians


def load_report(path: Path) -> dict[str, Any]:
    """What `Report.as_dict` wrote to a file.

    Raises:
        UsageError: it cannot be read, or is no such report.
    """
    try:
        report = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the report {path}: {error}") from error
    if not isinstance(report, dict) or report.get("schema") != SCHEMA or "milliseconds" not in report:
        raise UsageError(f"{path} is no report of digitcam bench: expected JSON with schema {SCHEMA}")
    return report


def as_text(report: Mapping[str, Any], earlier: Mapping[str, Any] | None = None) -> str:
    """A report for people.

    Args:
        report: as `Report.as_dict` makes it.
        earlier: another one: each figure is followed by how many times that of `earlier` it is.
    """
    machine, before, after = report["board"], report["before"], report["after"]
    width, height = report["image_size"]
    lines = [
        f"{machine['model']}, {machine['processor']}, {counted(machine['cpus'], 'processor')}; "
        f"{machine['system']}, Linux {machine['kernel']}, Python {machine['python']}",
        f"digitcam {report['digitcam']}, {report['model']} and {report['page_model']} on "
        f"{report['runtime']}, threads: "
        + ", ".join(f"{count} {name}" for name, count in report["threads"].items()),
        f"governor {_known(after['governor'])}, {_change(before, after, 'frequency_mhz')} MHz, "
        f"{_change(before, after, 'temperature_c')} degrees Celsius, load {_change(before, after, 'load')}, "
        f"held back: {_held_back(after['throttling'])}",
        f"{report['source']}, {width} x {height}: {counted(report['frames'], 'frame')} after "
        f"{report['warm_up']} to warm up, {report['frames_per_second']:.1f} frames/s, "
        f"{report['dropped']} dropped",
        "",
        f"{'milliseconds':20}"
        + "".join(f"{f'p{percent}':>{18 if earlier else 10}}" for percent in PERCENTILES),
    ]
    for stage, row in report["milliseconds"].items():
        then = earlier["milliseconds"].get(stage, {}) if earlier else {}
        cells = [f"{ms:10.2f}{_times(ms, then.get(name)) if earlier else ''}" for name, ms in row.items()]
        lines.append(f"{stage.replace('_', ' '):20}" + "".join(cells))
    lines += ["", "reading alone, median, by threads of the page network"]
    for threads, ms in report["by_threads"].items():
        then = earlier.get("by_threads", {}).get(threads) if earlier else None
        lines.append(f"{threads:20}{ms:10.2f}{_times(ms, then) if earlier else ''}")
    if earlier:
        lines += [
            "",
            f"(x ...): times the figure of {earlier['measured_at']}",
            *_differences(earlier, report),
        ]
    return "\n".join(lines)


def _times(now: float, then: float | None) -> str:
    return f" (x{now / then:4.2f})" if then else " " * 8


def _differences(earlier: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """What else differs between two reports, so that nobody compares a Pi 4 with a Pi 5 unawares."""
    named = ("digitcam", "source", "image_size", "model", "page_model", "runtime", "threads")
    pairs = [(name, earlier.get(name), report[name]) for name in named]
    pairs += [(name, earlier.get("board", {}).get(name), now) for name, now in report["board"].items()]
    pairs += [("governor", earlier.get("after", {}).get("governor"), report["after"]["governor"])]
    return [
        f"differs: {name}: {_known(then)} then, {_known(now)} now" for name, then, now in pairs if then != now
    ]


def _change(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> str:
    return f"{_known(before[name])} to {_known(after[name])}"


def _known(value: object) -> str:
    return "unknown" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _held_back(throttling: list[str] | None) -> str:
    return "unknown" if throttling is None else ", ".join(throttling) or "never"
