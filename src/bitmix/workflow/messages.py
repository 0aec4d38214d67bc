"""The output of a run: tables of its numbers, and its last lines."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bitmix.io import atomic_write, read_json

#: The last words after a failure.
FAILED = """\
See the error above. A failed notebook, with its traceback, is in results/<run>/logs.
Chains are saved in results/<run>/checkpoints. Run the same command again to continue."""


def results_table(summary: Mapping[str, Any]) -> str:
    """Return the chains of a summary as a Markdown table."""
    from pandas import DataFrame  # slow to import

    chains, seconds = summary["chains"], summary["seconds"]
    table = DataFrame(
        {
            "chain": [chain["chain"] for chain in chains],
            "clusters": [chain["clusters"] for chain in chains],
            "largest cluster": [f"{chain['sizes'][0]:,}" for chain in chains],
            "log joint": [f"{chain['log_joint']:,.2f}" for chain in chains],
            "sampling, s": [f"{value:.2f}" for value in seconds],
        }
    )
    return table.to_markdown(index=False, disable_numparse=True, colalign=["right"] * 5)


def print_tables(
    files: Sequence[str | Path],
    table_file: str | Path,
    table: Callable[[Mapping[str, Any]], str] = results_table,
) -> None:
    """Print one table for each JSON file, and write them all to a file.

    Parameters
    ----------
    files : sequence of path-like
        JSON files, each in the folder of its run.
    table_file : path-like
        The file to write.
    table : function
        Returns a Markdown table of the content of a file.
    """
    tables = [f"{Path(file).parent}:\n\n{table(read_json(file))}\n" for file in files]
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
    return "\n".join(
        closing_lines(
            folder,
            read_json(folder / "summary.json"),
            read_json(folder / "diagnostics.json"),
            time.time() - since,
        )
        for folder in new
    )


def _modified(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0


def closing_lines(
    folder: str | Path,
    summary: Mapping[str, Any],
    diagnostics: Mapping[str, Any],
    total_seconds: float,
) -> str:
    """Return where the results of a run are, and seven lines about them."""
    chains = summary["chains"]
    lines = {
        "data": _data(summary),
        "clusters": "  ".join(str(chain["clusters"]) for chain in chains),
        "log joint": "  ".join(f"{chain['log_joint']:,.1f}" for chain in chains),
        "mixing": _mixing(summary["configuration"]["sweeps"], diagnostics),
        "explorer": f"{folder}/explore.html, for your browser",
        "sampling": f"{sum(summary['seconds']):.1f} s in {len(chains)} chains",
        "total": f"{total_seconds:.1f} s",
    }
    return "\n".join([f"Results: {folder}", *(f"  {key:<12}{text}" for key, text in lines.items())])


def _data(summary: Mapping[str, Any]) -> str:
    rows, features = summary["data"]["shape"]
    names = ("images", "pixels") if summary.get("image_shape") else ("rows", "features")
    return f"{rows:,} {names[0]} of {features:,} {names[1]}"


def _mixing(sweeps: int, diagnostics: Mapping[str, Any]) -> str:
    if diagnostics["mixed"]:
        return "established (see diagnostics.json)"
    few = diagnostics["draws"]["draw"] < diagnostics["thresholds"]["draws"]
    why = f"{sweeps:,} sweeps are too few; " if few else ""
    return f"not established ({why}see diagnostics.json)"
