"""The benchmark of a million rows judges chains by the true mixture."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def million(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("million")


def test_log_density(million):
    """The densities of all rows add up to 1, and the mean is that of the rows."""
    truth = million.Truth.draw(3, 4)
    every = np.array(np.meshgrid(*4 * [[0, 1]])).reshape(4, -1).T
    densities = np.exp([truth.log_density(row[None]) for row in every])
    assert densities.sum() == pytest.approx(1.0)
    assert truth.log_density(every[:2]) == pytest.approx(np.log(densities[:2]).mean())


def test_rows_follow_the_mixture(million):
    truth = million.Truth.draw(3, 4)
    x = truth.rows(5_000, seed=1)
    assert x.shape == (5_000, 4) and x.dtype == np.uint8
    np.testing.assert_allclose(x.mean(axis=0), truth.p.mean(axis=0), atol=0.03)
    assert not np.array_equal(x, truth.rows(5_000, seed=2))


def test_measures(million):
    truth = million.Truth.draw(3, 4)
    x = truth.rows(100, seed=1)
    true = truth.log_density(x)
    found = [
        {"seconds": s, "sweeps": 1, "log_density": d * true, "clusters": 3, "split_merge": 0.1}
        for s, d in ((1.0, 1.1), (2.0, 1.004), (3.0, 1.003))
    ]
    measured = {one.name: one for one in million.measures([found], truth, x, x)}
    below = measured["  log density below the true one"]
    assert below.value == pytest.approx(0.3) and below.verdict == "ok"
    assert measured["  CPU time until 0.5%"].value == 2.0
    never = {one.name: one for one in million.measures([found[:1]], truth, x, x)}
    assert never["  CPU time until 0.5%"].verdict == "MISSED"


@pytest.mark.slow
def test_quick(tmp_path):
    output = tmp_path / "million.json"
    command = [sys.executable, BENCHMARKS / "million.py", "--quick", "--output", output]
    subprocess.run(command, check=False, capture_output=True)
    found = json.loads(output.read_text())
    assert len(found["curves"]) == 2
    assert all(curve[-1]["seconds"] >= 2.0 for curve in found["curves"])
