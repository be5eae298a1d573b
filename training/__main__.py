"""The command line of the workstation: train a network, evaluate one."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.errors import EdgeError, UsageError

# Keras takes seconds to import: the functions below do it when they are called, and --help does not.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings would bury our messages
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    try:
        if options.command == "evaluate":
            _evaluate(options)
        else:
            _train(options, shlex.join(["python", "-m", "training", *arguments]))
    except ArithmeticError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except EdgeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        default=argparse.SUPPRESS,  # None here would wipe out what stands before the command
        help="folder with MNIST (default: $DIGITCAM_DATA, else Keras' cache, else downloaded to it)",
    )
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train the digit network on MNIST.", parents=[data]
    )
    parser.set_defaults(command="train", data=None)
    parser.add_argument(
        "--recipe",
        choices=("best", "paper"),
        help="paper: plain Adam; best (default): distortions, batch normalisation, weight averaging",
    )
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--run", type=Path, metavar="DIR", help="new run folder (default: runs/RECIPE-TIME)")
    folder.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run")
    parser.add_argument(
        "--epochs", type=_positive, metavar="N", help="passes over the digits, instead of the recipe's"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="use the first N training images only")
    parser.add_argument(
        "--scenes",
        type=_count,
        metavar="N",
        help="scenes to draw for glyphs as a camera makes them, instead of the recipe's; 0: MNIST alone",
    )
    commands = parser.add_subparsers(title="other commands", metavar="COMMAND")
    evaluate = commands.add_parser(
        "evaluate",
        parents=[data],
        help="measure a model",
        description="Measure a model on MNIST's test digits.",
    )
    evaluate.set_defaults(command="evaluate")
    evaluate.add_argument(
        "model", type=Path, metavar="MODEL", help="a .tflite file, a .keras file or a run folder"
    )
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.dataset import load_mnist, split
    from training.evaluate import Evaluation
    from training.network import probabilities
    from training.report import classification_report, write_report
    from training.runs import CONFIG, Config, save_model
    from training.train import RECIPES, Training

    if options.resume:
        fixed = ("recipe", "epochs", "seed", "limit", "scenes")
        if any(getattr(options, name) is not None for name in fixed):
            raise UsageError(f"--resume takes {', '.join(f'--{name}' for name in fixed)} from the run itself")
        folder, config = options.resume, Config.read(options.resume)
    else:
        recipe = RECIPES[options.recipe or "best"]
        scenes = recipe.scenes if options.scenes is None else options.scenes
        recipe = replace(recipe, epochs=options.epochs or recipe.epochs, scenes=scenes)
        folder = options.run or Path("runs") / time.strftime(f"{recipe.name}-%Y%m%d-%H%M%S")
        if (folder / CONFIG).exists():
            raise UsageError(
                f"{folder} holds a run already: go on with it by --resume {folder}, or name another"
            )
        seed = 1 if options.seed is None else options.seed
        config = Config.now(recipe, seed=seed, limit=options.limit, command=command)
    mnist = load_mnist(options.data)
    train, validation = split(mnist.train[: config.limit], config.seed)
    config.write(folder)
    if config.recipe.scenes:
        from training.harvest import scene_glyphs

        found = scene_glyphs(
            folder, train, validation, seed=config.seed, scenes=config.recipe.scenes, data=options.data
        )
        train, validation = train + found[0], validation + found[1]
    training = Training(config.recipe, train, validation, seed=config.seed)
    training.resume(folder)
    try:
        network = training.run(folder)
    except KeyboardInterrupt:
        print(f"stopped after epoch {len(training.history)}: go on with --resume {folder}", file=sys.stderr)
        raise SystemExit(130) from None
    save_model(network, folder)
    evaluation = Evaluation(mnist.test, probabilities(network, mnist.test.glyphs))
    write_report(folder, evaluation, training.history)
    print(classification_report(evaluation), end="")
    print(f"\n{folder}", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from training.dataset import load_mnist
    from training.evaluate import Evaluation
    from training.report import classification_report, metrics

    test = load_mnist(options.data).test
    if options.model.suffix == ".tflite":
        from edge.classifier import Classifier, calibrate
        from edge.model_file import load_model

        classifier = Classifier(load_model(options.model))
        said = calibrate(classifier.raw(test.glyphs), classifier.card.temperature)
    else:
        from training.network import probabilities
        from training.runs import load_network

        said = probabilities(load_network(options.model), test.glyphs)
    evaluation = Evaluation(test, said)
    if options.json:
        print(json.dumps({"mnist-test": metrics(evaluation)}))
    else:
        print(classification_report(evaluation), end="")
        print(f"\ncross-entropy {evaluation.cross_entropy:.4f}")
        print(f"calibration error {evaluation.calibration_error:.4f}")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of 0 or more, found {text!r}")
    return int(text)


def _positive(text: str) -> int:
    number = _count(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, found {text!r}")
    return number


if __name__ == "__main__":
    sys.exit(main())
