"""Convert the refinement network: `python -m convert.refine runs/refine -o refine.tflite`.

What it says is weighed by `python -m convert.pair`, which puts it into the page network's file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from convert.quietly import import_tensorflow
from training.commands import exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 bad usage or input, 1 anything else."""
    parser = argparse.ArgumentParser(
        prog="python -m convert.refine", description="Quantize a refinement network and prove it."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="its run folder (python -m training.refine)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.tflite")
    parser.add_argument("--version", default="1.0", metavar="X.Y", help="of the model (default: 1.0)")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> None:
    import_tensorflow()
    from convert.card_file import write_model
    from convert.patch_model import converted
    from training.refine.run import LAYOUT, Config, places_of

    model, told = converted(
        options.run,
        Config.read(options.run),
        LAYOUT,
        places_of(options.run, "test"),
        version=options.version,
        path=options.output,
    )
    write_model(options.output, model)
    print(told, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
