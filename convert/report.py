"""What people and programs read of a conversion: the card beside a model, and the table of all formats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from convert.calibrate import FALSE_ACCEPT_SHARE
from convert.conversion import Conversion
from convert.formats import SCENES
from convert.layers import LayerError
from convert.pair import UNSEEN_COSTS, WRONG_COSTS
from convert.speed import BATCHES, Speed
from edge.model_file import DIGIT_LABELS
from training.report import table

NONE = "–"


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What came of converting a network.

    Attributes:
        network: its name.
        conversions: by format, at least one.
        impossible: the formats that there is no file of, and why.
        layers: errors of the layers, of the formats that are quantized.
        speeds: on each runtime; none where they were not measured.
    """

    network: str
    conversions: Mapping[str, Conversion]
    impossible: Mapping[str, str]
    layers: Mapping[str, Sequence[LayerError]]
    speeds: Sequence[Speed] = ()

    @property
    def refused(self) -> dict[str, str]:
        """The formats that lost too much, or that there is no file of, and why."""
        found = {form: each.card.failure for form, each in self.conversions.items() if each.card.failure}
        return found | dict(self.impossible)


def card_json(conversion: Conversion) -> str:
    """The card in the file, with the file's SHA-256 and size and what the verification found."""
    values = {
        "sha256": hashlib.sha256(conversion.model).hexdigest(),
        "bytes": len(conversion.model),
        "verification": {name: asdict(found) for name, found in conversion.comparisons.items()},
        **conversion.card.as_dict(),
    }
    return json.dumps(values, indent=2) + "\n"


def card_markdown(conversion: Conversion) -> str:
    """The card as a page: what the model is, how well it reads, and how it was made."""
    card, model = conversion.card, conversion.model
    test, first = next(iter(conversion.comparisons.items()))
    rows, columns, channels = card.input
    digits = card.labels == DIGIT_LABELS
    pixels = "white ink on black" if digits else "RGB" if channels == 3 else "grey"
    refused = (
        f"\n**Refused, and written all the same by `--force`:** {card.failure}.\n" if card.failure else ""
    )
    if card.fusion:
        promise = (
            "what all networks say together, on held-out pages, where a wrong digit costs "
            f"{WRONG_COSTS:g} times as much as a `?`"
        )
    elif SCENES in conversion.comparisons:
        promise = f"of what is no digit in held-out scenes, at most {FALSE_ACCEPT_SHARE:.0%} is as sure"
    else:
        promise = (
            f"{first.accepted:.1%} of {test} are as sure, {first.accepted_wrong:.2%} of those are misread"
        )
    thresholds = card.fused or card.thresholds
    dropped = (
        f"there, a digit that is dropped costs {UNSEEN_COSTS:.2g} times as much as a `?` that is none"
        if card.fused
        else "what is less sure is more often wrong than right"
    )
    partner = f"| page network | `{card.trained_with}` |\n" if card.trained_with else ""
    scores = table(
        [
            "test set",
            "read right",
            "by the float network",
            "same",
            "largest difference of a probability",
            "calibration error",
            "confident mistakes gained",
        ],
        [
            (
                name,
                f"{found.accuracy:.2%}",
                f"{found.float_accuracy:.2%}",
                f"{found.agreement:.2%}",
                f"{found.largest_difference:.3f}",
                f"{found.calibration_error:.4f}",
                f"{found.confident_mistakes_gained:+d}",
            )
            for name, found in conversion.comparisons.items()
        ],
    )
    data = "\n".join(f"| {name} | `{digest}` |" for name, digest in card.training_data.items())
    trained = (
        f"Trained by `{card.command}` at commit `{card.commit}`, converted" if card.command else "Converted"
    )
    return f"""# {card.name} {card.version}

{"Reads a handwritten digit" if digits else "Names what is on a picture"}: {", ".join(card.labels)}.
{refused}
| | |
|---|---|
| size | {len(model):,} bytes |
| SHA-256 | `{hashlib.sha256(model).hexdigest()}` |
| format | {card.format} |
| input | uint8 (n, {rows}, {columns}, {channels}): raw pixels, {pixels}, preprocessing \
version {card.preprocessing} |
| output | float32 (n, {len(card.labels)}): probabilities before calibration |
| calibration | temperature {card.temperature:g} |
| accepted | from a calibrated confidence of {thresholds.accept:g}: {promise} |
| dropped | below {thresholds.digit:g}: {dropped} |
| id | `{card.id}` |
{partner}
## How well it reads

Measured through edge's own runtime.

{scores}
## How it was made

{trained} by `python -m convert`.
{
        f'''
| training data | SHA-256 of its decompressed contents |
|---|---|
{data}
'''
        if data
        else ""
    }
{len(card.known_answers.glyphs)} pictures with known answers are in the file; edge asks them when it loads it.
"""


