"""Which code a result depends on, and whether that code is installed."""

import json
import os
import shutil
from pathlib import Path

import pytest

from bitmix import code

PACKAGE = Path(__file__).parents[1] / "src/bitmix"


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the package's sources, newer than the installed package."""
    copy = tmp_path / "bitmix"
    shutil.copytree(PACKAGE, copy, copy_function=shutil.copy)
    for file in copy.rglob("*"):
        os.utime(file)
    return copy


def test_a_checkout_that_was_copied_or_touched_is_not_stale(checkout):
    assert code.stale(checkout) == []


@pytest.mark.parametrize("name", ["figures/style.py", "kernel/sweep.pyx", "kernel/c/vecmath.h"])
def test_a_changed_source_is_stale(checkout, name):
    with open(checkout / name, "a") as file:
        file.write("\n")
    assert code.stale(checkout) == [str(checkout / name)]


@pytest.mark.parametrize("name", ["new.py", "kernel/new.pyx"])
def test_a_new_source_is_stale(checkout, name):
    (checkout / name).write_text("")
    assert code.stale(checkout) == [str(checkout / name)]


def test_closure():
    assert code.closure() == tuple(sorted(code.GROUND))
    assert set(code.closure("data")) == {*code.GROUND, "data", "kernel"}
    assert set(code.CHAIN) == {*code.GROUND, "chains", "data", "kernel", "sampling"}


def test_sources_are_all_of_a_part():
    found = code.sources(PACKAGE, ("kernel", "io.py"))
    names = {path.relative_to(PACKAGE).as_posix() for path in found}
    assert {"io.py", "kernel/sweep.pyx", "kernel/mixture.pxd", "kernel/c/simd.h"} <= names
    assert not any(name.startswith("data") for name in names)


def test_the_manifest_has_the_hashes_of_the_compiled_sources(tmp_path):
    compiled = [file for file in PACKAGE.rglob("*") if file.suffix in code.COMPILED]
    here = tmp_path / "bitmix"
    shutil.copytree(PACKAGE, here)
    code.write_manifest(tmp_path / "compiled.json", [])
    assert json.loads((tmp_path / "compiled.json").read_text()) == {}
    installed = json.loads((Path(code.__file__).parent / "compiled.json").read_text())
    assert len(installed) == len(compiled)
