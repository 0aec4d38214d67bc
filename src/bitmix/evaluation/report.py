"""The file of an evaluation, and its table."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pandas import DataFrame

from bitmix.evaluation.scores import Row
from bitmix.evaluation.task import Task
from bitmix.io import write_sealed_json

#: The scores in the order of the table, with their headings.
SCORES = {
    "held_out": "held-out, nats",
    "missing": "missing given observed, nats",
    "brier": "Brier, density",
    "brier_equal": "Brier, plain",
    "accuracy": "label",
    "accuracy_observed": "label, half seen",
    "nmi": "NMI",
    "ari": "ARI",
}
_COLUMNS = {
    "members": ("averaged", ","),
    "clusters": ("clusters", ","),
    "cpu_seconds": ("fitting, CPU s", ".1f"),
    "scoring_seconds": ("scoring, CPU s", ".1f"),
    **{name: (heading, ".1f" if "nats" in heading else ".4f") for name, heading in SCORES.items()},
}


def write_evaluation(
    path: str | Path,
    task: Task,
    rows: Sequence[Row],
    by_sweeps: Sequence[Row],
    curves: Mapping[str, Mapping[str, list]],
) -> None:
    """Write an evaluation as JSON.

    Parameters
    ----------
    path : path-like
        The file. If it is empty, nothing is written.
    task : Task
    rows, by_sweeps : sequences of rows
        From `evaluate` and `evaluate_completions`.
    curves : mapping
        From `reliability`, by name.
    """
    if not path:
        return
    libraries = ("numpy", "scipy", "scikit-learn", "stepmix")
    evaluation = {
        "data": {
            name: {"sha256": dataset.sha256, "shape": list(dataset.x.shape)}
            for name, dataset in (("train", task.train), ("held_out", task.held_out))
        },
        "models": list(rows),
        "by_sweeps": list(by_sweeps),
        "reliability": dict(curves),
        "versions": {
            "bitmix": version("bitmix"),
            "python": platform.python_version(),
            **{library: version(library) for library in libraries},
        },
    }
    write_sealed_json(path, evaluation)


def results_table(evaluation: Mapping[str, Any]) -> str:
    """Return the results that `write_evaluation` wrote as a Markdown table."""
    return rows_table(evaluation["models"])


def rows_table(rows: Sequence[Row], columns: Sequence[str] = tuple(_COLUMNS)) -> str:
    """Return rows of `evaluate`, or some of their items, as a Markdown table."""
    chosen = {name: _COLUMNS[name] for name in columns}
    table = DataFrame(
        [
            {
                "model": row["model"],
                **{
                    heading: f"{row[name]:{form}}" if name in row else ""
                    for name, (heading, form) in chosen.items()
                },
            }
            for row in rows
        ]
    )
    alignment = ["left"] + ["right"] * len(chosen)
    return table.to_markdown(index=False, disable_numparse=True, colalign=alignment)
