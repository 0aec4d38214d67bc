"""What a run was computed with: the code, the machine and the packages."""

import os
import platform
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from bitmix import code, kernel

#: Facts by name. The names of packages begin with this.
PACKAGE = "package "
#: The folders and files whose changes a run may depend on.
_CODE = ("Snakefile", "rules", "notebooks", "src", "meson.build", "pyproject.toml")
_UNKNOWN = "unknown"


def environment(home: str | Path) -> dict[str, str]:
    """Return what this process runs with, as facts that can be compared.

    Parameters
    ----------
    home : path-like
        The folder of the workflow.
    """
    commit, changes = _commit(home)
    return {
        "commit": commit,
        "uncommitted changes": changes,
        "bitmix sha256": code.package_sha256(),
        "system": platform.platform(),
        "processor": _processor(),
        "instruction set": kernel.simd_name(),
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        **{f"{PACKAGE}{name}": version for name, version in _packages()},
    }


def _commit(home: str | Path) -> tuple[str, str]:
    """Return the commit of a checkout, and whether its code has changes that no commit has.

    Both are unknown in a folder that is no checkout, for example from an archive.
    """
    try:
        _git(home, "ls-files", "--error-unmatch", "Snakefile")  # the repository may be another one
        commit = _git(home, "rev-parse", "HEAD")
        changes = _git(home, "status", "--porcelain", "--", *_CODE)
    except (OSError, subprocess.CalledProcessError):
        return _UNKNOWN, _UNKNOWN
    return commit, "yes" if changes else "no"


def _git(home: str | Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(home), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def _processor() -> str:
    """Return the name of the processor, where Linux tells it; elsewhere its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _packages() -> list[tuple[str, str]]:
    """Return the name, as package indexes write it, and the version of each installed package."""
    found = {package_name(package.name): package.version for package in distributions()}
    return sorted(found.items())


def package_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
