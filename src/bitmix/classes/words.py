"""Classes in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bitmix.classes.profiles import Profiles
from bitmix.classes.relabel import Classes

_LEAST = 0.1  # the least difference of a probability from the others that is told
_FEW = 100  # states
_MOST = 5  # items that are told in each direction


def describe(classes: Classes, found: Profiles, labels: Sequence[str]) -> str:
    """Say what sets each class apart, in Markdown.

    An item is told where its probability differs from that of all other classes together by at
    least 0.1, and the class's interval leaves out the others' probability.

    Parameters
    ----------
    classes : Classes
    found : Profiles
        The result of `profiles`.
    labels : sequence of str, of length D
        The names of the features, as a reader should see them.
    """
    if classes.number == 0:
        return (
            "No class: no group of rows stays together in more than half of the states. "
            "Sample more sweeps and look at the mixing."
        )
    number = "1 class" if classes.number == 1 else f"{classes.number} classes"
    first = f"{number}, from {len(classes.states):,} states, most of which have each of them."
    told = [_one_class(classes, found, labels, k) for k in range(classes.number)]
    return "\n\n".join([first, *told, *_outside(classes), *_few(classes)])


def _one_class(classes: Classes, found: Profiles, labels: Sequence[str], k: int) -> str:
    low, high = found.share_bounds[k]
    lines = [
        f"**Class {k + 1}**: {found.share[k]:.0%} of the population ({low:.0%} to {high:.0%}), "
        f"{classes.sizes[k]:,} rows."
    ]
    differ = found.means[k] - found.others[k]
    outside = (found.bounds[k, :, 0] > found.others[k]) | (found.bounds[k, :, 1] < found.others[k])
    told = outside & (np.abs(differ) >= _LEAST)
    for name, sign in (("More often", 1), ("Less often", -1)):
        items = [d for d in np.argsort(-sign * differ, kind="stable") if told[d]]
        items = [d for d in items if sign * differ[d] > 0]
        if items:
            texts = [
                f"{labels[d]} ({found.means[k, d]:.0%}, others {found.others[k, d]:.0%})"
                for d in items[:_MOST]
            ]
            more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
            lines.append(f"{name}: {', '.join(texts)}{more}.")
    if len(lines) == 1 and classes.number > 1:
        lines.append("No item sets it clearly apart from the other classes.")
    if classes.found[k] < 0.95:
        lines.append(f"Only {classes.found[k]:.0%} of the states have this class.")
    return "\n".join(lines)


def _outside(classes: Classes) -> list[str]:
    """Say how many rows are in no class."""
    none, share = (classes.assignments < 0).sum(), classes.memberships[:, -1].mean()
    if share < 0.0005:
        return []
    rows = f"{none:,} rows are most probably in no class. " if none else ""
    return [
        f"{rows}In a mean state, {share:.1%} of the rows are in clusters that are no class: small "
        "ones, or ones that few states have."
    ]


def _few(classes: Classes) -> list[str]:
    """Say that there are too few states for intervals, if so."""
    if (number := len(classes.states)) >= _FEW:
        return []
    return [
        f"These numbers rest on {number} states, so the intervals may be too narrow. Keep more "
        "states with the settings `sweeps` and `thin`."
    ]


def describe_number(table: pd.DataFrame) -> str:
    """Say how many classes there are.

    Parameters
    ----------
    table : DataFrame
        The result of `number_of_classes`.
    """
    column = table["in_the_population"].sort_values(ascending=False, kind="stable")
    told = [f"{number} with probability {p:.0%}" for number, p in column.items() if p >= 0.05]
    text = f"Number of classes in the population: {', '.join(told)}."
    if not table.attrs["weighted"]:
        return text
    effective = table.attrs["effective_states"]
    text += (
        " The chains have a Dirichlet process, so their states are weighted to a mixture of finite "
        f"mixtures. They count as {effective:,.0f} states."
    )
    if effective < _FEW:
        text += " That is few: with `partition_prior: mfm`, the chains need no weights."
    return text
