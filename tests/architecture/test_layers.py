"""Imports point down, and the table of dependencies in `bitmix.code` agrees with them."""

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from bitmix import code

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("bitmix", cache_dir=None)


def test_imports_point_down():
    program = shutil.which("lint-imports", path=Path(sys.executable).parent)
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def parts(modules):
    """Return the folders and ground-floor files of modules."""
    found = {module.split(".")[1] for module in modules if "." in module}
    return {part if part in code.IMPORTS else f"{part}.py" for part in found}


@pytest.mark.parametrize("folder", code.IMPORTS)
def test_the_table_of_imports_is_that_of_the_code(graph, folder):
    package = f"bitmix.{folder}"
    inside = {package, *graph.find_descendants(package)}
    imported = {
        other for module in inside for other in graph.find_modules_directly_imported_by(module)
    }
    found = parts(imported - inside)
    assert {part for part in found if part in code.IMPORTS} == set(code.IMPORTS[folder])
    assert {part for part in found if part.endswith(".py")} <= set(code.GROUND)


def test_a_chain_depends_on_all_that_sampling_imports(graph):
    """A checkpoint depends on all code that can change its chain."""
    package = "bitmix.sampling"
    modules = {package, *graph.find_descendants(package)}
    for module in list(modules):
        modules |= graph.find_upstream_modules(module)
    assert parts(modules) | set(code.GROUND) == set(code.CHAIN)


def test_every_folder_is_in_the_table():
    package = ROOT / "src/bitmix"
    folders = {path.name for path in package.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {*code.IMPORTS, "workflow"}
    assert {path.name for path in package.glob("*.py")} == {
        *code.GROUND,
        "__init__.py",
        "estimator.py",
    }
