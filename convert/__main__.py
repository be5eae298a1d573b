"""The command line of the conversion: a trained network in, a proven `.tflite` file and its card out."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from convert.formats import DEFAULT, FORMATS, MISREAD_SHARE, SCENES, SLOW
from convert.quietly import import_tensorflow
from convert.verify import Limits
from edge.errors import ModelError, UsageError
from edge.files import write_all
from training.commands import CONFIG, count, exit_code

if TYPE_CHECKING:
    from convert.conversion import Conversion, Converter, Origin, Partner
    from convert.material import Material
    from convert.original import Loaded, Original
    from convert.ready import LoadedFile, OriginalFile
    from convert.report import Findings

PAGES = 300
"""Drawn to fit a digit network to the page network: its seven coefficients see thousands of candidates."""

# TensorFlow takes seconds to import: what needs it is imported where it is used, and --help does not.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad input or a model that was refused."""
    options = _parser().parse_args(arguments)
    # An end asked for by the system is as orderly as Ctrl-C: no temporary file stays.
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return exit_code(lambda: _convert(options))
    except _StoppedError:
        print("stopped", file=sys.stderr)
        return 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _StoppedError(BaseException):
    """Somebody asked for an end.

    Not KeyboardInterrupt: Python ends by the signal, whatever the exit code, where one has passed through the
    `exec` of a text, of which TensorFlow has many.
    """


def _parser() -> argparse.ArgumentParser:
    defaults = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="Turn a trained network into a .tflite file and prove it. A file that is refused is not "
        "written.",
    )
    parser.add_argument(
        "model",
        type=Path,
        metavar="NETWORK",
        help="a run folder, a .keras, .h5 or .tflite file, or the folder of a SavedModel",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE.tflite",
        help="the file to write; its card goes beside it as .json and .md. With --all: the folder",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument(
        "--format",
        choices=FORMATS,
        help=f"how to store it (default: {DEFAULT}; a .tflite file stays as it is)",
    )
    formats.add_argument("--all", action="store_true", help="every format, with a report that compares them")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST (default: $DIGITCAM_DATA, else Keras' cache, else downloaded to it)",
    )
    parser.add_argument(
        "--calibrate",
        type=Path,
        metavar="DIR",
        help="pictures of your own that show the range of every activation, instead of training digits",
    )
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="also measure speed and layers, and write report.md"
    )
    parser.add_argument(
        "--runtime",
        type=Path,
        action="append",
        default=[],
        metavar="ENV",
        help="a second virtual environment whose runtime is measured too; may be given again",
    )
    parser.add_argument(
        "--pages",
        type=count,
        default=PAGES,
        metavar="N",
        help="pages to draw, on which it is fitted to the shipped page network (default: %(default)s); "
        "0: none, digitcam run and read then cannot use it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    card = parser.add_argument_group("the card")
    card.add_argument("--name", metavar="TEXT", help="of the model (default: the network's own)")
    card.add_argument("--version", default="1.0", metavar="TEXT", help="of the model (default: %(default)s)")
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-drop",
        type=float,
        default=defaults.drop,
        metavar="POINTS",
        help="accuracy it may lose against the float network (default: %(default)s)",
    )
    limits.add_argument(
        "--min-agreement",
        type=float,
        default=defaults.agreement,
        metavar="PERCENT",
        help="digits of which both must say the same (default: %(default)s)",
    )
    limits.add_argument(
        "--min-accuracy",
        type=float,
        default=defaults.accuracy,
        metavar="PERCENT",
        help="pictures that it must read right, whatever the float network does (default: %(default)s)",
    )
    limits.add_argument(
        "--misread",
        type=float,
        default=100 * MISREAD_SHARE,
        metavar="PERCENT",
        help="of the digits shown as certain, how many may be misread: the threshold is chosen by that "
        "(default: %(default)g; asked of networks without drawn scenes)",
    )
    limits.add_argument(
        "--force", action="store_true", help="write what is refused, with the reason in its card"
    )
    own = parser.add_argument_group("a network of your own")
    own.add_argument(
        "--labels", type=Path, metavar="FILE", help="what its outputs mean, a line each (default: 0 to 9)"
    )
    own.add_argument(
        "--test",
        type=Path,
        metavar="DIR",
        help="pictures to prove it on, in a folder for each label (default: MNIST's test digits)",
    )
    own.add_argument(
        "--pixels",
        type=float,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="what it takes for black and for white (default: found out by asking it)",
    )
    own.add_argument(
        "--logits", action="store_true", help="its outputs are logits: put a softmax behind them"
    )
    return parser


