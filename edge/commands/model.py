"""`digitcam model`: what the networks say of themselves, and whether they keep it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.commands.output import put
from edge.commands.parser import Option, Verb


def _show(args: argparse.Namespace) -> int:
    from edge.model_check import describe

    put(json.dumps(describe(args.file), indent=2))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from edge.model_check import verify

    put(verify(args.file))
    return 0


FILE = Option(
    "file",
    "a .tflite file of either network (default: both that are shipped)",
    Path,
    "FILE",
    kind="argument",
    settable=False,
)

VERBS = (
    Verb(
        name="model show",
        help="print what a model says of itself",
        description="Print the card inside a model as JSON: name, labels, thresholds, accuracy, origin.",
        options=(FILE,),
        run=_show,
    ),
    Verb(
        name="model verify",
        help="check a model and ask it its known answers",
        description="Open a model, compare its shapes, types, quantization and card with the contract, and "
        "ask it its known answers; of the two that are shipped, check too that they are a pair. It needs no "
        "TensorFlow.",
        options=(FILE,),
        run=_verify,
    ),
)
