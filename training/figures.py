"""The pictures in reports; figures without pyplot, so that no window and no global state is involved."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from edge.model_file import DIGITS
from training.evaluate import Evaluation, Reliability
from training.pictures import Mistake
from training.suite import CorruptionResult
from training.train import Epoch

DPI = 100
NONE = "–"
"""Stands for no digit in the caption of a mistake, and for no value in a table."""

COLUMNS, INCHES = 20, 0.8
"""Mistakes side by side in a contact sheet, and the room of each."""


def png(figure: Figure) -> bytes:
    """A figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def confusion_figure(evaluation: Evaluation) -> Figure:
    """The confusion matrix; the colour shows the mistakes, which the diagonal would drown."""
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.add_subplot()
    mistakes = evaluation.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, mistakes.max()))
    for truth, said in np.ndindex(mistakes.shape):
        count = evaluation.confusion[truth, said]
        if count:
            dark = mistakes[truth, said] > mistakes.max() / 2
            axes.text(said, truth, str(count), ha="center", va="center", color="white" if dark else "black")
    axes.set(
        xlabel="read as",
        ylabel="is",
        xticks=range(DIGITS),
        yticks=range(DIGITS),
        title=f"{evaluation.accuracy:.2%} of {len(evaluation.digits):,} digits read right",
    )
    return figure


def curves_figure(history: Sequence[Epoch]) -> Figure:
    """Loss and accuracy over the epochs, in training and on the validation digits."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    losses = [(epoch.loss, epoch.validation_loss) for epoch in history]
    # Close to 1, accuracies can only be told apart by what is missing.
    misread = [(1 - epoch.accuracy, 1 - epoch.validation_accuracy) for epoch in history]
    for axes, title, values in (
        (left, "Loss (nats)", losses),
        (right, "Share misread (1 - accuracy)", misread),
    ):
        lines = axes.plot(epochs, values, marker=".")
        axes.legend(lines, ("training", "validation"))
        axes.set(title=title, xlabel="epoch", yscale="log")
        axes.grid(alpha=0.3)
    return figure


def reliability_figure(reliabilities: Mapping[str, Reliability]) -> Figure:
    """Reliability diagrams: share read right by confidence; on the diagonal both are the same.

    Below each stands how many digits there are of each confidence.
    """
    figure = Figure(figsize=(4.5 * len(reliabilities), 5.5), layout="constrained")
    rows = figure.subplots(2, len(reliabilities), squeeze=False, sharex=True, height_ratios=(3, 1))
    for (name, reliability), shares, counts in zip(reliabilities.items(), *rows, strict=True):
        bins = reliability.bins
        sure = [each.confidence for each in bins]
        shares.plot((0, 1), (0, 1), color="grey", linestyle=":")
        shares.plot(sure, [each.accuracy for each in bins], marker="o")
        shares.set(
            title=f"{name}: calibration error {reliability.calibration_error:.2%}",
            ylabel="share read right",
            ylim=(-0.02, 1.02),
        )
        counts.vlines(sure, 0.7, [each.count for each in bins], linewidth=8)
        counts.set(xlabel="confidence", ylabel="digits", yscale="log", xlim=(0, 1.02), ylim=0.7)
    return figure


def corruptions_figure(results: Mapping[str, CorruptionResult]) -> Figure:
    """The same digits, corrupted in each way, with the share that is read right."""
    columns = 3
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    for place, (kind, result) in enumerate(results.items(), start=1):
        axes = figure.add_subplot(-(-len(results) // columns), columns, place)
        axes.imshow(np.hstack(list(result.examples)), cmap="gray_r", vmin=0, vmax=255)
        axes.set_axis_off()
        axes.set_title(f"{kind}  {result.accuracy:.2%}", fontsize=9)
    return figure


def glyph_mistakes(evaluation: Evaluation) -> list[Mistake]:
    """The misread glyphs, the surest first, each with what was said and how surely."""
    wrong = np.flatnonzero(~evaluation.right)
    wrong = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")]
    return [
        Mistake(
            255 - evaluation.digits.glyphs[index],
            str(evaluation.digits.labels[index]),
            f"{evaluation.said[index]}  {evaluation.confidence[index]:.0%}",
        )
        for index in wrong
    ]


def mistakes_figure(mistakes: Sequence[Mistake], title: str) -> Figure:
    """A contact sheet: every mistake, with what it is and how it was read.

    Args:
        mistakes: with square pictures of one size, grey.
        title: above them.
    """
    columns = min(COLUMNS, max(8, len(mistakes)))
    rows = max(1, -(-len(mistakes) // columns))
    side = mistakes[0].picture.shape[0] if mistakes else 1
    gap = side * 3 // 8  # right of a picture, and above it, where its caption stands
    # One picture of all: an axes for each of a thousand mistakes would take minutes.
    sheet = np.full((rows * (side + gap), columns * (side + gap)), 255, np.uint8)
    figure = Figure(figsize=(INCHES * columns, INCHES * (rows + 0.6)))
    figure.text(0.5, 1 - 0.3 / (rows + 0.6), title, ha="center", va="center", fontsize=9)
    axes = figure.add_axes((0, 0, 1, rows / (rows + 0.6)))
    for index, mistake in enumerate(mistakes):
        row, column = divmod(index, columns)
        left, top = column * (side + gap) + gap // 2, row * (side + gap) + gap
        sheet[top : top + side, left : left + side] = mistake.picture
        caption = f"{mistake.truth or NONE} → {mistake.read or NONE}"
        axes.text(left + side / 2, top - gap / 8, caption, ha="center", va="bottom", fontsize=6.5)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, aspect="auto")
    axes.set_axis_off()
    return figure
