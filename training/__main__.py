"""The command line of the workstation: train a network, evaluate one."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.model_file import load_model
from training.characters import load_optdigits, optdigits_digest
from training.commands import (
    add_place,
    add_run,
    count,
    exit_code,
    new_run,
    place_of,
    positive,
    resumable,
    resumed_run,
)
from training.dataset import DIGESTS, load_mnist, split
from training.scenes.typefaces import fonts_digest, tell_of_fonts
from training.suite import PARTS, evaluate, open_model, real_digits

# Keras takes seconds to import: the functions below do it when they are called, and --help does not.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings would bury our messages
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "training", *arguments])
    verbs = {"evaluate": _evaluate, "compare": _compare}
    verb = verbs.get(options.command)
    return exit_code(lambda: verb(options) if verb else _train(options, command))


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
    add_run(parser, "RECIPE")
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="passes over the digits, instead of the recipe's"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="use the first N training images only")
    parser.add_argument(
        "--scenes",
        type=count,
        metavar="N",
        help="scenes to draw for glyphs as a camera makes them, instead of the recipe's; 0: none",
    )
    add_place(parser, workers=2)
    commands = parser.add_subparsers(title="other commands", metavar="COMMAND")
    measure = commands.add_parser(
        "evaluate",
        parents=[data],
        help="measure a model",
        description="Measure a model on MNIST's test digits, as they are and corrupted, on drawn scenes, and "
        "on the photos and characters that the data folder has in real/.",
    )
    measure.set_defaults(command="evaluate")
    measure.add_argument(
        "model", type=Path, metavar="MODEL", help="a .tflite file, a .keras file or a run folder"
    )
    measure.add_argument("--json", action="store_true", help="print JSON instead of tables")
    measure.add_argument(
        "--report", type=Path, metavar="DIR", help="write the report with its pictures, and the same as JSON"
    )
    measure.add_argument(
        "--publish", action="store_true", help="a report without contact sheets of crops, to show to others"
    )
    measure.add_argument(
        "--scenes", type=count, metavar="N", default=200, help="scenes to draw (default: %(default)s)"
    )
    measure.add_argument(
        "--only", nargs="+", choices=PARTS, metavar="PART", help=f"measure only {', '.join(PARTS)}"
    )
    compare = commands.add_parser(
        "compare",
        parents=[data],
        help="compare the network with other learners",
        description="Compare the seed paper's network with nearest neighbours, a support vector machine, a "
        "random forest and a dense network.",
    )
    compare.set_defaults(command="compare")
    compare.add_argument(
        "--run",
        type=Path,
        metavar="RUN",
        help="the network in float32: a run folder or a .keras file (default: trained by the recipe paper)",
    )
    compare.add_argument(
        "--model", type=Path, metavar="FILE", help="the network in int8 (default: the shipped model)"
    )
    compare.add_argument(
        "--limit", type=positive, metavar="N", help="use the first N digits only, to try it out"
    )
    compare.add_argument(
        "--out", type=Path, metavar="DIR", help="write the table, a plot, and the same as JSON"
    )
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.evaluate import Evaluation
    from training.network import probabilities
    from training.report import classification_report, write_report
    from training.runs import Config, save_model
    from training.train import RECIPES, Training

    place = place_of(options)
    if options.resume:
        folder = resumed_run(options, ("recipe", "epochs", "seed", "limit", "scenes"))
        config = Config.read(folder)
    else:
        recipe = RECIPES[options.recipe or "best"]
        scenes = recipe.scenes if options.scenes is None else options.scenes
        recipe = replace(recipe, epochs=options.epochs or recipe.epochs, scenes=scenes)
        folder = new_run(options, recipe.name)
        seed = 1 if options.seed is None else options.seed
        data = DIGESTS | (optdigits_digest(options.data) if recipe.optdigits else {})
        data |= fonts_digest() if recipe.scenes else {}
        config = Config.now(recipe=recipe, seed=seed, limit=options.limit, data=data, command=command)
    mnist = load_mnist(options.data)
    recipe = config.recipe
    digits, validation = split(mnist.train[: config.limit], config.seed)
    train = digits.repeated(recipe.mnist)
    if recipe.optdigits:
        hands = load_optdigits(options.data)[: config.limit]
        train += hands.repeated(recipe.optdigits)
        digits += hands
    config.write(folder)
    if recipe.scenes:
        tell_of_fonts()
    with resumable(folder):
        if recipe.scenes:
            from training.harvest import scene_glyphs

            found = scene_glyphs(
                folder,
                digits,
                validation,
                seed=config.seed,
                scenes=recipe.scenes,
                data=options.data,
                place=place,
            )
            train, validation = train + found[0], validation + found[1]
        training = Training(recipe, train, validation, seed=config.seed)
        training.resume(folder)
        network = training.run(folder)
    save_model(network, folder)
    evaluation = Evaluation(mnist.test, probabilities(network, mnist.test.glyphs))
    write_report(folder, evaluation, training.history)
    print(classification_report(evaluation), end="")
    print(f"\n{folder}", file=sys.stderr)


def _evaluate(options: argparse.Namespace) -> None:
    from training.report import as_dict, text_report, write_findings

    test, model = load_mnist(options.data).test, open_model(options.model)
    findings = evaluate(model, test, data=options.data, scenes=options.scenes, parts=options.only or PARTS)
    print(json.dumps(as_dict(findings)) if options.json else text_report(findings), end="")
    if options.report:
        write_findings(options.report, findings, publish=options.publish)
        print(options.report, file=sys.stderr)


def _compare(options: argparse.Namespace) -> None:
    # Before TensorFlow is imported: all contestants learn, and are timed, on one thread.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    from training.compare import markdown, measure, on_one_thread, train_all, write_comparison

    mnist = load_mnist(options.data)
    train, validation = split(mnist.train[: options.limit], seed=1)
    with on_one_thread():
        contestants = train_all(train, validation, run=options.run, model=load_model(options.model))
        rows = measure(contestants, mnist.test[: options.limit], real_digits(options.data))
    print(markdown(rows), end="")
    if options.out:
        write_comparison(options.out, rows)
        print(options.out, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