def _convert(options: argparse.Namespace) -> None:
    if not options.all and options.output.suffix != ".tflite":
        raise UsageError(f"-o {options.output} must end in .tflite: its card goes beside it")
    import_tensorflow()
    from convert.conversion import Converter
    from convert.original import BLACK_AND_WHITE, load_network
    from convert.ready import TFLITE, OriginalFile, load_file
    from convert.report import formats_table, layers_table, report_json
    from convert.speed import python_of

    pythons = [python_of(environment) for environment in options.runtime]
    ready = options.model.suffix == TFLITE and not options.model.is_dir()
    if ready and options.all:
        raise UsageError(f"{options.model} stays in the format that it has: leave --all out")
    loaded = (load_file if ready else load_network)(
        options.model,
        name=options.name,
        labels=_labels(options.labels) if options.labels else None,
        logits=options.logits,
    )
    original = loaded.taking(BLACK_AND_WHITE)
    if not original.reads_digits:
        _say("its labels are not 0 to 9: edge.classifier.Classifier can use it, digitcam run and read cannot")
    material, origin = _material(options, original)
    pixels, hint = _pixels(options, loaded, material)
    original = loaded.taking(pixels)
    limits = Limits(options.max_drop, options.min_agreement, options.min_accuracy)
    if options.format is None:
        options.format = original.format if isinstance(original, OriginalFile) else DEFAULT
    partner = _partner(options) if original.reads_digits else None
    misread = options.misread / 100
    try:
        with Converter(original, material, origin, limits, partner, misread=misread) as converter:
            findings = _findings(options, converter, pythons)
    except ModelError as error:
        raise ModelError(f"{error}{hint}") from error
    print(json.dumps(report_json(findings), indent=2) if options.json else formats_table(findings), end="")
    files = _files(options, findings)
    write_all(files)
    for path in files:
        _say(str(path))
    for form, each in findings.conversions.items():
        if each.card.fused:
            _say(
                f"{form}: from a confidence of {each.card.fused.accept:.1%}, of all networks together, "
                "a digit is shown as certain"
            )
            continue
        test, found = next(iter(each.comparisons.items()))
        _say(
            f"{form}: from a confidence of {each.card.thresholds.accept:.1%} a digit is shown as certain; "
            f"of {test} those are {found.accepted:.1%}, {found.accepted_wrong:.2%} of them misread"
            + ("" if SCENES in each.comparisons else "; on photos they are fewer (--misread sets how strict)")
        )
    refused = dict(findings.impossible) if options.force else findings.refused
    if refused:
        if layers := {form: errors for form, errors in findings.layers.items() if form in refused}:
            _say(layers_table(layers))
            if not _report_folder(options):
                _say("--report DIR draws this")
        raise ModelError("; ".join(f"{form} is refused: {why}" for form, why in refused.items()) + hint)


def _pixels(
    options: argparse.Namespace, loaded: Loaded | LoadedFile, material: Material
) -> tuple[tuple[float, float], str]:
    """What the network takes for black and for white, and what to say where it is refused.

    Asked for or not, the network tells: shown other pixels than it was trained with, it reads worse.
    """
    from convert.pixels import BETTER, RANGES, best, try_ranges

    asked = tuple(options.pixels) if options.pixels else None
    others = [pixels for pixels in RANGES if pixels != asked]
    trials = try_ranges(loaded, material.sets[material.calibrating], [asked, *others] if asked else RANGES)
    first, found = trials[0], best(trials)
    told = (
        f"with {found.option} it reads {found.accuracy:.1%} of some pictures right (loss {found.loss:.2f}), "
        f"with {first.option} {first.accuracy:.1%} (loss {first.loss:.2f})"
    )
    if asked is None:
        if found != first:
            _say(f"found out what it takes for black and for white: {told}")
        return found.pixels, ""
    return asked, f"; {told}" if found.accuracy >= first.accuracy + BETTER else ""


def _labels(path: Path) -> tuple[str, ...]:
    try:
        labels = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the labels in {path}: {error}") from error
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise UsageError(
            f"{path} must hold two or more labels, a line each, all different: found {len(labels)}, "
            f"{len(set(labels))} of them different"
        )
    return labels


