"""Train the page network: `python -m training.page --data DIR --run runs/page`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edge.errors import UsageError
from training.commands import (
    add_place,
    add_run,
    exit_code,
    new_run,
    place_of,
    positive,
    resumable,
    resumed_run,
)

# Keras takes seconds to import: `_train` does it, and --help does not.

PAGES, VALIDATION_PAGES = 20_000, 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "training.page", *arguments])
    return exit_code(lambda: _train(options, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.page",
        description="Draw pages and train the network that sees which digits are where on them.",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of data sets (default: $DIGITCAM_DATA)"
    )
    add_run(parser, "page")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the pages (default: 20)")
    parser.add_argument(
        "--steps", type=positive, metavar="N", help="batches in one (default: each page once)"
    )
    parser.add_argument("--pages", type=positive, metavar="N", help=f"pages to learn from (default: {PAGES})")
    parser.add_argument(
        "--rate", type=float, metavar="X", help="highest learning rate (default: the recipe's)"
    )
    parser.add_argument(
        "--start",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="begin with the weights of another run, with the mean of several, or with a page.tflite",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    add_place(parser, workers=1)
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.characters import material_digests
    from training.loop import CHECKPOINT
    from training.page.run import Config, digest_of_weights, draw_sheaves, pages_of
    from training.page.shipped import start_from_file
    from training.page.train import Recipe, Training, start_from
    from training.scenes.bank import load_bank
    from training.scenes.typefaces import tell_of_fonts

    recipe, place = Recipe(), place_of(options)
    if options.start and len(options.start) > 1 and any(map(Path.is_file, options.start)):
        raise UsageError("--start takes the mean of several runs, or one .tflite file")
    start = " ".join(map(digest_of_weights, options.start or ()))
    if options.resume:
        folder = resumed_run(options, ("epochs", "steps", "pages", "seed", "rate"))
        config = Config.read(folder)
        begun = (folder / CHECKPOINT).exists()
        if (options.start or not begun) and start != config.start:
            raise UsageError(
                f"the run in {folder} begins with other weights: resume it "
                f"{'with' if config.start else 'without'} --start, as its command: {config.command}"
            )
    else:
        folder = new_run(options, "page")
        config = Config.now(
            epochs=options.epochs or recipe.epochs,
            steps=options.steps or 0,
            pages=options.pages or PAGES,
            rate=options.rate or recipe.learning_rate,
            seed=1 if options.seed is None else options.seed,
            start=start,
            data=material_digests(options.data),
            command=command,
        )
    load_bank(options.data, "test")  # data that is missing leaves no folder behind
    tell_of_fonts()
    config.write(folder)  # before the pages: they are of its seed, also when drawing them is interrupted
    with resumable(folder):
        # Hands, alphabets and words of the split "test" are on no page that is learned from.
        draw = partial(draw_sheaves, folder, options.data, seed=config.seed, place=place)
        draw("test", min(VALIDATION_PAGES, config.pages))
        draw("train", config.pages)
        (validation,), train = pages_of(folder, "test"), pages_of(folder, "train")
        recipe = replace(recipe, epochs=config.epochs, learning_rate=config.rate)
        training = Training(recipe, train, validation, seed=config.seed, steps=config.steps)
        if options.start and options.start[0].is_file():
            start_from_file(training.network, options.start[0], validation)
        elif options.start:
            start_from(training.network, *options.start)
        training.resume(folder)
        training.go_on(folder)
    print(f"\n{folder}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
