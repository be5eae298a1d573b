"""What people look at after training and evaluation: tables, and pictures of how it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from edge.files import write_whole
from edge.model_file import DIGITS
from training.evaluate import Evaluation, Reliability, area_under_roc
from training.figures import (
    NONE,
    confusion_figure,
    corruptions_figure,
    curves_figure,
    glyph_mistakes,
    mistakes_figure,
    png,
    reliability_figure,
)
from training.photos import GroupResult
from training.pictures import Tally
from training.scenes.measure import ScenesResult
from training.suite import Findings, SetResult, pooled
from training.train import Epoch

REPORT_MARKDOWN, REPORT_JSON = "report.md", "report.json"

FEWEST_DIGITS = 30
"""A condition of scenes with fewer digits says nothing; it is left out of the report for people."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        text: Markdown.
        pictures: file name -> how to draw it.
        crops: whether the pictures are contact sheets of crops: large, and of photos not ours to publish.
    """

    title: str
    text: str
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    crops: bool = False


def write_report(folder: Path, evaluation: Evaluation, history: Sequence[Epoch]) -> None:
    """Write all that tells how a training run went.

    Args:
        folder: gets metrics.json, classification.txt, confusion.png, curves.png and misread.png.
        evaluation: on the test digits.
        history: the epochs of the run.

    Raises:
        OutputError: when the folder cannot be written to.
    """
    write_whole(folder / "metrics.json", json.dumps({"mnist-test": metrics(evaluation)}, indent=2) + "\n")
    write_whole(folder / "classification.txt", classification_report(evaluation))
    write_whole(folder / "confusion.png", png(confusion_figure(evaluation)))
    write_whole(folder / "curves.png", png(curves_figure(history)))
    write_whole(folder / "misread.png", png(misread_figure(evaluation)))


def write_findings(folder: Path, findings: Findings, *, publish: bool = False) -> None:
    """Write the report of an evaluation.

    Args:
        folder: gets report.md, report.json and the pictures that report.md shows.
        findings: what was measured.
        publish: leave out the contact sheets of crops.

    Raises:
        OutputError: when the folder cannot be written to.
    """
    parts = [f"# How well {findings.model} reads\n"]
    for section in sections(findings):
        parts.append(f"## {section.title}\n\n{section.text}")
        for name, draw in section.pictures.items() if not (publish and section.crops) else ():
            write_whole(folder / name, png(draw()))
            parts.append(f"![{section.title}]({name})\n")
    write_whole(folder / REPORT_MARKDOWN, "\n".join(parts))
    write_whole(folder / REPORT_JSON, json.dumps(as_dict(findings), indent=2) + "\n")


def text_report(findings: Findings) -> str:
    """The report's text, for a terminal."""
    return "\n".join(f"{section.title}\n\n{section.text}" for section in sections(findings))


def as_dict(findings: Findings) -> dict[str, object]:
    """All measures, for JSON; what was not measured is left out, and named under "skipped"."""
    told: dict[str, object] = {"model": findings.model}
    if findings.mnist:
        told["mnist-test"] = metrics(findings.mnist)
    if findings.corruptions:
        told["corruptions"] = {
            "mean": findings.corruption_mean,
            "kinds": {kind: each.accuracy for kind, each in findings.corruptions.items()},
        }
    if real := pooled(findings.real):
        told["real-digits"] = _set_as_dict(real) | {
            "sets": {name: _set_as_dict(each) for name, each in findings.real.items()}
        }
    if others := pooled(findings.others):
        told["non-digits"] = _others_as_dict(findings, others) | {
            "sets": {name: _others_as_dict(findings, each) for name, each in findings.others.items()}
        }
    if findings.scenes:
        told["scenes"] = _tally_as_dict(findings.scenes.tally) | {
            "conditions": {name: _tally_as_dict(each) for name, each in findings.scenes.conditions.items()}
        }
    if sure := findings.reliabilities:
        told["calibration_error"] = {name: each.calibration_error for name, each in sure.items()}
    if findings.photos:
        told["photos"] = {
            group: _tally_as_dict(each.tally) | {"calibration_error": each.reliability.calibration_error}
            for group, each in findings.photos.items()
        }
    return told | {"skipped": dict(findings.skipped)}


def metrics(evaluation: Evaluation) -> dict[str, object]:
    """All measures of one set of digits, for JSON."""
    return {
        "digits": len(evaluation.digits),
        "misread": int((~evaluation.right).sum()),
        "accuracy": evaluation.accuracy,
        "cross_entropy": evaluation.cross_entropy,
        "calibration_error": evaluation.calibration_error,
        "classification": {name: asdict(score) for name, score in evaluation.scores.items()},
        "confusion": evaluation.confusion.tolist(),
    }


