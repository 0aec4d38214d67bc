"""The densities of all sets: one file, one table, one figure."""

from collections.abc import Sequence
from pathlib import Path

from bitmix import density, figures
from bitmix.io import atomic_write


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
