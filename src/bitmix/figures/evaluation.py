"""Figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.ticker import LogLocator

from bitmix.figures.style import COLOURS, DASHES, MARKERS, STYLE, Figure, described


@mpl.rc_context(STYLE)
def scores(
    lines: Mapping[str, Sequence[Mapping]],
    points: Sequence[Mapping] = (),
    *,
    by: str,
    label: str,
    title: str,
) -> Figure:
    """Draw how well models predict and complete rows, on a logarithmic scale of `by`.

    The Brier score of averages has two lines, for the averaged density and for the plain average of
    the completions.

    Parameters
    ----------
    lines : mapping of str to rows of `bitmix.evaluation.evaluate`
        Models with several rows, by name.
    points : rows
        Models with one row. They are numbered. Their names are below the figure.
    by : str
        The key of the rows for the horizontal axis.
    label, title : str
        The label of the horizontal axis, and the title of the figure.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    panels = {
        "held_out": "log p(row), nats",
        "missing": "log p(missing | observed), nats",
        "brier": "Brier score of missing features",
    }
    for axes, (score, name) in zip(figure.subplots(ncols=3), panels.items(), strict=True):
        for i, (model, rows) in enumerate(lines.items()):
            look = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            x = [row[by] for row in rows]
            axes.plot(x, [row[score] for row in rows], markersize=4, label=model, **look)
            if score == "brier" and any(row["members"] > 1 for row in rows):
                plain = [row["brier_equal"] for row in rows]
                plain_label = f"{model}, plain average"
                axes.plot(x, plain, "--", markersize=4, fillstyle="none", label=plain_label, **look)
        for i, row in enumerate(points, start=1):
            if score in row:
                at = (max(row[by], 0.01), row[score])
                axes.plot(*at, "x", color="#444444", markersize=5, label=f"{i}  {row['model']}")
                axes.annotate(str(i), at, xytext=(4, 3), textcoords="offset points", fontsize=8)
        axes.set(xscale="log", xlabel=label)
        axes.set_title(name, fontsize=9)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    legend = axes.get_legend_handles_labels()  # the last panel has all models
    figure.legend(*legend, loc="outside lower left", ncols=3, frameon=False)
    ends = ", ".join(f"{model} {rows[-1]['held_out']:.1f}" for model, rows in lines.items())
    return described(figure, f"{title}: three scores by {label}. Held-out log density: {ends}.")


@mpl.rc_context(STYLE)
def reliability(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw the share of features that are on by their predicted probability.

    Parameters
    ----------
    curves : mapping of str to curves of `bitmix.evaluation.reliability`
        The curves by the name of the model.
    """
    figure = Figure(figsize=(4.6, 5.8), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for i, (name, curve) in enumerate(curves.items()):
        look: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[i % len(MARKERS)],
        }
        look |= {"linestyle": DASHES[i % len(DASHES)], "markersize": 4}
        above.plot(curve["predicted"], curve["on"], label=name, **look)
        below.plot(curve["predicted"], curve["pixels"], **look)
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of features that are on")
    above.set_title("Are the probabilities right?")
    below.set(xlabel="predicted probability", ylabel="features", yscale="log")
    above.legend(frameon=False, loc="upper left")
    return described(
        figure, f"Share of features that are on by predicted probability: {', '.join(curves)}."
    )