def _material(options: argparse.Namespace, original: Original | OriginalFile) -> tuple[Material, Origin]:
    """What to calibrate and prove with, and where the network comes from."""
    from convert.conversion import Origin
    from convert.material import of_digits, of_pictures
    from training.runs import Config

    run = options.model if options.model.is_dir() else options.model.parent
    config = Config.read(run) if (run / CONFIG).exists() else None
    if options.test:
        material = of_pictures(original, options.test, calibrate=options.calibrate)
    elif original.reads_digits:
        material = of_digits(
            run,
            limit=config.limit if config else None,
            seed=config.seed if config else 1,
            data=options.data,
            calibrate=options.calibrate,
            foreign=config is None,
        )
    else:
        raise UsageError(
            "its labels are not 0 to 9: give pictures to prove it on, in a folder for each label, with --test"
        )
    if config is None:
        return material, Origin(options.version, training_data={}, command="", commit="")
    return material, Origin(options.version, config.data, config.command, config.commit)


def _partner(options: argparse.Namespace) -> Partner | None:
    """The shipped page network, and pages to fit a digit network to it on."""
    from convert.conversion import Partner
    from convert.pair import held_out_pages
    from edge.page_file import load_page
    from training.dataset import DataError

    if not options.pages:
        return None
    page = load_page()
    _say(f"{options.pages} pages to fit it to {page.card.name} {page.card.version} on")
    try:
        return Partner(page, held_out_pages(options.data, options.pages))
    except DataError as error:
        raise UsageError(f"{error}; --pages 0 does without pages") from error


def _findings(options: argparse.Namespace, converter: Converter, pythons: Sequence[Path]) -> Findings:
    """Convert into the formats asked for, and measure what was asked for."""
    from convert.report import Findings
    from convert.speed import ASKED, measure_speed

    forms = tuple(FORMATS) if options.all else (options.format,)
    conversions, impossible = {}, {}
    for form in forms:
        if options.all:
            _say(f"{form}: {FORMATS[form]}")
        elif form == SLOW:
            _say(f"warning: {form} is slow on every runtime, some 70 times the time of int8")
        try:
            conversions[form] = converter.to(form)
        except ModelError as error:
            if not options.all:
                raise
            impossible[form] = str(error)
    if not conversions:
        raise ModelError("; ".join(f"{form}: {why}" for form, why in impossible.items()))
    layers = {
        form: converter.layer_errors(each.model)
        for form, each in conversions.items()
        if converter.quantizes
        and form != "float32"
        and (_report_folder(options) or (each.card.failure and _lost_here(each, options.min_accuracy)))
    }
    speeds = []
    if _report_folder(options):
        _say("speed, on each runtime")
        models = {form: each.model for form, each in conversions.items()}
        speeds = measure_speed(models, *converter.sample(ASKED), others=pythons)
    return Findings(converter.name, conversions, impossible, layers, speeds)


def _lost_here(conversion: Conversion, least: float) -> bool:
    """Whether a model that was refused is worse than the float network, so that its layers tell where."""
    found = next(iter(conversion.comparisons.values()))
    return 100 * found.float_accuracy >= least


def _report_folder(options: argparse.Namespace) -> Path | None:
    folder: Path | None = options.report or (options.output if options.all else None)
    return folder


def _files(options: argparse.Namespace, findings: Findings) -> dict[Path, bytes | str]:
    """All that is to be written: the report, and each model after its cards.

    A card promises the SHA-256 of its model: whoever reads both in between sees that they do not fit.
    """
    from convert.figures import formats_figure, layers_figure
    from convert.report import card_json, card_markdown, report_json, report_markdown
    from training.figures import png

    files: dict[Path, bytes | str] = {}
    folder = _report_folder(options)
    if folder:
        files[folder / "report.md"] = report_markdown(findings)
        files[folder / "report.json"] = json.dumps(report_json(findings), indent=2) + "\n"
        files[folder / "formats.png"] = png(formats_figure(findings))
        if findings.layers:
            files[folder / "layers.png"] = png(layers_figure(findings.layers))
    for each in findings.conversions.values():
        if each.card.failure and not options.force:
            continue
        path = options.output / f"{each.card.name}.tflite" if options.all else options.output
        files[path.with_suffix(".md")] = card_markdown(each)
        files[path.with_suffix(".json")] = card_json(each)
        files[path] = each.model
    return files


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise _StoppedError


if __name__ == "__main__":
    sys.exit(main())
