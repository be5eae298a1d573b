"""The command line: what each verb takes, and a function that does it.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 2 bad usage or input;
1 anything else.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from itertools import count
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

# What is heavy is imported where it is used: a board has no memory for what a verb does not need.
from edge.config import Setting, apply_settings, read_settings
from edge.errors import EdgeError, ImageError, OutputError, RuntimeMissingError, SourceError, UsageError
from edge.server.command import add_parser as add_serve_parser
from edge.sources import KINDS, Source, SourceOptions, find_source, open_source, public_name
from edge.sources.base import ROTATIONS

if TYPE_CHECKING:
    from edge.reader import DigitReader
    from edge.sinks import Sink
    from edge.speedometer import Speedometer
    from edge.types import Result

    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

SOURCES = ", ".join(KINDS)

_Switch = argparse.BooleanOptionalAction
"""With its --no-...: what a settings file switches on, the command line can switch off."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _parser().parse_args(argv)  # help, version and bad usage end here, whatever the settings say
    # An end asked for by the system is as orderly as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        args = _parser(read_settings(os.environ)).parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the next program in the pipe has seen enough
        _leave_standard_output()
        return 0
    except EdgeError as error:
        _say(f"error: {error}")
        return _exit_code(error)
    except OSError as error:
        _leave_standard_output()
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _leave_standard_output() -> None:
    """Spare Python's complaint when it closes a stream that takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(settings: Iterable[Setting] = ()) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digitcam", description="Reads handwritten digits from cameras, pictures and videos."
    )
    parser.add_argument("--version", action="version", version=f"digitcam {version('digitcam')}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for add_verb in (_add_run, _add_read, _add_serve, _add_bench, _add_doctor, _add_model):
        add_verb(verbs)
    apply_settings(settings, verbs.choices)
    return parser


def _add_run(verbs: _Verbs) -> None:
    run = verbs.add_parser("run", help="read live", description="Read live from a source of frames.")
    run.set_defaults(run=_run)
    run.add_argument("source", nargs="?", help=f"{SOURCES} (default: the camera that is there, else demo)")
    run.add_argument(
        "--json", action=_Switch, default=False, help="print a JSON line for each change of a reading"
    )
    run.add_argument(
        "--every-frame",
        action=_Switch,
        default=False,
        help="with --json: one object for each frame (schema 1)",
    )
    run.add_argument("--seconds", type=_seconds, metavar="S", help="stop after so many seconds")
    run.add_argument("--frames", type=_count, metavar="N", help="stop after so many frames")
    run.add_argument(
        "--save", type=_picture, metavar="FILE", help="at the end, save the last frame that had numbers"
    )
    run.add_argument(
        "--record", type=_video, metavar="FILE", help="write every frame with its readings as an MP4 video"
    )
    _add_source_options(run)
    _add_model_file(run)


def _add_read(verbs: _Verbs) -> None:
    read = verbs.add_parser("read", help="read pictures", description="Read pictures, folders and videos.")
    read.set_defaults(run=_read)
    read.add_argument(
        "files", nargs="+", metavar="FILE", help=f"{SOURCES}; of a live source one picture is taken"
    )
    read.add_argument(
        "--json", action=_Switch, default=False, help="print one JSON object for each picture (schema 1)"
    )
    read.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write each picture with its readings drawn on it"
    )
    _add_source_options(read)
    _add_model_file(read)


def _add_serve(verbs: _Verbs) -> None:
    serve = add_serve_parser(verbs)
    serve.set_defaults(run=_serve)
    _add_source_options(serve)
    _add_model_file(serve)


def _add_bench(verbs: _Verbs) -> None:
    bench = verbs.add_parser(
        "bench",
        help="measure how fast this machine reads",
        description="Measure how fast this machine reads.",
    )
    bench.set_defaults(run=_bench)
    bench.add_argument("source", nargs="?", help=f"{SOURCES} (default: the camera that is there, else demo)")
    bench.add_argument(
        "--frames", type=_count, default=600, metavar="N", help="frames to measure (default 600)"
    )
    bench.add_argument(
        "--warm-up", type=_count, default=60, metavar="N", help="frames to read before (default 60)"
    )
    bench.add_argument(
        "--json", action=_Switch, default=False, help="print the report as JSON instead of a table"
    )
    bench.add_argument(
        "--out",
        type=Path,
        default=Path("digitcam-bench.json"),
        metavar="FILE",
        help="where the report is written as JSON (default digitcam-bench.json)",
    )
    bench.add_argument("--compare", type=Path, metavar="FILE", help="set it against an earlier report")
    _add_source_options(bench)
    _add_model_file(bench)


def _add_doctor(verbs: _Verbs) -> None:
    doctor = verbs.add_parser(
        "doctor",
        help="say what this machine has and lacks",
        description="Say what this machine has and lacks for reading live, each with its cure.",
    )
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("source", nargs="?", help=f"{SOURCES} (default: the camera that is there)")
    doctor.add_argument("--json", action=_Switch, default=False, help="print JSON instead of a list")
    _add_source_options(doctor)


def _add_model(verbs: _Verbs) -> None:
    model = verbs.add_parser("model", help="show or verify a model", description="Show or verify a model.")
    actions = model.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print what a model says of itself")
    show.set_defaults(run=_model_show)
    verify = actions.add_parser("verify", help="check a model and ask it its known answers")
    verify.set_defaults(run=_model_verify)
    for action in (show, verify):
        action.add_argument("file", nargs="?", type=Path, help="a .tflite file (default: the shipped model)")


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    """The fields of `SourceOptions`, under their own names; what is not given stays None."""
    group = parser.add_argument_group("what a source is asked for")
    group.add_argument("--size", type=_size, metavar="WxH", help="of cameras and demo, pixels (640x480)")
    group.add_argument("--fps", type=float, metavar="N", help="of cameras and demo, frames per second (30)")
    group.add_argument(
        "--rotation", type=int, choices=ROTATIONS, help="turns the pictures of cameras clockwise, degrees (0)"
    )
    group.add_argument(
        "--exposure-us", type=int, metavar="N", help="of picamera, microseconds (default: automatic)"
    )
    group.add_argument("--gain", type=float, metavar="X", help="of picamera, 1 or more (default: automatic)")
    group.add_argument(
        "--focus", type=float, metavar="X", help="of picamera, dioptres, 1 / metres (default: automatic)"
    )
    group.add_argument(
        "--frozen-after-s",
        type=float,
        metavar="S",
        help="of cameras: the same picture for so long counts as frozen (1; inf: never)",
    )
    group.add_argument(
        "--realtime",
        action=argparse.BooleanOptionalAction,
        help="frames in their own time, or as fast as they can be read (default: demo in time, videos fast)",
    )
    group.add_argument("--seed", type=int, metavar="N", help="of demo: which pages it shows (0)")


def _source_options(args: argparse.Namespace) -> SourceOptions:
    given = {field.name: getattr(args, field.name) for field in dataclasses.fields(SourceOptions)}
    return SourceOptions(**{name: value for name, value in given.items() if value is not None})


def _add_model_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="a .tflite file instead of the shipped model"
    )


def _run(args: argparse.Namespace) -> int:
    if args.every_frame and not args.json:
        raise UsageError("--every-frame goes with --json: it prints one JSON object for each frame")
    from edge.live import read_live
    from edge.speedometer import Speedometer

    reader = _reader(args)
    errors = _Errors()
    name = args.source or find_source()
    with ExitStack() as stack:
        source = stack.enter_context(
            open_source(name, _source_options(args), on_error=errors.add, on_notice=_say)
        )
        speedometer = Speedometer(source)
        sinks = [stack.enter_context(sink) for sink in _sinks(args, source, speedometer)]
        with suppress(KeyboardInterrupt):  # how a live reading ends
            _say(f"reading from {source.name}")
            read_live(
                reader,
                source,
                sinks,
                speedometer,
                seconds=args.seconds or math.inf,
                frames=args.frames or math.inf,
                on_error=errors.add,
            )
    middle, high = speedometer.latency_ms([50, 90])
    _say(
        f"{speedometer.frames} frames in {speedometer.elapsed_s:.1f} s, {speedometer.dropped()}; "
        f"from capture to reading {middle:.1f} ms (p50), {high:.1f} ms (p90); "
        f"{speedometer.accepted} numbers accepted"
    )
    for sink in sinks:
        if done := sink.summary():
            _say(done)
    return errors.exit_code


def _sinks(args: argparse.Namespace, source: Source, speedometer: Speedometer) -> Iterator[Sink]:
    """Where the readings go. Each is made when the one before it is open, to be closed if this fails."""
    if args.json:
        from edge.sinks.jsonlines import JsonLines

        yield JsonLines(sys.stdout, every_frame=args.every_frame)
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from edge.sinks.live_view import LiveView

        yield LiveView(speedometer)
    else:
        from edge.sinks.plain import PlainLines

        yield PlainLines(speedometer, output=sys.stdout, status=sys.stderr)
    if args.save:
        from edge.sinks.picture import LastPicture

        yield LastPicture(args.save)
    if args.record:
        from edge.sinks.video import Video

        yield Video(args.record, wait=not source.live or args.realtime is False)
    from edge.sinks.systemd import Systemd

    if systemd := Systemd.from_environment(speedometer):
        yield systemd


def _read(args: argparse.Namespace) -> int:
    from edge.files import write_whole
    from edge.overlay import draw, encode

    reader = _reader(args)
    errors = _Errors()
    width = max(len(public_name(name)) for name in args.files)
    written: set[Path] = set()
    for name in args.files:
        try:
            for result in _results(reader, name, _source_options(args), errors):
                if args.json:
                    print(json.dumps(result.as_dict()), flush=True)
                else:
                    print(_row(result, public_name(name), width), flush=True)
                if args.annotate:
                    picture = draw(result.frame.image, result.readings)
                    path = _free_name(args.annotate, result, written)
                    write_whole(path, encode(picture, path.suffix))
                    written.add(path)
        except (ImageError, SourceError, UsageError) as error:
            errors.add(error)  # the others are still read
    return errors.exit_code


def _results(reader: DigitReader, name: str, options: SourceOptions, errors: _Errors) -> Iterator[Result]:
    with open_source(name, options, on_error=errors.add, on_notice=_say) as source:
        if source.live:
            frame = next(iter(source))
            yield reader.read_image(frame.image, source.name)
        else:
            yield from reader.results(source)


def _row(result: Result, name: str, width: int) -> str:
    """What people read: the picture, and the numbers in it."""
    picture = result.frame.source
    if picture == name and result.frame.frame_id:  # one of many in a video or on standard input
        picture += f" #{result.frame.frame_id}"
    numbers = "  ".join(reading.text for reading in result.readings if reading.status != "rejected")
    return f"{picture:<{width}}  {numbers or '(no number)'}"


def _free_name(folder: Path, result: Result, written: set[Path]) -> Path:
    """Where to write an annotated picture: never over the picture itself, nor over another of this run."""
    from edge.overlay import SUFFIXES

    source = Path("stdin.png" if result.frame.source == "-" else result.frame.source)
    suffix = source.suffix if source.suffix.lower() in SUFFIXES else ".png"
    names = (f"{source.stem}-read{f'-{n}' if n else ''}{suffix}" for n in count())
    return next(path for path in (folder / name for name in names) if path not in written)


def _serve(args: argparse.Namespace) -> int:
    try:
        from edge.server.serve import serve
    except ImportError as error:
        raise RuntimeMissingError(
            f"the web page needs {error.name}, which is missing: pip install 'digitcam[web]'"
        ) from error
    return serve(args, _source_options(args), _say)


def _bench(args: argparse.Namespace) -> int:
    from edge.bench import as_text, load_report, measure
    from edge.files import write_whole

    earlier = load_report(args.compare) if args.compare else None
    reader = _reader(args)
    with open_source(args.source or find_source(), _source_options(args), on_notice=_say) as source:
        _say(f"reading {args.warm_up + args.frames} frames from {source.name}")
        report = measure(reader, source, warm_up=args.warm_up, frames=args.frames).as_dict()
    print(json.dumps(report) if args.json else as_text(report, earlier))
    write_whole(args.out, json.dumps(report, indent=2) + "\n")
    _say(f"saved {args.out}")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from edge.doctor import as_dict, as_text, examine

    checks = examine(args.source, _source_options(args))
    print(json.dumps(as_dict(checks)) if args.json else as_text(checks))
    return int(any(check.state == "failed" for check in checks))


def _model_show(args: argparse.Namespace) -> int:
    from edge.model_check import describe

    print(json.dumps(describe(args.file), indent=2))
    return 0


def _model_verify(args: argparse.Namespace) -> int:
    from edge.model_check import verify

    print(verify(args.file))
    return 0


def _reader(args: argparse.Namespace) -> DigitReader:
    from edge.classifier import Classifier
    from edge.model_file import load_model
    from edge.reader import DigitReader

    return DigitReader(Classifier(load_model(args.model)))


class _Errors:
    """Says each error in one line, and remembers that there was one."""

    def __init__(self) -> None:
        self.exit_code = 0

    def add(self, error: EdgeError) -> None:
        _say(f"error: {error}")
        self.exit_code = _exit_code(error)


def _exit_code(error: EdgeError) -> int:
    """2 for what the user can put right by asking for something else; 1 for a machine that cannot do it."""
    return 1 if isinstance(error, OutputError | RuntimeMissingError) else 2


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, found {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0, found {text!r}")
    return seconds


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected width and height such as 640x480, found {text!r}")
    return int(width), int(height)


def _picture(text: str) -> Path:
    from edge.overlay import SUFFIXES

    return _named(text, SUFFIXES)


def _video(text: str) -> Path:
    return _named(text, (".mp4",))


def _named(text: str, suffixes: Sequence[str]) -> Path:
    path = Path(text)
    if path.suffix.lower() not in suffixes:
        raise argparse.ArgumentTypeError(
            f"expected a name that ends in {' or '.join(suffixes)}, found {text!r}"
        )
    return path


def _say(text: str) -> None:
    print(f"digitcam: {text}", file=sys.stderr, flush=True)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)  # a second one must not disturb what is being finished
    raise KeyboardInterrupt
