"""Make a page network deeper that has learned already: it goes on from what it knows.

    python -m training.page.grow runs/page5 runs/page5-deeper --down 0 1 2 3

A residual convolution that is added says little at first (its normalisation scales by `SCALE`), so that the
network says nearly what it said. (Chen, Goodfellow, Shlens, "Net2Net: Accelerating Learning via Knowledge
Transfer", 2016, add what changes nothing at all; behind a ReLU6, that would never learn.)
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from edge.errors import UsageError
from edge.files import write_whole
from training.commands import exit_code
from training.loop import CHECKPOINT
from training.page.network import DOWN, build_network
from training.page.train import start_from

SCALE = 0.1
"""Of what an added convolution says, at first."""


def grown(old: keras.Model) -> keras.Model:
    """The network as it is built today, with the weights of one that is not as deep."""
    new, learned = build_network(256), {layer.name: layer for layer in old.layers}
    for layer in new.layers:
        weights = layer.get_weights()
        if layer.name in learned:
            layer.set_weights(learned[layer.name].get_weights())
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([np.full_like(weights[0], SCALE), *weights[1:]])
    return new


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    parser = argparse.ArgumentParser(
        prog="python -m training.page.grow",
        description="Make a page network deeper that has learned already.",
    )
    parser.add_argument("run", type=Path, help="folder of its run")
    parser.add_argument("out", type=Path, help="folder for the deeper one, to --start another run with")
    parser.add_argument(
        "--down",
        type=int,
        nargs=len(DOWN),
        required=True,
        metavar="N",
        help=f"its residual convolutions in each level on the way down; today's has {DOWN}",
    )
    options = parser.parse_args(arguments)
    return exit_code(lambda: _grow(options))


def _grow(options: argparse.Namespace) -> None:
    if any(before > after for before, after in zip(options.down, DOWN, strict=True)):
        raise UsageError(f"expected at most {DOWN} residual convolutions, found {tuple(options.down)}")
    old = build_network(256, options.down)
    start_from(old, options.run)
    buffer = io.BytesIO()
    np.savez(buffer, **{f"variable/{index}": each.numpy() for index, each in enumerate(grown(old).variables)})
    options.out.mkdir(parents=True, exist_ok=True)
    write_whole(options.out / CHECKPOINT, buffer.getvalue())


if __name__ == "__main__":
    sys.exit(main())
