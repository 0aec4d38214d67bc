"""The densities of all sets: one file, one table, one figure, and whether they come out the same.

`python -m bitmix.workflow.densities` makes the chains in results/density.json the expected ones.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bitmix import density, figures
from bitmix.io import atomic_write, read_json, read_sealed_json, write_json
from bitmix.workflow.checks import CheckError


def report(
    files: Sequence[str], density_file: str, table_file: str, figures_folder: str | Path
) -> None:
    """Write the results of all sets and the figure; print and write the table.

    Parameters
    ----------
    files : sequence of str
        The file of each set, `<set>.json`.
    density_file, table_file : str
        The files to write, JSON and Markdown.
    figures_folder : path-like
        The folder for the figure.
    """
    results = density.write_density(density_file, files)
    text = f"{density.results_table(results)}\n\n{density.verdict(results)}\n"
    print(f"\n{text}", flush=True)
    with atomic_write(table_file) as file:
        file.write(text.encode())
    figures.save(
        figures.densities(results["sets"], results["published"]), figures_folder, "density"
    )


def check(expected_file: str, density_file: str, log_file: str) -> None:
    """Compare the chains of each set with the expected ones; print and write the verdict.

    Sets without expected chains, or with other settings than these, are not compared.

    Raises
    ------
    CheckError
        If a chain of a set differs.
    """
    expected, found = read_json(expected_file), identity(read_sealed_json(density_file))
    same = [
        name
        for name, now in found.items()
        if name in expected and now["settings"] == expected[name]["settings"]
    ]
    differ = [name for name in same if found[name] != expected[name]]
    text = f"{len(same)} of {len(found)} sets have chains to compare with; {len(differ)} differ"
    text += f": {', '.join(differ)}" if differ else ""
    print(text, flush=True)
    with atomic_write(log_file) as file:
        file.write(f"{text}\n".encode())
    if differ:
        raise CheckError(f"{text}; see {expected_file} and {density_file}")


def identity(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a repetition must reproduce of each set: its settings, data and chains."""
    return {
        name: {
            "settings": result["settings"],
            "data": {split: rows["sha256"] for split, rows in result["data"].items()},
            "leaves": result["averages"]["trees"]["leaves"],
            "chains": {
                average: found["chains_sha256"] for average, found in result["averages"].items()
            },
        }
        for name, result in results["sets"].items()
    }


if __name__ == "__main__":
    write_json("tests/expected/density.json", identity(read_sealed_json("results/density.json")))
