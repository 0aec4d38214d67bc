"""A fault at every call that puts a file on the disk: a plain rerun gives the undisturbed files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD and /proc are Linux's")


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    compiler = os.environ.get("CC", "cc").split()
    command = [*compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "shim.c", "-ldl"]
    subprocess.run(command, check=True)
    return library


def strike(shim, folder, steps, kinds):
    """Run the harness; return its counts."""
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS")}
    process = subprocess.run(
        [sys.executable, HERE / "harness.py", shim, folder, steps, ",".join(kinds)],
        env={**os.environ, **one, "LD_PRELOAD": str(shim)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(process.stdout.splitlines()[-1])
    print(f"{sum(found['faults'].values())} faults, {len(found['wrong'])} results that differ")
    print(found["calls"], found["faults"])
    return found


def test_at_every_call_of_one_chain(shim, tmp_path):
    kinds = ("kill", "EIO", "short write", "lost fsync", "full disk")
    found = strike(shim, tmp_path, "quick", kinds)
    assert found["wrong"] == []
    assert found["faults"].keys() == set(kinds)
    assert all(found["calls"].get(call, 0) >= 10 for call in "owsr")


@pytest.mark.faults
def test_at_every_call_of_a_study(shim, tmp_path):
    kinds = ("kill", "ENOSPC", "EIO", "short write", "lost fsync", "full disk")
    found = strike(shim, tmp_path, "all", kinds)
    assert found["wrong"] == []
    assert sum(found["faults"].values()) >= 1000
