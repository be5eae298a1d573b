"""Convert the mark network: `python -m convert.marks runs/marks -o marks.tflite`.

Its temperature and threshold are those for true digits on held-out pages, until `python -m convert.pair` fits
them to what the page network finds.
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
        prog="python -m convert.marks", description="Quantize a mark network and prove it."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="its run folder (python -m training.marks)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.tflite")
    parser.add_argument("--version", default="1.0", metavar="X.Y", help="of the model (default: 1.0)")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _convert(options))


def _convert(options: argparse.Namespace) -> None:
    import_tensorflow()
    from convert.card_file import write_model
    from convert.marking import Signs, calibrated
    from convert.patch_model import converted
    from edge.marks import open_marks
    from training.marks.run import LAYOUT, Config, held_out_places

    config = Config.read(options.run)
    places = held_out_places(options.run, config.seed)
    model, told = converted(options.run, config, LAYOUT, places, version=options.version, path=options.output)
    raw = open_marks(model).raw(places.patches)
    write_model(options.output, calibrated(model, Signs(raw, places.labels), [], ""))
    print(told, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
