"""The lists of dependencies agree with each other and with the imports."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from supported import PYTHONS

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = PYPROJECT["project"]["dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
BUILD_SYSTEM = PYPROJECT["build-system"]["requires"]

# Programs, and packages that xarray, pandas and tqdm import for NetCDF, tables and notebooks.
NOT_IMPORTED = {
    *("h5netcdf", "h5py", "ipykernel", "ipywidgets", "jupyterlab", "papermill", "tabulate"),
}
#: The groups that have a lock of their own.
EXTRAS = ("bench", "browser", "slurm")
#: And those that have an environment of their own, too.
APART = ("crate",)
CONDA_NAMES = {
    "matplotlib": "matplotlib-base",
    "seaborn": "seaborn-base",
    "snakemake": "snakemake-minimal",
}
CONDA_ONLY = {"c-compiler": "", "pip": "", "python": PYPROJECT["project"]["requires-python"]}

MACHINES = [
    {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_machine": machine,
        "os_name": "posix",
    }
    for python, (platform, machine) in product(
        PYTHONS, [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    )
]


def specifiers(requirements):
    """Return {name: specifier} of lines like `numpy>=2.0`."""
    parsed = map(Requirement, requirements)
    return {canonicalize_name(one.name): str(one.specifier) for one in parsed}


def pins(lock):
    """Return the requirements of a lock file, without hashes and comments."""
    text = (ROOT / lock).read_text()
    return [Requirement(line.rstrip("\\ ")) for line in re.findall(r"^\w.*", text, re.MULTILINE)]


def imported():
    """Return the modules that the package and the rules import, without those of Python."""
    rules = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    text = "\n".join(path.read_text() for path in rules)
    modules = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.M))
    for source in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules.add(node.module.split(".")[0])
    return modules - sys.stdlib_module_names - {"bitmix"}


def test_dependencies_are_what_is_used():
    packages = metadata.packages_distributions()
    used = {canonicalize_name(packages[module][0]) for module in imported()}
    assert used | NOT_IMPORTED == set(specifiers(DEPENDENCIES))


def test_conda_gets_the_same():
    found = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    wanted = specifiers([*DEPENDENCIES, *GROUPS["build"]])
    renamed = {CONDA_NAMES.get(name, name): specifier for name, specifier in wanted.items()}
    assert specifiers(found) == renamed | CONDA_ONLY


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        (
            "requirements.txt",
            [
                *BUILD_SYSTEM,
                *DEPENDENCIES,
                *(one for name in ("build", "install", "test", "book") for one in GROUPS[name]),
            ],
        ),
        *((f"requirements-{name}.txt", GROUPS[name]) for name in EXTRAS + APART),
    ],
)
@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda m: "-".join([m["python_version"], m["platform_machine"]])
)
def test_lock_satisfies_pyproject(lock, requirements, machine):
    locked = {}
    for pin in pins(lock):
        if pin.marker is None or pin.marker.evaluate(machine):
            assert locked.setdefault(pin.name, pin.specifier) is pin.specifier, f"two of {pin.name}"
    for name, specifier in specifiers(requirements).items():
        assert name in locked, f"{name} is not in {lock}: make lock"
        (version,) = (pin.version for pin in locked[name])
        assert Requirement(name + specifier).specifier.contains(version), f"{name}: make lock"


@pytest.mark.parametrize(
    "lock", ["requirements.txt", *(f"requirements-{name}.txt" for name in EXTRAS + APART)]
)
def test_lock_has_hashes_and_no_host(lock):
    text = (ROOT / lock).read_text()
    for entry in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
        assert re.match(r"[\w.-]+==\S+", entry) and "--hash=sha256:" in entry, entry
    assert not re.search(r"://|--(extra-)?index|--find-links", text)


@pytest.mark.parametrize("group", EXTRAS)
def test_locks_agree(group):
    main = {(pin.name, pin.specifier) for pin in pins("requirements.txt")}
    names = {name for name, _ in main}
    extra = {(pin.name, pin.specifier) for pin in pins(f"requirements-{group}.txt")}
    assert {(name, specifier) for name, specifier in extra if name in names} <= main


def test_installed_package_is_complete_and_has_no_sources_of_the_kernel():
    installed = {file for file in metadata.files("bitmix") if file.parts[0] == "bitmix"}
    python = {str(file) for file in installed if file.suffix == ".py"}
    sources = ROOT / "src"
    assert python == {str(path.relative_to(sources)) for path in sources.rglob("*.py")}
    suffixes = {".css", ".js", ".json", ".py", ".so"}
    assert {file.suffix for file in installed} - {".pyc"} == suffixes


def make(tmp_path, *arguments):
    """Run make on the Makefile alone, in an empty folder."""
    (tmp_path / "requirements.txt").touch()
    command = ["make", "--file", ROOT / "Makefile", "--directory", tmp_path, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("import sys; sys.version_info = (3, 8, 1)", "Python 3.11 or newer, not 3.8.1"),
        ("import os; os.getcwd = lambda: '/my study'", "move /my study"),
        ("import importlib.util as u; u.find_spec = lambda name: None", "has no venv"),
        ("import sysconfig; sysconfig.get_path = lambda name: ''", "has no C headers"),
        ("import shutil; shutil.which = lambda name: None", "no C compiler"),
    ],
)
def test_make_says_what_is_missing_before_it_does_anything(tmp_path, change, complaint):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{change}\n$2"\n')
    python.chmod(0o755)
    done = make(tmp_path, ".venv/.packages", f"PYTHON={python}")
    assert done.returncode != 0
    assert complaint in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_says_that_python_is_absent(tmp_path):
    done = make(tmp_path, ".venv/.packages", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "no no-such-python here: make PYTHON=" in done.stderr
