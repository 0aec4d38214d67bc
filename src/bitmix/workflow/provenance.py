"""What differs between two runs, told by their crates.

    python -m bitmix.workflow.provenance ONE/ro-crate-metadata.json OTHER/ro-crate-metadata.json

prints the facts about code, machines and packages, the settings and the files that differ.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib.metadata import requires
from pathlib import Path
from urllib.parse import unquote

from bitmix.io import read_json
from bitmix.workflow import crate
from bitmix.workflow.crate import FACT, PURL, SETTING
from bitmix.workflow.environment import PACKAGE, package_name

#: Names and values that can be compared.
Facts = Mapping[str, str]

#: The files that differ from run to run, as patterns: they hold times, or tell how a job went.
#: An evaluation measures how long the methods take.
OF_ONE_RUN = (
    *("benchmarks/*", "logs/*.txt", crate.NAME),
    *("evaluation.json", "*/07-evaluation.ipynb", "figures/evaluation-seconds.*"),
)


def read_environment(crate_file: str | Path) -> dict[str, str]:
    """Return the facts about code, machine and packages that a crate has."""
    entities = read_json(crate_file)["@graph"]
    packages = {
        f"{PACKAGE}{entity['name']}": entity["softwareVersion"]
        for entity in entities
        if entity["@id"].startswith(PURL)
    }
    return _values(entities, FACT) | packages


def direct(facts: Facts) -> dict[str, str]:
    """Leave out the packages that bitmix does not need itself."""
    needed = (re.split(r"[^\w.-]", requirement)[0] for requirement in requires("bitmix") or ())
    own = {f"{PACKAGE}{package_name(name)}" for name in ("bitmix", *needed)}
    return {name: facts[name] for name in facts if not name.startswith(PACKAGE) or name in own}


def read_files(crate_file: str | Path) -> dict[str, str]:
    """Return the sha256 of each file of a run, by its path in the folder of the run."""
    return {
        unquote(entity["@id"]): entity["sha256"]
        for entity in read_json(crate_file)["@graph"]
        if "File" in entity["@type"]
    }


def is_of_one_run(name: str) -> bool:
    """Return whether a file, given its path in the folder of a run, differs from run to run."""
    return any(fnmatchcase(name, pattern) for pattern in OF_ONE_RUN)


def changed_files(crate_file: str | Path) -> list[str]:
    """Return the files of a run that are gone, or are not those that its crate describes."""
    run = Path(crate_file).parent
    return [
        name
        for name, expected in read_files(crate_file).items()
        if not (run / name).is_file() or sha256((run / name).read_bytes()).hexdigest() != expected
    ]


def compare(one: str | Path, other: str | Path) -> list[tuple[str, str, str]]:
    """Return what differs between two runs, as `differences` of their crates.

    Files that hold times are not compared.
    """
    settings, files = [], []
    for crate_file in (one, other):
        settings.append(_values(read_json(crate_file)["@graph"], SETTING))
        found = read_files(crate_file).items()
        files.append({name: hashed[:12] for name, hashed in found if not is_of_one_run(name)})
    return [
        *differences(read_environment(one), read_environment(other)),
        *differences(*settings),
        *differences(*files),
    ]


def differences(expected: Facts, found: Facts) -> list[tuple[str, str, str]]:
    """Return the facts that differ: name, expected value, found value."""
    names = dict.fromkeys([*expected, *found])
    pairs = [(name, expected.get(name, "none"), found.get(name, "none")) for name in names]
    return [(name, old, new) for name, old, new in pairs if old != new]


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a table whose first row is its heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    heading, *others = rows
    for row in (heading, ["-" * width for width in widths], *others):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _values(entities: Sequence[Mapping[str, str]], group: str) -> dict[str, str]:
    return {e["name"]: e["value"] for e in entities if e["@id"].startswith(f"#{group}/")}


def main(one: str, other: str) -> None:
    """Print what differs between two crates."""
    if rows := compare(one, other):
        print("\n".join(columns([("what", one, other), *rows])))
    else:
        print("no difference")


if __name__ == "__main__":
    main(*sys.argv[1:])
