"""The pictures of a conversion: the formats side by side, and where quantization loses it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from convert.layers import LayerError
from convert.report import Findings

LARGEST_DISC, LEGEND_DISC = 1500, 60
"""Square points of the disc of the largest file, and of all discs in the legend."""


def formats_figure(findings: Findings) -> Figure:
    """Accuracy against time for one picture, a panel for each test set; discs grow with the file.

    The time is that of the first runtime, with XNNPACK; a format that does not run on it is left out.
    """
    times = {
        speed.format: speed.latencies[1].median_us for speed in reversed(findings.speeds) if not speed.failure
    }
    shown = {form: each for form, each in findings.conversions.items() if form in times}
    tests = list(next(iter(shown.values())).comparisons)
    largest = max(len(each.model) for each in shown.values())
    figure = Figure(figsize=(2 + 5 * len(tests), 4.5), layout="constrained")
    panels = figure.subplots(1, len(tests), squeeze=False)[0]
    for test, axes in zip(tests, panels, strict=True):
        for form, each in shown.items():
            axes.scatter(
                times[form],
                100 * each.comparisons[test].accuracy,
                s=LARGEST_DISC * len(each.model) / largest,
                alpha=0.4,
                label=f"{form}, {len(each.model) / 1000:.0f} kB",
            )
        trained = next(iter(shown.values())).comparisons[test].float_accuracy
        axes.axhline(100 * trained, color="grey", linestyle=":")
        axes.set(title=test, xlabel="median µs for one picture", ylabel="read right (%)", xscale="log")
        axes.margins(0.25)
        axes.grid(alpha=0.3)
    # Names beside the discs would cover each other: some formats are close together.
    handles = figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper").legend_handles
    for handle in handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([LEGEND_DISC])
    figure.suptitle("Upper left is better; discs grow with the file; dotted: as it was trained")
    return figure


def layers_figure(layers: Mapping[str, Sequence[LayerError]]) -> Figure:
    """The error of each layer, from the input to the output, a line for each format."""
    names = list(dict.fromkeys(each.name for errors in layers.values() for each in errors))
    figure = Figure(figsize=(max(6, 2 + 0.45 * len(names)), 5), layout="constrained")
    axes = figure.add_subplot()
    for form, errors in layers.items():
        axes.plot(
            [names.index(each.name) for each in errors],
            # No error at all has no place on a logarithmic axis.
            [100 * each.error or math.nan for each in errors],
            marker=".",
            label=form,
        )
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set(ylabel="error of the output, % of float32's", yscale="log", title="What quantization changes")
    figure.legend(loc="outside right upper")
    axes.grid(alpha=0.3)
    return figure
