"""What people look at after training: the classification report, and pictures of how it went."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from edge.files import write_whole
from edge.model_file import DIGITS
from training.evaluate import Evaluation
from training.train import Epoch

GALLERY = 60
"""Misread digits shown, the most confident mistakes first."""


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
    write_whole(folder / "confusion.png", _png(confusion_figure(evaluation)))
    write_whole(folder / "curves.png", _png(curves_figure(history)))
    write_whole(folder / "misread.png", _png(misread_figure(evaluation)))


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


def misread_figure(evaluation: Evaluation) -> Figure:
    """The misread digits, each with what it is, what was said, and how surely."""
    wrong = np.flatnonzero(~evaluation.right)
    wrong = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")]
    shown = wrong[:GALLERY]
    columns = 10
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(columns * 1.1, 0.5 + rows * 1.35), layout="constrained")
    for place, index in enumerate(shown, start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(evaluation.digits.glyphs[index], cmap="gray_r", vmin=0, vmax=255)
        axes.set_axis_off()
        truth, said, confidence = (
            values[index] for values in (evaluation.digits.labels, evaluation.said, evaluation.confidence)
        )
        axes.set_title(f"{truth} → {said}  {confidence:.0%}", fontsize=8)
    figure.suptitle(
        f"{len(wrong)} of {len(evaluation.digits):,} misread: what it is → what was said, how surely"
    )
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
