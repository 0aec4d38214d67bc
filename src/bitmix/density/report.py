"""The file of all sets, and its table."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bitmix.density.published import PUBLISHED
from bitmix.io import read_json, write_json

_NAMES = {"independent": "bitmix, independent features", "trees": "bitmix, decision trees"}


def write_density(path: str | Path, files: Sequence[str | Path]) -> dict[str, Any]:
    """Write the results of all sets, each from the file `<set>.json`, as one; return them."""
    density = {
        "sets": {Path(file).stem: read_json(file) for file in files},
        "published": PUBLISHED,
        "versions": {
            "bitmix": version("bitmix"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    write_json(path, density)
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
    """Return which sets are won and which are lost, to whom."""
    won: list[str] = []
    lost: list[str] = []
    for name, result in density["sets"].items():
        found = result["averages"][result["best"]]["test"]
        rivals = {model: row[name] for model, row in density["published"].items() if name in row}
        ahead = [f"{model} ({value:.2f})" for model, value in rivals.items() if found <= value]
        (lost if ahead else won).append(f"{name} to {', '.join(ahead)}" if ahead else name)
    count = len(density["sets"])
    lines = [f"Ahead of every published row on {len(won)} of {count} sets: {', '.join(won)}."]
    return "\n".join([*lines, *([f"Lost: {'; '.join(lost)}."] if lost else [])])
