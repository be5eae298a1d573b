"""Where readings go, as the command line says it: values of `run` and `serve`, and the sinks they open."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from edge.errors import UsageError
from edge.recording import Recording
from edge.sinks import Sink
from edge.sinks.keep import USUAL_AGE_S, USUAL_BYTES, KeepFrames, Limits
from edge.speedometer import Speedometer


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where readings go.

    Attributes:
        json: JSON lines on standard output, instead of text for people.
        every_frame: an object for each frame instead of one for each change.
        save: where the last frame that had numbers is written, at the end.
        record: where the annotated video is written.
        keep_frames: folder in which every frame is kept.
        limits: how much is kept there.
        state: where the last values of the fields are kept.

    Raises:
        UsageError: one goes only with another.
    """

    json: bool = False
    every_frame: bool = False
    save: Path | None = None
    record: Path | None = None
    keep_frames: Path | None = None
    limits: Limits | None = None
    state: Path | None = None

    def __post_init__(self) -> None:
        if self.every_frame and not self.json:
            raise UsageError("--every-frame goes with --json: it prints one JSON object for each frame")


def outputs_of(args: argparse.Namespace) -> Outputs:
    """What the options say.

    Raises:
        UsageError: one goes only with another.
    """
    outputs = Outputs(
        args.json, args.every_frame, args.save, args.record, state=args.state if "state" in args else None
    )
    if "keep_frames" not in args:
        return outputs
    alone = [name for name in ("keep_size", "keep_age") if name in args.given and args.keep_frames is None]
    if alone:
        raise UsageError(f"--{alone[0].replace('_', '-')} goes with --keep-frames DIR, which keeps frames")
    limits = Limits(args.keep_size or USUAL_BYTES, args.keep_age or USUAL_AGE_S)
    return replace(outputs, keep_frames=args.keep_frames, limits=limits)


def open_sinks(
    outputs: Outputs,
    speedometer: Speedometer,
    recording: Recording | None = None,
    *,
    output: TextIO,
    status: TextIO,
) -> Iterator[Sink]:
    """The sinks, and systemd's where it started this process. Each is opened when it is asked for.

    Args:
        outputs: where readings go.
        speedometer: knows how the reading goes.
        recording: what is true of the frames, where they are to be kept.
        output: standard output; a terminal gets a view that is drawn anew instead of lines.
        status: where it is told how the reading goes, when `output` is no terminal.

    Raises:
        PackageMissingError: something that it takes is not installed.
        OutputError: a file cannot be made.
        UsageError: frames cannot be kept in the folder that is named.
    """
    if outputs.json:
        from edge.sinks.jsonlines import JsonLines

        yield JsonLines(output, every_frame=outputs.every_frame)
    elif output.isatty() and os.environ.get("TERM") != "dumb":
        from edge.sinks.live_view import LiveView

        yield LiveView(speedometer)
    else:
        from edge.sinks.plain import PlainLines

        yield PlainLines(speedometer, output=output, status=status)
    if outputs.save:
        from edge.sinks.picture import LastPicture

        yield LastPicture(outputs.save)
    if outputs.record:
        from edge.sinks.video import Video

        yield Video(outputs.record)
    if outputs.keep_frames and recording:
        yield KeepFrames(outputs.keep_frames, recording, outputs.limits)
    if outputs.state:
        from edge.sinks.known_values import KnownValues

        yield KnownValues(outputs.state)
    from edge.sinks.systemd import Systemd

    if systemd := Systemd.from_environment(speedometer):
        yield systemd
