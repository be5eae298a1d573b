"""What a recording is made with, and what is different where it is read again."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

import cv2

from edge.reader import DigitReader
from edge.recording import Recording
from edge.sources.base import Source, SourceOptions
from edge.sources.replay import Replay


def recording_of(source: Source, reader: DigitReader, options: SourceOptions) -> Recording:
    """What will be true of frames of this source that this reader reads.

    Args:
        source: an open one.
        reader: reads it.
        options: what it was asked for.
    """
    machine = {
        "digitcam": version("digitcam"),
        "processor": platform.machine(),
        "runtime": reader.classifier.runtime,
        "OpenCV": cv2.__version__,
        "Python": platform.python_version(),
    }
    return Recording(
        source=source.name,
        continuous=source.continuous,
        started_at=datetime.now(UTC),
        model=reader.classifier.name,
        page=reader.page.name,
        options=asdict(options),
        machine=machine,
    )


def differences(source: Source, reader: DigitReader) -> list[str]:
    """Why a recording may be read otherwise than it was, in lines for people; none for any other source."""
    if not isinstance(source, Replay):
        return []
    then = source.recording
    now = recording_of(source, reader, SourceOptions())
    lines = []
    pairs = [("named its digits", then.model, now.model), ("found its digits", then.page, now.page)]
    lines += [
        f"{before.name} ({before.sha256[:12]}) {what}, now {after.name} ({after.sha256[:12]}) does"
        for what, before, after in pairs
        if before.sha256 != after.sha256
    ]
    changed = [
        f"{name} {before}, now {now.machine.get(name, 'unknown')}"
        for name, before in then.machine.items()
        if name != "Python" and before != now.machine.get(name)
    ]
    if changed:
        lines.append(f"it was read with {', '.join(changed)}")
    return [f"{source.name}: {line}; readings may differ" for line in lines]
