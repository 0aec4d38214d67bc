"""The figure of densities."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import matplotlib as mpl

from bitmix.figures.style import COLOURS, MARKERS, STYLE, Figure, described


@mpl.rc_context(STYLE)
def densities(sets: Mapping[str, Mapping], published: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw the mean log density of test rows by CPU seconds, beside published figures.

    Parameters
    ----------
    sets : mapping
        The results of `bitmix.density.estimate` by data set.
    published : mapping
        Mean log densities by model and data set.
    """
    columns = min(3, len(sets))
    rows = ceil(len(sets) / columns)
    figure = Figure(figsize=(3 * columns, 0.9 + 2.3 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for (name, result), axes in zip(sets.items(), panels, strict=False):
        _lines(axes, result)
        figures = {model: row[name] for model, row in published.items() if name in row}
        for model, value in figures.items():
            best = value == max(figures.values())
            axes.axhline(value, color="#444444", linewidth=0.8, linestyle="--" if best else ":")
            if best:
                axes.annotate(
                    f"{model} {value:.2f}",
                    (0.99, value),
                    xycoords=("axes fraction", "data"),
                    xytext=(0, -2),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                    fontsize=7,
                )
        axes.set(xscale="log", xlabel="CPU seconds")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(name, fontsize=9)
    for axes in panels:  # those without a set
        axes.set_axis_off()
    legend = axes.figure.axes[0].get_legend_handles_labels()
    title = "Mean log density of test rows, in nats, by CPU seconds"
    figure.suptitle(f"{title}\nDashed: the best published figure. Dotted: the others.",
                    x=0.01, ha="left", fontsize=10)  # fmt: skip
    figure.legend(*legend, loc="outside lower left", ncols=2, frameon=False)
    ends = "; ".join(f"{name} {_end(result):.2f}" for name, result in sets.items())
    return described(figure, f"{title}, for {len(sets)} data sets. In the end: {ends}.")


def _lines(axes: mpl.axes.Axes, result: Mapping) -> None:
    for i, (average, found) in enumerate(result["averages"].items()):
        points = [(point["seconds"], point["test"]) for point in found["curve"]]
        label = {"independent": "independent features", "trees": "decision trees"}[average]
        look = {"color": COLOURS[i], "marker": MARKERS[i], "markersize": 2.5}
        axes.plot(*zip(*points, strict=True), linewidth=1, label=f"bitmix, {label}", **look)


def _end(result: Mapping) -> float:
    return result["averages"][result["best"]]["test"]