def classification_report(evaluation: Evaluation) -> str:
    """Precision, recall, F1 and support as text, laid out as scikit-learn does, with four decimals."""
    lines = [f"{'':>12} {'precision':>10} {'recall':>10} {'f1-score':>10} {'support':>10}", ""]
    rows = {
        name: f"{name:>12} {s.precision:>10.4f} {s.recall:>10.4f} {s.f1:>10.4f} {s.support:>10}"
        for name, s in evaluation.scores.items()
    }
    lines += [rows[str(digit)] for digit in range(DIGITS)]
    lines += [
        "",
        f"{'accuracy':>12} {'':>10} {'':>10} {evaluation.accuracy:>10.4f} {len(evaluation.digits):>10}",
    ]
    lines += [rows["macro avg"], rows["weighted avg"]]
    return "\n".join(lines) + "\n"


def misread_figure(evaluation: Evaluation) -> Figure:
    """The contact sheet of a set of glyphs."""
    mistakes = glyph_mistakes(evaluation)
    return mistakes_figure(
        mistakes,
        f"{len(mistakes):,} of {len(evaluation.digits):,} misread: what it is → what was said, how surely",
    )


def sections(findings: Findings) -> list[Section]:
    """The report, part by part, the headline figures first."""
    parts = [_summary(findings)]
    if findings.mnist:
        parts.append(_mnist(findings.mnist))
    if findings.corruptions:
        parts.append(_corruptions(findings))
    if findings.real:
        parts.append(_real_digits(findings))
    if findings.others:
        parts.append(_non_digits(findings))
    if findings.reliabilities:
        parts.append(_calibration(findings.reliabilities))
    if findings.photos:
        parts.append(_photos(findings.photos))
    if findings.scenes:
        parts.append(_scenes(findings.scenes))
    if findings.skipped:
        rows = [[part, why] for part, why in findings.skipped.items()]
        parts.append(Section("Not measured", table(["part", "why"], rows)))
    return parts


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, padded so that it can be read as it is; the first column left, the others right."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(w) if k == 0 else cell.rjust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        return f"| {' | '.join([first, *others])} |"

    rule = f"|{'-' * (widths[0] + 2)}|{''.join(f'{chr(45) * (w + 1)}:|' for w in widths[1:])}"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])]) + "\n"


def _summary(findings: Findings) -> Section:
    rows: list[tuple[str, str]] = []
    if findings.mnist:
        rows.append(("MNIST's test digits: read right", _share(findings.mnist.accuracy)))
    if findings.corruptions:
        rows.append(("the same, corrupted in fifteen ways: read right", _share(findings.corruption_mean)))
    tallies = {group: result.tally for group, result in findings.photos.items()}
    if findings.scenes:
        tallies["drawn scenes"] = findings.scenes.tally
    for name, tally in tallies.items():
        shown = zip(MEASURES, _measures(tally), strict=True)
        rows += [(f"{name}: {measure}", value) for measure, value in shown if value != NONE]
    if others := pooled(findings.others):
        rows += [
            (f"{digits} against non-digits: area under the ROC curve", f"{area:.4f}")
            for digits, area in findings.roc(others).items()
        ]
        rows.append(("non-digits: shown as digits", _share(findings.accepted(others))))
    rows += [
        (f"{name}: calibration error", _share(each.calibration_error))
        for name, each in findings.reliabilities.items()
    ]
    return Section("Summary", table(["measure", "value"], rows))


def _mnist(evaluation: Evaluation) -> Section:
    text = (
        f"```\n{classification_report(evaluation)}```\n\n"
        f"Cross-entropy {evaluation.cross_entropy:.4f} nats, calibration error "
        f"{evaluation.calibration_error:.2%}.\n"
    )
    pictures = {
        "confusion.png": partial(confusion_figure, evaluation),
        "misread.png": partial(misread_figure, evaluation),
    }
    return Section("MNIST's test digits", text, pictures)


def _corruptions(findings: Findings) -> Section:
    rows = [(kind, _share(each.accuracy)) for kind, each in findings.corruptions.items()]
    text = (
        "MNIST's test digits corrupted after MNIST-C (Mu, Gilmer, 2019); the network gets the corrupted "
        "pictures as they are.\n\n"
    ) + table(["kind", "read right"], [*rows, ("mean", _share(findings.corruption_mean))])
    return Section(
        "Corrupted digits", text, {"corruptions.png": partial(corruptions_figure, findings.corruptions)}
    )


def _real_digits(findings: Findings) -> Section:
    sets, others = findings.real, pooled(findings.others)
    header = ["set", "digits", "not found", "read right", "calibration error", "ROC area"]
    rows = [
        (
            name,
            f"{len(each):,}",
            f"{each.missed:,}",
            _share(each.accuracy),
            _share(each.evaluation.calibration_error),
            f"{area_under_roc(each.confidence, others.confidence):.4f}" if others else NONE,
        )
        for name, each in sets.items()
    ]
    pictures = {
        f"misread-{name}.png": partial(misread_figure, each.evaluation) for name, each in sets.items()
    }
    text = "The area under the ROC curve is against all characters that are no digits: see below.\n\n"
    return Section("Single digits from other people", text + table(header, rows), pictures, crops=True)


