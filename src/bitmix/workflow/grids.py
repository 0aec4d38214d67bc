"""Parameter grids: one entry of the configuration that stands for many runs.

    pairs:
      grid: {data.labels: [[2, 3], [1, 7]], seed: [1, 2]}
      sweeps: 20

stands for `pairs_labels-2-3_seed-1`, `pairs_labels-2-3_seed-2` and so on. The values make the
names, so a value that is added later adds runs and changes no other.
"""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bitmix.io import atomic_write, read_sealed_json
from bitmix.workflow.config import ConfigError

#: The values of the keys that a grid varies, for each of its runs.
Grid = dict[str, dict[str, Any]]


def expand(runs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Grid]]:
    """Replace each run that has a grid by one run for each combination of its values.

    Parameters
    ----------
    runs : mapping
        The runs of a configuration, which follow its schema.

    Returns
    -------
    runs : dict
        The runs. None has a grid.
    grids : dict of str to dict
        For each entry with a grid, its runs and the values of each.

    Raises
    ------
    ConfigError
        If two runs have the same name.
    """
    expanded: dict[str, Any] = {}
    grids: dict[str, Grid] = {}
    for name, run in runs.items():
        if run.get("grid") is None:
            new = {name: {key: value for key, value in run.items() if key != "grid"}}
        else:
            grids[name] = _combinations(name, run["grid"])
            new = {member: _with(run, values) for member, values in grids[name].items()}
        if twice := expanded.keys() & new.keys():
            raise ConfigError(f"runs.{min(twice)}: two runs have this name; rename one")
        expanded |= new
    return expanded, grids


def told(message: object, grids: Mapping[str, Grid]) -> str:
    """Return a message about runs with the names of the entries that the user wrote, each once."""
    text = str(message)
    for name, runs in grids.items():
        for run in runs:
            text = text.replace(f"runs.{run}.", f"runs.{name}.grid: ")
    return "\n".join(dict.fromkeys(text.split("\n")))


def _combinations(name: str, grid: Mapping[str, Sequence[Any]]) -> Grid:
    combinations: Grid = {}
    for values in itertools.product(*grid.values()):
        given = dict(zip(grid, values, strict=True))
        run = "_".join([name, *itertools.starmap(_part, given.items())])
        if run in combinations:
            raise ConfigError(f"runs.{name}.grid: two combinations are {run}; give each value once")
        combinations[run] = given
    return combinations


def _part(key: str, value: Any) -> str:
    """Return the part of a run's name that tells one value, such as `labels-2-3`."""
    words = re.findall(r"[A-Za-z0-9]+", f"{key.rpartition('.')[2]} {value}".replace("_", " "))
    return "-".join(words)


def _with(run: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a run with other values, given by keys such as `data.labels`."""
    changed = copy.deepcopy({key: value for key, value in run.items() if key != "grid"})
    for path, value in values.items():
        *groups, key = path.split(".")
        place = changed
        for group in groups:
            place[group] = place.get(group) or {}
            place = place[group]
        place[key] = value
    return changed


def write_comparison(
    summaries: Sequence[str], grid: Mapping[str, Any], table_file: str, csv_file: str
) -> None:
    """Write a table with one row for each run of a grid, as Markdown and as CSV.

    Parameters
    ----------
    summaries : sequence of str
        The summaries of the runs, each beside the run's `diagnostics.json`.
    grid : mapping
        The runs and their values, in the same order.
    table_file, csv_file : str
        The files to write.
    """
    from pandas import DataFrame  # slow to import

    table = DataFrame(list(_rows(summaries, grid)))
    text = table.to_markdown(index=False, disable_numparse=True)
    print(f"\n{text}\n", flush=True)
    with atomic_write(table_file) as file:
        file.write(f"{text}\n".encode())
    with atomic_write(csv_file) as file:
        file.write(table.to_csv(index=False, lineterminator="\n").encode())


def _rows(summaries: Sequence[str], grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for file, (run, values) in zip(summaries, grid.items(), strict=True):
        chains = read_sealed_json(file)["chains"]
        diagnostics = read_sealed_json(Path(file).with_name("diagnostics.json"))
        yield {
            "run": run,
            **values,
            "rows": sum(chains[0]["sizes"]),
            "clusters": ", ".join(str(chain["clusters"]) for chain in chains),
            "highest log joint": f"{max(chain['log_joint'] for chain in chains):.2f}",
            "mixed": "yes" if diagnostics["mixed"] else "no",
        }
