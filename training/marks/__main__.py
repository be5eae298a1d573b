"""Train the mark network: `python -m training.marks --data DIR --run runs/marks`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

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

# Keras takes seconds to import: `_train` does it, and --help does not.

NUMBERS, OTHERS = 30_000, 5_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "training.marks", *arguments])
    return exit_code(lambda: _train(options, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.marks",
        description="Draw pages of numbers and train the network that tells the marks between their digits.",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of data sets (default: $DIGITCAM_DATA)"
    )
    add_run(parser, "marks")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the places (default: 10)")
    parser.add_argument(
        "--numbers", type=positive, metavar="N", help=f"pages of numbers to learn from (default: {NUMBERS})"
    )
    parser.add_argument(
        "--others", type=count, metavar="N", help=f"pages of all that people write (default: {OTHERS})"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    add_place(parser, workers=1)
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.characters import material_digests
    from training.marks.run import LAYOUT, Config, draw_missing, held_out_places, places_to_learn_from
    from training.patches.train import Recipe, learn
    from training.scenes.bank import load_bank
    from training.scenes.typefaces import tell_of_fonts

    place = place_of(options)
    if options.resume:
        folder = resumed_run(options, ("epochs", "numbers", "others", "seed"))
        config = Config.read(folder)
    else:
        folder = new_run(options, "marks")
        config = Config.now(
            epochs=options.epochs or Recipe().epochs,
            numbers=options.numbers or NUMBERS,
            others=OTHERS if options.others is None else options.others,
            seed=1 if options.seed is None else options.seed,
            data=material_digests(options.data),
            command=command,
        )
    load_bank(options.data, "test")  # data that is missing leaves no folder behind
    tell_of_fonts()
    config.write(folder)  # before the pages: they are of its seed, also when drawing them is interrupted
    with resumable(folder):
        draw_missing(folder, options.data, config, place)
        train, validation = places_to_learn_from(folder, config.seed), held_out_places(folder, config.seed)
        learn(folder, LAYOUT, Recipe(epochs=config.epochs), train, validation, seed=config.seed)
    print(f"\n{folder}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
