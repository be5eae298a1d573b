"""The command line of the conversion: a trained network in, a proven `.tflite` file and its card out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from convert.verify import Limits
from edge.errors import UsageError
from edge.files import write_whole
from training.commands import exit_code

# TensorFlow takes seconds to import: _convert does it, and --help does not.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad input or a model that was refused."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings would bury our messages
    options = _parser().parse_args(arguments)
    return exit_code(lambda: _convert(options))


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="Turn a trained network into a .tflite file, full int8, and prove it on MNIST's test "
        "digits. A file that is refused is not written.",
    )
    parser.add_argument("model", type=Path, metavar="RUN", help="a run folder, or the model.keras in it")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE.tflite",
        help="the file to write; its card goes beside it as .json and .md",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST (default: $DIGITCAM_DATA, else Keras' cache, else downloaded to it)",
    )
    parser.add_argument(
        "--version", default="1.0", metavar="TEXT", help="of the model (default: %(default)s)"
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        default=limits.drop,
        metavar="POINTS",
        help="accuracy it may lose against the float network (default: %(default)s)",
    )
    parser.add_argument(
        "--min-agreement",
        type=float,
        default=limits.agreement,
        metavar="PERCENT",
        help="digits of which both must say the same (default: %(default)s)",
    )
    return parser


def _convert(options: argparse.Namespace) -> None:
    if options.output.suffix != ".tflite":
        raise UsageError(f"-o {options.output} must end in .tflite: its card goes beside it")
    from convert.conversion import convert
    from convert.report import card_json, card_markdown
    from training.dataset import load_mnist, split
    from training.harvest import load_scene_glyphs
    from training.runs import Config, load_network, model_path

    path = model_path(options.model)
    network, config = load_network(path), Config.read(path.parent)
    mnist = load_mnist(options.data)
    camera_train, camera_validation = load_scene_glyphs(path.parent)
    train, validation = split(mnist.train[: config.limit], config.seed)
    done = convert(
        network,
        config,
        train=train + camera_train,
        validation=validation,
        camera=camera_validation,
        test=mnist.test,
        version=options.version,
        limits=Limits(options.max_drop, options.min_agreement),
    )
    # The card promises the file's SHA-256: whoever reads both in between sees that they do not fit.
    found = (done.model, done.card, done.comparison)
    write_whole(options.output.with_suffix(".md"), card_markdown(*found))
    write_whole(options.output.with_suffix(".json"), card_json(*found))
    write_whole(options.output, done.model)
    comparison = done.comparison
    print(
        f"{options.output}: {len(done.model):,} bytes; reads {comparison.accuracy:.2%} right, "
        f"the float network {comparison.float_accuracy:.2%}; agreement {comparison.agreement:.2%}; "
        f"temperature {done.card.temperature:g}, accepted from {done.card.thresholds.accept:g}, "
        f"no digit below {done.card.thresholds.digit:g}"
    )


if __name__ == "__main__":
    sys.exit(main())