def _non_digits(findings: Findings) -> Section:
    against = ("single real digits", "MNIST")
    header = [
        "set",
        "characters",
        "not found",
        "shown as digits",
        *(f"ROC area, {digits}" for digits in against),
    ]
    rows = []
    for name, each in findings.others.items():
        areas = findings.roc(each)
        shown = [f"{areas[digits]:.4f}" if digits in areas else NONE for digits in against]
        rows.append([name, f"{len(each):,}", f"{each.missed:,}", _share(findings.accepted(each)), *shown])
    text = (
        "The area under the ROC curve is the chance that a digit is read more surely than a character that "
        "is none. What edge takes for no digit at all is read with a confidence of 0; MNIST's digits are "
        "glyphs already, and not searched for.\n\n"
    )
    return Section("Characters that are no digits", text + table(header, rows))


def _calibration(reliabilities: Mapping[str, Reliability]) -> Section:
    rows = [
        (
            name,
            f"{len(each.right):,}",
            _share(float(each.confidence.mean())),
            _share(float(each.right.mean())),
            _share(each.calibration_error),
        )
        for name, each in reliabilities.items()
    ]
    text = (
        "How far what is said and what is right are apart, on average over bins of confidence. In photos and "
        "drawn scenes all counts that is read, also where there is no digit.\n\n"
    )
    return Section(
        "Calibration",
        text + table(["", "read", "confidence", "right", "expected calibration error"], rows),
        {"reliability.png": partial(reliability_figure, reliabilities)},
    )


def _photos(groups: Mapping[str, GroupResult]) -> Section:
    rows = [
        [
            *_tally_row(group, each.tally),
            _share(each.reliability.calibration_error if each.tally.digits else None),
        ]
        for group, each in groups.items()
    ]
    header = [*_TALLY_HEADER, "calibration error"]
    pictures = {
        f"mistakes-{group.replace('/', '-')}.png": partial(
            mistakes_figure, each.mistakes, f"{group}: what it is → how it was read"
        )
        for group, each in groups.items()
        if each.mistakes
    }
    return Section("Real photos", f"{_MEANING}\n\n{table(header, rows)}", pictures, crops=True)


def _scenes(scenes: ScenesResult) -> Section:
    conditions = sorted(
        (
            (name, tally)
            for name, tally in scenes.conditions.items()
            if FEWEST_DIGITS <= tally.digits < scenes.tally.digits
        ),
        key=lambda item: -(item[1].error or 0),
    )
    rows = [_tally_row(name, tally) for name, tally in [("all", scenes.tally), *conditions]]
    title = "drawn scenes: what it is → how it was read"
    return Section(
        "Drawn scenes",
        f"{_MEANING} Here numbers are exact or not, not whole pictures. By what was drawn, the worst "
        f"first:\n\n{table(_TALLY_HEADER, rows)}",
        {"mistakes-scenes.png": partial(mistakes_figure, scenes.mistakes, title)},
        crops=True,
    )


MEASURES = (
    "digit error",
    "confident mistakes",
    "read exactly",
    "false digits per empty picture",
    "numbers right",
    "readings true",
)
_TALLY_HEADER = ["", "pictures", "digits", *MEASURES]
_MEANING = (
    "The error counts digits misread, unsure, missed and read where there is none; confident mistakes are "
    "those shown as certain. Both are shares of the digits there are. A number is right when one reading has "
    "its digits, all of them certain; a reading is true when it is such a number."
)


def _tally_row(name: str, tally: Tally) -> list[str]:
    return [name, f"{tally.pictures:,}", f"{tally.digits:,}", *_measures(tally)]


def _measures(tally: Tally) -> list[str]:
    return [
        *map(_share, (tally.error, tally.wrong, tally.exact)),
        NONE if tally.false is None else f"{tally.false:.2f}",
        *map(_share, (tally.right, tally.true)),
    ]


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.2%}"


def _tally_as_dict(tally: Tally) -> dict[str, object]:
    return {
        "pictures": tally.pictures,
        "digits": tally.digits,
        "error": tally.error,
        "wrong": tally.wrong,
        "exact": tally.exact,
        "false": tally.false,
        "numbers": tally.numbers,
        "right": tally.right,
        "true": tally.true,
    }


def _set_as_dict(result: SetResult) -> dict[str, object]:
    return {
        "digits": len(result),
        "missed": result.missed,
        "accuracy": result.accuracy,
        "calibration_error": result.evaluation.calibration_error,
    }


def _others_as_dict(findings: Findings, result: SetResult) -> dict[str, object]:
    return {
        "characters": len(result),
        "missed": result.missed,
        "accepted": findings.accepted(result),
        "area_under_roc": findings.roc(result),
    }
