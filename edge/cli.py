"""The command line: `digitcam run`, `digitcam read`, `digitcam serve`, `digitcam model`.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 2 bad usage or input;
1 anything else.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import count
from pathlib import Path
from types import FrameType

from edge.classifier import Classifier
from edge.errors import EdgeError, ImageError, OutputError, RuntimeMissingError, SourceError, UsageError
from edge.events import Changes
from edge.files import write_whole
from edge.model_file import load_model
from edge.overlay import SUFFIXES, draw, encode
from edge.reader import DigitReader
from edge.server.command import add_parser as add_serve_parser
from edge.sinks import Sink
from edge.sinks.jsonlines import JsonLines
from edge.sinks.terminal import Terminal
from edge.sources import KINDS, Source, find_source, open_source
from edge.speedometer import Speedometer
from edge.types import Result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    # An end asked for by the system is as orderly as Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The next program in the pipe has seen enough; spare Python's complaint when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OutputError, RuntimeMissingError) as error:
        _say(f"error: {error}")
        return 1
    except EdgeError as error:
        _say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="digitcam", description="Reads handwritten digits from cameras, pictures and videos."
    )
    parser.add_argument("--version", action="version", version=f"digitcam {version('digitcam')}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    sources = f"{', '.join(KINDS)}"

    run = verbs.add_parser("run", help="read live", description="Read live from a source of frames.")
    run.set_defaults(run=_run)
    run.add_argument("source", nargs="?", help=f"{sources} (default: the camera that is there, else demo)")
    run.add_argument("--json", action="store_true", help="print a JSON line for each change of a reading")
    run.add_argument(
        "--every-frame", action="store_true", help="with --json: one object for each frame (schema 1)"
    )
    run.add_argument("--seconds", type=_seconds, metavar="S", help="stop after so many seconds")
    run.add_argument("--frames", type=_count, metavar="N", help="stop after so many frames")
    run.add_argument(
        "--save", type=_picture, metavar="FILE", help="at the end, save the last frame that had numbers"
    )
    run.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of demo: which pages it shows (default 0)"
    )
    _add_model(run)

    read = verbs.add_parser("read", help="read pictures", description="Read pictures, folders and videos.")
    read.set_defaults(run=_read)
    read.add_argument(
        "files", nargs="+", metavar="FILE", help=f"{sources}; of a live source one picture is taken"
    )
    read.add_argument("--json", action="store_true", help="print one JSON object for each picture (schema 1)")
    read.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write each picture with its readings drawn on it"
    )
    _add_model(read)

    serve = add_serve_parser(verbs)
    _add_model(serve)

    model = verbs.add_parser("model", help="show or verify a model", description="Show or verify a model.")
    actions = model.add_subparsers(title="actions", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print what a model says of itself")
    show.set_defaults(run=_model_show)
    verify = actions.add_parser("verify", help="check a model and ask it its known answers")
    verify.set_defaults(run=_model_verify)
    for action in (show, verify):
        action.add_argument("file", nargs="?", type=Path, help="a .tflite file (default: the shipped model)")
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=Path, metavar="FILE", help="a .tflite file instead of the shipped model"
    )


def _run(args: argparse.Namespace) -> int:
    if args.every_frame and not args.json:
        raise UsageError("--every-frame goes with --json: it prints one JSON object for each frame")
    reader = _reader(args)
    errors = _Errors()
    name = args.source or find_source()
    if args.source is None:
        _say(f"reading from {name}")
    speedometer, changes = Speedometer(), Changes()
    last: Result | None = None
    accepted = 0
    with (
        open_source(name, seed=args.seed, on_error=errors.add) as source,
        _sink(args, source, speedometer) as sink,
    ):
        try:
            for result in reader.results(source):
                speedometer.tick(result)
                events = changes.update(result)
                accepted += sum(event.kind == "accepted" for event in events)
                sink.write(result, events)
                if result.readings or last is None:
                    last = result
                if speedometer.frames == args.frames or speedometer.elapsed_s >= (args.seconds or math.inf):
                    break
        except KeyboardInterrupt:
            pass  # how a live reading ends
        except EdgeError as error:
            errors.add(error)  # what was read until then is summed up all the same
    middle, high = speedometer.latency_ms([50, 90])
    _say(
        f"{speedometer.frames} frames in {speedometer.elapsed_s:.1f} s, {source.dropped} dropped; "
        f"from capture to reading {middle:.1f} ms (p50), {high:.1f} ms (p90); {accepted} numbers accepted"
    )
    if args.save and last is not None:
        write_whole(args.save, encode(draw(last.frame.image, last.readings), args.save.suffix))
        _say(f"saved {args.save}")
    return errors.exit_code


def _sink(args: argparse.Namespace, source: Source, speedometer: Speedometer) -> Sink:
    if args.json:
        return JsonLines(sys.stdout, every_frame=args.every_frame)
    return Terminal(source, speedometer)


def _read(args: argparse.Namespace) -> int:
    reader = _reader(args)
    errors = _Errors()
    width = max(len(name) for name in args.files)
    written: set[Path] = set()
    for name in args.files:
        try:
            for result in _results(reader, name, errors):
                if args.json:
                    print(json.dumps(result.as_dict()), flush=True)
                else:
                    print(_row(result, name, width), flush=True)
                if args.annotate:
                    picture = draw(result.frame.image, result.readings)
                    path = _free_name(args.annotate, result, written)
                    write_whole(path, encode(picture, path.suffix))
                    written.add(path)
        except (ImageError, SourceError, UsageError) as error:
            errors.add(error)  # the others are still read
    return errors.exit_code


def _results(reader: DigitReader, name: str, errors: _Errors) -> Iterator[Result]:
    with open_source(name, on_error=errors.add) as source:
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
    source = Path("stdin.png" if result.frame.source == "-" else result.frame.source)
    suffix = source.suffix if source.suffix.lower() in SUFFIXES else ".png"
    names = (f"{source.stem}-read{f'-{n}' if n else ''}{suffix}" for n in count())
    return next(path for path in (folder / name for name in names) if path not in written)


def _model_show(args: argparse.Namespace) -> int:
    model = load_model(args.file)
    card = {"file": str(model.path), "bytes": len(model.data), "sha256": model.sha256, **model.card.as_dict()}
    answers = card.pop("known_answers")
    card["known_answers"] = len(answers["probabilities"])
    print(json.dumps(card, indent=2))
    return 0


def _model_verify(args: argparse.Namespace) -> int:
    model = load_model(args.file)
    classifier = Classifier(model)
    card = model.card
    known = len(card.known_answers.glyphs)
    print(f"{model.path}: {card.name} {card.version} gives its {known} known answers on {classifier.runtime}")
    return 0


def _reader(args: argparse.Namespace) -> DigitReader:
    return DigitReader(Classifier(load_model(args.model)))


class _Errors:
    """Says each error in one line, and remembers that there was one."""

    def __init__(self) -> None:
        self.exit_code = 0

    def add(self, error: EdgeError) -> None:
        _say(f"error: {error}")
        self.exit_code = 2


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


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"expected a name that ends in {' or '.join(SUFFIXES)}, found {text!r}"
        )
    return path


def _say(text: str) -> None:
    print(f"digitcam: {text}", file=sys.stderr, flush=True)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
