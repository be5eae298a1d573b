"""Train the ink network: `python -m training.ink --data DIR --run runs/ink`."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge.errors import UsageError
from edge.files import write_whole
from edge.model_file import INK_MODEL
from edge.workers import Place
from training.commands import CONFIG, add_run, exit_code, new_run, positive, resumable, resumed_run

# Keras takes seconds to import: `_train` does it, and --help does not.

PATCHES, VALIDATION_PATCHES = 36_000, 400
CALIBRATION_PATCHES = 200
"""Training patches that show the converter the range of every activation."""

SHOWN = 40
"""Validation patches on the sheet of masks."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a run was made of.

    Attributes:
        epochs: passes over the patches.
        patches: to learn from.
        seed: of the scenes, the weights, the order of the patches and their distortions.
        data: SHA-256 of the decompressed contents of each data file of MNIST, and of the list of fonts.
        versions: of Python and the packages that matter, and the Keras backend.
        command: the command line.
        commit: of the code, "unknown" outside a git checkout.
    """

    epochs: int
    patches: int
    seed: int
    data: Mapping[str, str]
    versions: Mapping[str, str]
    command: str
    commit: str

    @classmethod
    def read(cls, folder: Path) -> Config:
        """The configuration of the run in `folder`.

        Raises:
            UsageError: when the folder is no run folder.
        """
        try:
            return cls(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{folder} is no run folder: cannot read {CONFIG}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "training.ink", *arguments])
    return exit_code(lambda: _train(options, command))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.ink",
        description="Draw scenes, train the network that finds the ink of digits in them, and convert it.",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of data sets (default: $DIGITCAM_DATA)"
    )
    add_run(parser, "ink")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the patches (default: 20)")
    parser.add_argument(
        "--patches", type=positive, metavar="N", help=f"patches to learn from (default: {PATCHES})"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same network (default: 1)"
    )
    parser.add_argument(
        "--processes", type=positive, default=1, metavar="N", help="that draw scenes (default: %(default)s)"
    )
    return parser


def _train(options: argparse.Namespace, command: str) -> None:
    from training.dataset import DIGESTS
    from training.ink.measure import Score, sheet
    from training.ink.patches import Patches, draw_patches
    from training.ink.quantize import marked, to_int8
    from training.ink.train import Recipe, Training
    from training.runs import commit, versions
    from training.scenes.bank import load_bank
    from training.scenes.typefaces import Split, fonts_digest, tell_of_fonts

    recipe = Recipe()
    if options.resume:
        folder = resumed_run(options, ("epochs", "patches", "seed"))
        config = Config.read(folder)
    else:
        folder = new_run(options, "ink")
        seed = 1 if options.seed is None else options.seed
        config = Config(
            options.epochs or recipe.epochs,
            options.patches or PATCHES,
            seed,
            {**DIGESTS, **fonts_digest()},
            versions(),
            command,
            commit(),
        )

    def patches(split: Split, *, count: int, seed: int) -> Patches:
        """Drawn once and kept: that takes minutes."""
        path = folder / f"{split}.npz"
        if not path.exists():
            draw_patches(options.data, split, count, seed=seed, place=Place(options.processes)).save(path)
        return Patches.load(path)

    load_bank(options.data, "test")  # data that is missing leaves no folder behind
    tell_of_fonts()
    # Before the patches: they are of this seed, also when drawing them is interrupted.
    write_whole(folder / CONFIG, json.dumps(asdict(config), indent=2) + "\n")
    with resumable(folder):
        # Writers and alphabets of the split "test" are in no scene that is learned from.
        validation = patches("test", count=min(VALIDATION_PATCHES, config.patches), seed=config.seed)
        train = patches("train", count=config.patches, seed=config.seed)
        training = Training(replace(recipe, epochs=config.epochs), train, validation, seed=config.seed)
        training.resume(folder)
        training.go_on(folder)
    model = to_int8(training.network, train.grey[:CALIBRATION_PATCHES])
    said = marked(model, validation.grey)
    scores = {
        "float": Score.of(training.network, validation),
        "int8": Score.from_probabilities(said, validation),
    }
    card = {
        "name": "ink-int8",
        "sha256": hashlib.sha256(model).hexdigest(),
        "bytes": len(model),
        "command": config.command,
        "commit": config.commit,
        "versions": config.versions,
        "training_data": config.data,
        "scores": {name: asdict(score) for name, score in scores.items()},
    }
    path = folder / INK_MODEL
    # The card promises the file's SHA-256: whoever reads both in between sees that they do not fit.
    write_whole(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")
    write_whole(path, model)
    write_whole(folder / "masks.png", sheet(validation, said, SHOWN))
    for name, score in scores.items():
        print(f"{name}: {score}")
    print(f"\n{folder}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