def formats_table(findings: Findings) -> str:
    """All formats, a row each: what they take, how well they read, how fast they are."""
    tests = list(next(iter(findings.conversions.values())).comparisons)
    speeds = {speed.format: speed for speed in reversed(findings.speeds)}  # the first runtime's, with XNNPACK
    header = [
        "format",
        "bytes",
        *tests,
        "agreement",
        "shown as certain",
        "largest difference",
        "calibration error",
        "mistakes gained",
        *(f"µs, batch {batch}" for batch in BATCHES if speeds),
        *(["verdict"] if findings.refused else []),
    ]
    rows = [
        [
            form,
            f"{len(each.model):,}",
            *(f"{found.accuracy:.2%}" for found in each.comparisons.values()),
            f"{each.comparisons[tests[0]].agreement:.2%}",
            f"{each.comparisons[tests[0]].accepted:.1%}",
            f"{max(found.largest_difference for found in each.comparisons.values()):.3f}",
            f"{each.comparisons[tests[0]].calibration_error:.4f}",
            f"{sum(found.confident_mistakes_gained for found in each.comparisons.values()):+d}",
            *(_latency(speeds[form], batch) for batch in BATCHES if speeds),
            *(["refused" if each.card.failure else "good"] if findings.refused else []),
        ]
        for form, each in findings.conversions.items()
    ]
    rows += [[form, *[NONE] * (len(header) - 2), "impossible"] for form in findings.impossible]
    return table(header, rows)


def speeds_table(speeds: Sequence[Speed]) -> str:
    """Every format on every runtime: median and p90 for one picture, and the share of float32's time."""
    float32 = {(each.runtime, each.xnnpack): each for each in speeds if each.format == "float32"}
    header = ["runtime", "format", "agreement"]
    for batch in BATCHES:
        header += [f"batch {batch}: median µs", "p90 µs", "of float32's"]
    rows = []
    for each in speeds:
        yardstick = float32.get((each.runtime, each.xnnpack))
        row = [_runtime(each), each.format, NONE if each.failure else f"{each.agreement:.1%}"]
        for batch in BATCHES:
            time = each.latencies.get(batch)
            row += [NONE] * 3 if time is None else [f"{time.median_us:.1f}", f"{time.p90_us:.1f}"]
            if time is not None:
                known = yardstick.latencies.get(batch) if yardstick else None
                row.append(f"{time.median_us / known.median_us:.2f}" if known else NONE)
        rows.append(row)
    return table(header, rows)


def layers_table(layers: Mapping[str, Sequence[LayerError]]) -> str:
    """The error of each layer in each format, in per cent of what the layer gives in float32."""
    names = list(dict.fromkeys((each.name, each.kind) for errors in layers.values() for each in errors))
    found = {form: {(each.name, each.kind): each for each in errors} for form, errors in layers.items()}
    rows = [
        [
            name,
            operation,
            *(
                f"{100 * each.error:.2f} ({100 * each.added:+.2f})" if each else NONE
                for each in (errors.get((name, operation)) for errors in found.values())
            ),
        ]
        for name, operation in names
    ]
    return table(["layer", "operation", *(f"{form}: error % (added)" for form in layers)], rows)


def report_markdown(findings: Findings) -> str:
    """The report for people: all tables; the pictures lie beside it."""
    parts = [f"# {findings.network} in each format\n", formats_table(findings)]
    parts += [f"- **{form}** is refused: {why}.\n" for form, why in findings.refused.items()]
    if findings.speeds:
        parts += [
            "![Accuracy, time and size](formats.png)\n",
            "## Speed\n",
            "Microseconds for one picture on one thread, as edge asks: pixels in, answer out. All formats "
            "were timed in turn in one run. Agreement is with the float network.\n",
            speeds_table(findings.speeds),
            *(
                f"- **{form}** does not run on {runtime}: {why}\n"
                for (runtime, form), why in _failures(findings.speeds).items()
            ),
        ]
    if findings.layers:
        parts += [
            "## Where it is lost\n",
            "Root mean square of what quantization changes in the output of each layer, in per cent of what "
            "the layer gives in float32, and by how much that is more than one layer before.\n",
            layers_table(findings.layers),
            "![Error of each layer](layers.png)\n",
        ]
    return "\n".join(parts)


def report_json(findings: Findings) -> dict[str, Any]:
    """The report for programs."""
    return {
        "network": findings.network,
        "formats": {
            form: {
                "bytes": len(each.model),
                "sha256": hashlib.sha256(each.model).hexdigest(),
                "refused": each.card.failure,
                "temperature": each.card.temperature,
                "thresholds": {"accept": each.card.thresholds.accept, "digit": each.card.thresholds.digit},
                "verification": {name: asdict(found) for name, found in each.comparisons.items()},
                "layers": [asdict(layer) for layer in findings.layers.get(form, ())],
            }
            for form, each in findings.conversions.items()
        },
        "impossible": dict(findings.impossible),
        "speed": [asdict(each) for each in findings.speeds],
    }


def _failures(speeds: Sequence[Speed]) -> dict[tuple[str, str], str]:
    return {(each.runtime, each.format): each.failure for each in speeds if each.failure}


def _latency(speed: Speed, batch: int) -> str:
    return NONE if speed.failure else f"{speed.latencies[batch].median_us:.1f}"


def _runtime(speed: Speed) -> str:
    return f"{speed.runtime}, {'XNNPACK' if speed.xnnpack else 'its own kernels'}"
