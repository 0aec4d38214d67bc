"""The output of a run: tables of its numbers, and its last lines."""

import csv
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bitmix.io import atomic_write, read_sealed_json
from bitmix.workflow.times import read_seconds


def results_table(summary_file: str | Path) -> str:
    """Return the chains of a run as a Markdown table, given its summary."""
    from pandas import DataFrame  # slow to import

    chains = read_sealed_json(summary_file)["chains"]
    seconds = _seconds(Path(summary_file).parent, chains)
    table = DataFrame(
        {
            "chain": [chain["chain"] for chain in chains],
            "clusters": [chain["clusters"] for chain in chains],
            "largest cluster": [f"{chain['sizes'][0]:,}" for chain in chains],
            "log joint": [f"{chain['log_joint']:,.2f}" for chain in chains],
            "sampling, s": ["" if math.isnan(value) else f"{value:.2f}" for value in seconds],
        }
    )
    return table.to_markdown(index=False, disable_numparse=True, colalign=["right"] * 5)


def print_tables(
    files: Sequence[str | Path],
    table_file: str | Path,
    table: Callable[[str | Path], str] = results_table,
) -> None:
    """Print one table for each JSON file, and write them all to a file.

    Parameters
    ----------
    files : sequence of path-like
        JSON files, each in the folder of its run.
    table_file : path-like
        The file to write.
    table : function
        Returns a Markdown table of a file.
    """
    tables = [f"{Path(file).parent}:\n\n{table(file)}\n" for file in files]
    text = "\n".join(tables)
    print(f"\n{text}", flush=True)
    with atomic_write(table_file) as file:
        file.write(text.encode())


def closing(runs: Sequence[str], *, since: float, results: str | Path = "results") -> str:
    """Return the last lines for each run whose summary is newer than a time.

    Parameters
    ----------
    runs : sequence of str
        Names of runs.
    since : float
        The start of Snakemake, in seconds like `time.time()`.
    results : path-like
        The folder of all results.
    """
    folders = [Path(results, run) for run in runs]
    new = [folder for folder in folders if _modified(folder / "summary.json") > since]
    return "\n".join(closing_lines(folder, total_seconds=time.time() - since) for folder in new)


def _modified(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0


def closing_lines(folder: str | Path, *, total_seconds: float) -> str:
    """Return where the results of a run are, and a few lines about them.

    A run of a table ends in its classes, another run until mixing in the clusters of its consensus,
    and others in the clusters of each chain.
    """
    names = ("summary", "diagnostics", "consensus")
    summary, diagnostics, consensus = (
        read_sealed_json(Path(folder, f"{name}.json")) for name in names
    )
    chains = summary["chains"]
    automatic = summary["configuration"]["sweeps"] == "auto"
    if (classes := Path(folder, "classes.csv")).exists():
        found = {"classes": f"{_classes(classes)} (see {folder}/classes.md)"}
    elif automatic:
        states = f"{consensus['partitions']:,} states"
        found = {"consensus": f"{_sizes(consensus['sizes'])} (clusters of {states})"}
    else:
        found = {
            "clusters": "  ".join(str(chain["clusters"]) for chain in chains),
            "log joint": "  ".join(f"{chain['log_joint']:,.1f}" for chain in chains),
        }
    lines = {
        "data": _data(summary),
        **found,
        "mixing": _mixing(automatic, diagnostics),
        "explorer": f"{folder}/explore.html, for your browser",
        "sampling": _sampling(_seconds(folder, chains)),
        "total": f"{total_seconds:.1f} s",
    }
    return "\n".join([f"Results: {folder}", *(f"  {key:<12}{text}" for key, text in lines.items())])


def _data(summary: Mapping[str, Any]) -> str:
    rows, features = summary["data"]["shape"]
    names = ("images", "pixels") if summary.get("image_shape") else ("rows", "features")
    return f"{rows:,} {names[0]} of {features:,} {names[1]}"


def _classes(file: Path) -> str:
    """Describe classes, given their table."""
    with open(file, encoding="utf-8", newline="") as table:
        return _sizes([int(row["size"]) for row in csv.DictReader(table)])


def _sizes(sizes: Sequence[int], most: int = 8) -> str:
    """Describe groups of rows by their sizes."""
    if not sizes:
        return "none"
    listed = ", ".join(f"{size:,}" for size in sizes[:most])
    return f"{len(sizes)} of {listed}{', ...' if len(sizes) > most else ''} rows"


def _sampling(seconds: Sequence[float]) -> str:
    total = math.fsum(seconds)
    known = "continued, time not known" if math.isnan(total) else f"{total:.1f} s"
    return f"{known} in {len(seconds)} chains"


def _seconds(folder: str | Path, chains: Sequence[Mapping[str, Any]]) -> list[float]:
    return [read_seconds(folder, chain["chain"]) for chain in chains]


def _mixing(automatic: bool, diagnostics: Mapping[str, Any]) -> str:
    sweeps = diagnostics["draws"]["draw"] + diagnostics["warmup"]
    if diagnostics["mixed"]:
        after = f" after {sweeps:,} sweeps" if automatic else ""
        return f"established{after} (see diagnostics.json)"
    few = diagnostics["draws"]["draw"] < diagnostics["thresholds"]["draws"]
    why = f"{sweeps:,} sweeps are too few; " if few else ""
    if automatic:
        why = f"{sweeps:,} sweeps are the limit of this run; "
    return f"not established ({why}see diagnostics.json)"
