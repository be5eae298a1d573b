"""Train the refinement network: `python -m training.refine --data DIR --run runs/refine`."""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from collections.abc import Sequence
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

PAGES = 28_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "training.refine", *arguments])
    return exit_code(lambda: _train(options, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.refine",
        description="Draw pages, look at them with the page network, and train the network that says of each "
        "candidate what it is with what stands around it.",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of data sets (default: $DIGITCAM_DATA)"
    )
    add_run(parser, "refine")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over them (default: 10)")
    parser.add_argument("--pages", type=positive, metavar="N", help=f"pages to learn from (default: {PAGES})")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE.tflite",
        help="page network to look with (default: the shipped one)",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    add_place(parser, workers=1)
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.characters import material_digests
    from training.patches.train import Recipe, learn
    from training.refine.run import DISTORTION, LAYOUT, Config, places_of, prepare
    from training.scenes.bank import load_bank
    from training.scenes.typefaces import tell_of_fonts

    place, page = place_of(options), _digest(options.page)
    if options.resume:
        folder = resumed_run(options, ("epochs", "pages", "seed"))
        config = Config.read(folder)
        if page != config.page:
            raise UsageError(
                f"the run in {folder} looks with another page network: resume it with --page, as its "
                f"command: {config.command}"
            )
    else:
        folder = new_run(options, "refine")
        config = Config.now(
            epochs=options.epochs or Recipe().epochs,
            pages=options.pages or PAGES,
            page=page,
            seed=1 if options.seed is None else options.seed,
            data=material_digests(options.data),
            command=command,
        )
    load_bank(options.data, "test")  # data that is missing leaves no folder behind
    tell_of_fonts()
    config.write(folder)  # before the pages: they are of its seed, also when drawing them is interrupted
    with resumable(folder):
        prepare(folder, options.data, options.page, config, place)
        train, validation = places_of(folder, "train"), places_of(folder, "test")
        recipe = Recipe(epochs=config.epochs, distortion=DISTORTION)
        learn(folder, LAYOUT, recipe, train, validation, seed=config.seed)
    print(f"\n{folder}", file=sys.stderr)


def _digest(page: Path | None) -> str:
    from edge.model_file import PAGE_MODEL, read_bytes, shipped_path

    data, _ = read_bytes(shipped_path(PAGE_MODEL) if page is None else page, PAGE_MODEL)
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
