"""Compare a run with its expected values, and say where to look if they differ."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitmix.io import atomic_write, read_json, read_sealed_json, write_json
from bitmix.workflow import crate
from bitmix.workflow.provenance import Facts, columns, differences, direct, read_environment
from bitmix.workflow.summary import expected_values

Values = Mapping[str, Any]

# What a difference means, by kind. The first kind that differs may cause those after it.
MEANING = {
    "configuration": "the run has other settings: compare its entry in config/config.yaml with the"
    " expected file",
    "data": "the rows or their order differ: look at the data and the seed of the run in"
    " config/config.yaml, then at src/bitmix/data",
    "chains": "the same rows, seed and settings gave another chain: look at what changed in"
    " src/bitmix/kernel and src/bitmix/sampling, and at what else differs, below",
    "log joint": "the same assignments have another log joint: look at what changed in"
    " src/bitmix/kernel/priors.pyx and joint.pyx",
    "figures": "a figure is missing, blank or of another size: look at src/bitmix/figures and open"
    " the figure",
}


class CheckError(RuntimeError):
    """The results of a run are not the expected ones."""


@dataclass(frozen=True)
class Row:
    """One comparison: its kind, its subject, the expected and the found value."""

    kind: str
    what: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def compare(expected: Values, found: Values) -> list[Row]:
    """Compare the summary of a run with the expected values.

    Configuration, data and chains must be equal, log joints to the last bit. Figures must have the
    same names and sizes in pixels, and none may be blank.

    Parameters
    ----------
    expected, found : mapping
        The results of `expected_values` and `summarise` in `bitmix.workflow.summary`.

    Returns
    -------
    rows : list of Row
        All comparisons, whether they hold or not.
    """
    return [
        *_settings(expected["configuration"], found["configuration"]),
        *(Row("data", f"data {key}", expected["data"][key], found["data"][key])
          for key in ("sha256", "shape", "labels")),
        *_chains(expected["chains"], found["chains"]),
        *_figures(expected["figures"], found["figures"]),
    ]  # fmt: skip


def report(name: str, expected: Values, found: Values, here: Facts) -> tuple[str, bool]:
    """Return the comparison as a table with explanations, and whether all values agree.

    Parameters
    ----------
    name : str
        The name of the run.
    expected, found : mapping
        See `compare`.
    here : mapping
        The code, the machine and the packages of the run, from `provenance.read_environment`.
    """
    rows = compare(expected, found)
    differ = [row for row in rows if not row.holds]
    lines = [f"{name}: {len(rows)} comparisons, {len(differ)} differences", "", *_table(rows)]
    if differ:
        lines += ["", *_explanations(name, differ), "", *_elsewhere(expected, here)]
    return "\n".join(lines), not differ


def check(expected_files: Sequence[str], summaries: Sequence[str], table_file: str) -> None:
    """Compare runs with their expected values; print and write the tables.

    Raises
    ------
    CheckError
        If a value differs, or there is nothing to compare.
    """
    if not expected_files:
        raise CheckError("no run has expected values: make them with `make expected RUN=<run>`")
    texts, verdicts = [], []
    for expected, summary in zip(expected_files, summaries, strict=True):
        here = read_environment(Path(summary).with_name(crate.NAME))
        values = read_json(expected), read_sealed_json(summary)
        text, holds = report(Path(expected).stem, *values, here)
        texts.append(text)
        verdicts.append(holds)
    verdict = "Everything is as expected." if all(verdicts) else "NOT as expected."
    text = "\n\n".join([*texts, verdict])
    print(f"\n{text}\n", flush=True)
    with atomic_write(table_file) as file:
        file.write(f"{text}\n".encode())
    if not all(verdicts):
        raise CheckError(f"not as expected, see {table_file}")


def accept(run: str, results: str | Path = "results") -> Path:
    """Make the results of a run the expected ones; return the file with them.

    Parameters
    ----------
    run : str
        The name of the run. Its summary and its crate must exist.
    results : path-like
        The folder of all results.
    """
    path, folder = Path(f"tests/expected/{run}.json"), Path(results, run)
    environment = direct(read_environment(folder / crate.NAME))
    values = expected_values(read_sealed_json(folder / "summary.json"))
    write_json(path, {**values, "environment": environment})
    return path


def _settings(expected: Values, found: Values) -> list[Row]:
    """Compare the settings. Those that agree share one row."""
    expected, found = dict(_flat(expected)), dict(_flat(found))
    rows = [
        Row("configuration", key, expected.get(key), found.get(key))
        for key in sorted(expected.keys() | found.keys())
    ]
    same = f"{sum(row.holds for row in rows)} settings"
    return [Row("configuration", "configuration", same, same), *(r for r in rows if not r.holds)]


def _flat(values: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _chains(expected: list[Values], found: list[Values]) -> Iterator[Row]:
    yield Row("chains", "number of chains", len(expected), len(found))
    for old, new in zip(expected, found, strict=False):
        name = f"chain {old['chain']}"
        for key in ("clusters", "sizes", "assignments_sha256"):
            yield Row("chains", f"{name} {key.replace('_', ' ')}", old[key], new[key])
        same_clusters = old["assignments_sha256"] == new["assignments_sha256"]
        kind = "log joint" if same_clusters else "chains"
        yield Row(kind, f"{name} log joint", *(_log_joint(chain) for chain in (old, new)))


def _log_joint(chain: Values) -> str:
    return f"{float.fromhex(chain['log_joint_hex'])!r}"


def _figures(expected: Values, found: Values) -> Iterator[Row]:
    for name in sorted(expected.keys() | found.keys()):
        blank = found.get(name, {}).get("blank")  # always wrong, whatever is expected
        here = _structure(found.get(name)) + (", blank" if blank else "")
        yield Row("figures", name, _structure(expected.get(name)), here)


def _structure(figure: Values | None) -> str:
    return "absent" if figure is None else f"{figure['width']} x {figure['height']}"


def _table(rows: list[Row]) -> Iterator[str]:
    cells: list[tuple[str, ...]] = [("what", "expected", "found", "verdict")]
    for row in rows:
        old, new = _brief(row.expected, row.found)
        cells.append((row.what, old, new, "ok" if row.holds else "DIFFERS"))
    yield from columns(cells)


def _brief(expected: Any, found: Any, width: int = 24) -> tuple[str, str]:
    """Shorten two values for the table and keep the first place where they differ."""
    texts = [value if isinstance(value, str) else repr(value) for value in (expected, found)]
    if max(map(len, texts)) <= width:
        return texts[0], texts[1]
    pairs = enumerate(zip(*texts, strict=False))
    first = next((i for i, (old, new) in pairs if old != new), 0)
    start = 0 if first < width - 8 else first - width // 2
    window = slice(start, start + width - 6)
    old, new = (f"{'...' if start else ''}{text[window]}..." for text in texts)
    return old, new


def _explanations(name: str, differences: list[Row]) -> Iterator[str]:
    """Explain each kind of difference. If the input differs, refer the other kinds to it."""
    kinds = list(dict.fromkeys(row.kind for row in differences))
    causes = [kind for kind in kinds if kind in ("configuration", "data")]
    for kind in kinds:
        what = ", ".join(row.what for row in differences if row.kind == kind)
        follows = causes and kind not in causes
        yield f"{kind} ({what}):"
        yield (
            f"  may follow from the {causes[0]}: look there first"
            if follows
            else f"  {MEANING[kind]}"
        )
    yield f"If the new values are right, run `make expected RUN={name}` and commit the file."


def _elsewhere(expected: Values, here: Facts) -> Iterator[str]:
    """Tell what differs between where the expected values come from and here."""
    rows = differences(expected.get("environment", {}), direct(here))
    if rows:
        yield from columns([("environment", "expected", "here"), *rows])
    else:
        yield "Code, machine and packages are those of the expected values."


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{accept(name)} now has the results of {name}")
