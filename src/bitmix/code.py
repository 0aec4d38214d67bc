"""Which code a result depends on, and whether the installed code is that of a checkout.

The folders of the package import each other in one direction only. So a result depends on the
folder that makes it and on everything that this folder imports, directly or indirectly.

The build runs this file as a script, which records the sources of the compiled modules:

    python code.py MANIFEST SOURCE ...
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

#: The modules that every folder may import.
GROUND = ("arguments.py", "blocks.py", "code.py", "io.py", "model.py", "streams.py")

#: The direct imports of each folder. A test compares this table with the code.
IMPORTS = {
    "kernel": (),
    "data": ("kernel",),
    "chains": ("data", "kernel"),
    "sampling": ("chains", "data", "kernel"),
    "predict": ("chains", "data", "kernel"),
    "partitions": ("chains", "data", "kernel"),
    "diagnostics": ("chains", "data", "kernel"),
    "automatic": ("chains", "data", "diagnostics", "sampling"),
    "classes": ("chains", "data", "kernel", "partitions", "predict"),
    "evaluation": ("data", "predict", "sampling"),
    "figures": ("chains", "classes", "data", "diagnostics", "partitions", "predict"),
    "explorer": ("chains", "data", "predict", "sampling"),
    "density": ("chains", "data", "kernel", "predict", "sampling"),
    "study": ("chains", "data", "sampling"),
}

COMPILED = (".pyx", ".pxd", ".c", ".h")
BROWSER = (".js", ".css")
_MANIFEST = "compiled.json"
_INSTALLED = Path(__file__).parent


def closure(*folders: str) -> tuple[str, ...]:
    """Return folders, everything that they import, and the modules that all may import.

    Parameters
    ----------
    *folders : str
        Keys of `IMPORTS`.

    Returns
    -------
    parts : tuple of str
        Names of folders and files in the package, sorted.
    """
    found, waiting = set(GROUND), list(folders)
    while waiting:
        folder = waiting.pop()
        if folder not in found:
            found.add(folder)
            waiting.extend(IMPORTS[folder])
    return tuple(sorted(found))


#: The code that a chain depends on.
CHAIN = closure("sampling")


def sources(package: Path, parts: Iterable[str]) -> list[Path]:
    """Return the sources of parts of the package, sorted.

    Parameters
    ----------
    package : Path
        The folder of the package in a checkout, src/bitmix.
    parts : iterable of str
        Names of folders and files in it.
    """
    files = (file for part in parts for file in _files(package / part))
    return sorted(file for file in files if file.suffix in (".py", *BROWSER, *COMPILED))


def _files(path: Path) -> Iterable[Path]:
    return path.rglob("*") if path.is_dir() else (path,)


@cache
def chain_sha256() -> str:
    """Return the sha256, in hex, of the installed code that a chain depends on.

    Compiled modules count by their sources, so the hash, like the chain, is the same for every
    compiler and machine.
    """
    return _installed_sha256(CHAIN)


def package_sha256() -> str:
    """Return the sha256, in hex, of all installed code of bitmix; see `chain_sha256`."""
    return _installed_sha256(sorted(path.name for path in _INSTALLED.iterdir()))


def _installed_sha256(parts: Sequence[str]) -> str:
    compiled = _compiled()
    hashes = {name: value for name, value in compiled.items() if _part(name) in parts}
    for file in sources(_INSTALLED, parts):
        if file.suffix == ".py":
            hashes[file.relative_to(_INSTALLED).as_posix()] = _sha256(file)
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def stale(package: Path, installed: Path = _INSTALLED) -> list[str]:
    """Return the sources in a checkout that differ from those of an installed package.

    Contents are compared, so a checkout that was copied or touched is not stale.

    Parameters
    ----------
    package : Path
        The folder of the package in the checkout, src/bitmix.
    installed : Path, optional
        The folder of the installed package; by default the one that runs.
    """
    compiled = _compiled(installed)
    differ = []
    for source in sources(package, (".",)):
        name = source.relative_to(package).as_posix()
        copy = installed / name
        if source.suffix in COMPILED:
            same = compiled.get(name) == _sha256(source)
        else:
            same = copy.exists() and copy.read_bytes() == source.read_bytes()
        if not same:
            differ.append(str(source))
    return differ


def write_manifest(path: Path, files: Iterable[Path]) -> None:
    """Write the sha256 of each file, by its name in the package, as JSON."""
    here = Path(__file__).resolve().parent
    hashes = {file.resolve().relative_to(here).as_posix(): _sha256(file) for file in files}
    path.write_text(json.dumps(hashes, indent=2, sort_keys=True) + "\n")


def _compiled(installed: Path = _INSTALLED) -> dict[str, str]:
    """Return the sha256 of the sources of the installed compiled modules, by name."""
    try:
        return json.loads((installed / _MANIFEST).read_text())
    except FileNotFoundError:  # the installation was interrupted
        return {}


def _part(name: str) -> str:
    return name.partition("/")[0]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    write_manifest(Path(sys.argv[1]), map(Path, sys.argv[2:]))
