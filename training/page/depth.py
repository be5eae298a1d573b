"""Make a page network that has learned already shallower: residual convolutions are left out.

    python -m training.page.depth runs/page7 runs/page7-shallower --down 0 1 3 4

A residual convolution adds to what passes it by. One whose units never fire adds nothing and takes time: the
network says the same without it. `training.page.measure.silent` finds them.
"""

from __future__ import annotations

import argparse
import io
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from edge.errors import UsageError
from edge.files import write_whole
from training.commands import exit_code
from training.loop import CHECKPOINT
from training.page.measure import Score
from training.page.network import DOWN, build_network
from training.page.run import Config, pages_of
from training.page.train import start_from


def shallower(old: keras.Model) -> keras.Model:
    """The network as it is built today, with the weights of one that is as deep or deeper."""
    new = build_network(256)
    for layer in (layer for layer in new.layers if layer.weights):
        layer.set_weights(old.get_layer(layer.name).get_weights())
    return new


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m training.page.depth",
        description="Leave out convolutions of a page network that has learned, and measure both.",
    )
    parser.add_argument("run", type=Path, help="folder of its run")
    parser.add_argument(
        "out", type=Path, help="run folder to write, with the weights that are left and links to its pages"
    )
    parser.add_argument(
        "--down",
        type=int,
        nargs=len(DOWN),
        required=True,
        metavar="N",
        help=f"its residual convolutions in each level on the way down; today's has {DOWN}",
    )
    options = parser.parse_args(arguments)
    command = shlex.join(["python", "-m", "training.page.depth", *arguments])
    return exit_code(lambda: _leave_out(options, command))


def _leave_out(options: argparse.Namespace, command: str) -> None:
    if any(before < after for before, after in zip(options.down, DOWN, strict=True)):
        raise UsageError(f"expected at least {DOWN} residual convolutions, found {tuple(options.down)}")
    if options.out.exists():
        raise UsageError(f"{options.out} is there already: name another folder")
    config = Config.read(options.run)
    (pages,) = pages_of(options.run, "test")
    old = build_network(256, options.down)
    start_from(old, options.run)
    new = shallower(old)
    for name, network in (("before", old), ("after", new)):
        print(f"{name}: {network.count_params()} parameters, {Score.of(network, pages)}")
    buffer = io.BytesIO()
    np.savez(buffer, **{f"variable/{index}": each.numpy() for index, each in enumerate(new.variables)})
    options.out.mkdir(parents=True)
    for pages_folder in options.run.glob("*-pages"):  # gigabytes: both runs have the same ones
        (options.out / pages_folder.name).symlink_to(pages_folder.resolve())
    whole = replace(config, command=f"{config.command} and {command}")
    whole.write(options.out)
    write_whole(options.out / CHECKPOINT, buffer.getvalue())


if __name__ == "__main__":
    sys.exit(main())
