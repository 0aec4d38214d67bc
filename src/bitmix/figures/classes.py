"""Figures of latent classes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from bitmix.classes import Classes, Profiles
from bitmix.figures.style import COLOURS, STYLE, Figure, described

MOST_ITEMS = 60
LEAST = 0.005  # probability of the largest number of classes that is drawn
LONGEST_NAME = 44  # letters
GREY = "#8a8a8a"


@mpl.rc_context(STYLE)
def class_profiles(classes: Classes, found: Profiles, labels: Sequence[str]) -> Figure:
    """Draw the probabilities of the items in each class with their intervals, a panel a class.

    The items in which two classes differ most come first.

    Parameters
    ----------
    classes : Classes
    found : Profiles
        Their `bitmix.classes.profiles`.
    labels : sequence of str, of length D
        The names of the items, as a reader should see them.
    """
    number, items = classes.number, found.order[:MOST_ITEMS]
    if number == 0:
        return _no_class()
    width, height = 9 + 0.7 * max(0, number - 7), 1.5 + 0.19 * len(items)
    figure = Figure(figsize=(width, height), layout="constrained")
    left_out = f", {len(items)} of {len(labels)}" if len(items) < len(labels) else ""
    title = f"What sets the classes apart? The items that differ most come first{left_out}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    panels = figure.subplots(1, number, sharey=True, squeeze=False)[0]
    for k, axes in enumerate(panels):
        _draw_class(axes, found, items, k)
        low, high = found.share_bounds[k]
        axes.set_title(f"class {k + 1}: {found.share[k]:.0%}\n{low:.0%} to {high:.0%}", fontsize=8)
    panels[0].set_yticks(range(len(items)), [_shortened(labels[item]) for item in items])
    panels[0].set_ylim(len(items) - 0.4, -0.6)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, frameon=False
    )
    return described(figure, _profiles_alt(classes, found, labels))


def _draw_class(axes: Axes, found: Profiles, items: np.ndarray, k: int) -> None:
    """Draw a point, an interval and the value of the other classes for each item."""
    means, others = found.means[k, items], found.others[k, items]
    low, high = found.bounds[k, items].T
    apart = (low > others) | (high < others)
    rows = np.arange(len(items))
    percent = f"{found.probability:.0%}"
    groups = (
        (apart, COLOURS[0], "o", f"probability of 1 in %, with {percent} interval"),
        (~apart, GREY, "s", "interval that contains the other classes"),
    )
    for chosen, colour, marker, label in groups:
        axes.hlines(rows[chosen], low[chosen], high[chosen], color=colour, linewidth=2, alpha=0.6)
        looks = {"color": colour, "marker": marker, "label": label}
        axes.scatter(means[chosen], rows[chosen], 18, zorder=3, **looks)
    looks = {"color": "black", "marker": "|", "label": "the other classes together"}
    axes.scatter(others, rows, 50, linewidth=1, **looks)
    axes.set(xlim=(-0.04, 1.04), xticks=[0, 0.5, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.tick_params(axis="y", length=0)


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _profiles_alt(classes: Classes, found: Profiles, labels: Sequence[str]) -> str:
    shares = ", ".join(f"class {k + 1} {share:.0%}" for k, share in enumerate(found.share))
    first = ", ".join(labels[item] for item in found.order[:3])
    return (
        f"Probabilities of {len(labels)} items in {classes.number} classes with intervals. Shares: "
        f"{shares}. The classes differ most in: {first}."
    )


def _no_class() -> Figure:
    figure = Figure(figsize=(9, 1.2))
    text = "No class: no group of rows stays together in more than half of the states."
    figure.text(0.01, 0.5, text, fontsize=11, va="center")
    return described(figure, text)


@mpl.rc_context(STYLE)
def number_of_classes(table: pd.DataFrame) -> Figure:
    """Draw the posterior of the number of classes.

    Parameters
    ----------
    table : DataFrame
        The result of `bitmix.classes.number_of_classes`.
    """
    names = {"in_the_population": "in the population", "in_the_data": "in the data"}
    likely = table["in_the_population"]
    table = table.loc[: table.index[(table[list(names)] >= LEAST).any(axis=1)].max()]
    figure = Figure(figsize=(6, 3), layout="constrained")
    title = "How many classes are there?"
    axes = figure.add_subplot(title=title, xlabel="number", ylabel="probability")
    for i, (column, name) in enumerate(names.items()):
        looks = {"facecolor": "white" if i else COLOURS[0], "hatch": "///" if i else None}
        places = table.index + (i - 0.5) * 0.4
        axes.bar(places, table[column], 0.4, label=name, edgecolor=COLOURS[0], **looks)
    axes.set(xticks=table.index, ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False)
    alt = f"{title} {likely.idxmax()} with probability {likely.max():.0%}."
    return described(figure, alt)
