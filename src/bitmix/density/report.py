"""The file of all sets, and its table."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bitmix.density.published import PUBLISHED
from bitmix.io import read_sealed_json, write_sealed_json

_NAMES = {"independent": "bitmix, independent features", "trees": "bitmix, decision trees"}


def write_density(path: str | Path, files: Sequence[str | Path]) -> dict[str, Any]:
    """Write the results of all sets, each from the file `<set>.json`, as one; return them."""
    density = {
        "sets": {Path(file).stem: read_sealed_json(file) for file in files},
        "published": PUBLISHED,
        "versions": {
            "bitmix": version("bitmix"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    write_sealed_json(path, density)
    return density


def results_table(density: Mapping[str, Any]) -> str:
    """Return the mean log density of the test rows by model and set as a Markdown table."""
    from pandas import DataFrame  # slow to import

    sets = density["sets"]
    rows = {
        heading: {name: result["averages"][average] for name, result in sets.items()}
        for average, heading in _NAMES.items()
    }
    table = {
        **{
            heading: {name: f"{found['test']:.3f}" for name, found in row.items()}
            for heading, row in rows.items()
        },
        **{
            model: {name: f"{figures[name]:.2f}" for name in sets if name in figures}
            for model, figures in density["published"].items()
        },
        "chosen by validation": {name: result["best"] for name, result in sets.items()},
        "leaves of a tree, at most": _each(rows, "trees", "leaves", "d"),
        **{f"CPU seconds, {average}": _each(rows, average, "seconds", ".0f") for average in _NAMES},
    }
    frame = DataFrame.from_dict(table, orient="index", columns=list(sets)).fillna("")
    frame.insert(0, "mean test log density, nats", frame.index)
    return frame.to_markdown(index=False, disable_numparse=True)


def _each(
    rows: Mapping[str, Mapping[str, Any]], average: str, key: str, form: str
) -> dict[str, str]:
    """Return an item of an average for each set."""
    return {name: f"{found[key]:{form}}" for name, found in rows[_NAMES[average]].items()}


def verdict(density: Mapping[str, Any]) -> str:
    """Say on which sets bitmix is ahead, level or behind, to the published two decimals."""
    ahead: list[str] = []
    level: list[str] = []
    behind: list[str] = []
    for name, result in density["sets"].items():
        found = round(result["averages"][result["best"]]["test"], 2)
        rivals = {model: row[name] for model, row in density["published"].items() if name in row}
        best = max(rivals.values())
        models = " and ".join(model for model, figure in rivals.items() if figure == best)
        outcome = ahead if found > best else level if found == best else behind
        outcome.append(name if found > best else f"{name} ({models}: {best:.2f})")
    lines = [f"Ahead of every published figure on {_of(ahead, density)}"]
    lines += [f"Level with the best published figure on {_of(level, density)}"] if level else []
    lines += [f"Behind the best published figure on {_of(behind, density)}"] if behind else []
    return "\n".join(lines)


def _of(names: Sequence[str], density: Mapping[str, Any]) -> str:
    """Return how many of the sets these are, and which."""
    return f"{len(names)} of {len(density['sets'])} sets{': ' if names else ''}{', '.join(names)}."
