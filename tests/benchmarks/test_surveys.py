"""The benchmark of surveys simulates what it says and counts correctly."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def surveys(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("surveys")


def test_patterns_differ(surveys):
    survey = surveys.with_patterns(5, 0)
    assert survey.x.shape == (500, 12) and survey.theta.shape == (5, 12)
    high = survey.theta > 0.5
    assert min((high[i] != high[j]).sum() for i in range(5) for j in range(i)) >= 4
    assert survey.shares.min() >= 0.1
    shares = np.bincount(survey.z, minlength=5) / 500
    np.testing.assert_allclose(shares, survey.shares, atol=0.08)


@pytest.mark.parametrize("seed", [0, 1])
def test_parameters_from_the_prior(surveys, seed):
    survey = surveys.from_the_prior(seed)
    assert survey.x.shape == (300, 12) and len(survey.shares) == 2 + seed
    assert set(survey.z) == set(range(2 + seed))


def test_the_same_seed_gives_the_same_survey(surveys):
    for simulate in (surveys.from_the_prior, surveys.with_fixed_parameters):
        np.testing.assert_array_equal(simulate(3).x, simulate(3).x)
        assert (simulate(3).x != simulate(5).x).any()


def test_same_classes(surveys):
    found, true = np.array([0, 0, 1, 1, 1, -1]), np.array([2, 2, 0, 0, 2, 0])
    rows, columns = surveys.same_classes(found, true, 2)
    assert rows.tolist() == [0, 1] and columns.tolist() == [2, 0]
    rows, columns = surveys.same_classes(np.full(6, -1), true, 0)
    assert len(rows) == len(columns) == 0


def test_coverage(surveys):
    def row(kind, shares, items):
        return {"kind": kind, "found": 2, "true": 2, "shares": shares, "items": items}

    found = [row("prior", [2, 2], [9, 10]), row("prior", [1, 2], [10, 10])]
    found.append(row("fixed", [0, 2], [5, 10]))
    measures = {measure.name: measure for measure in surveys.coverage_measures(found)}
    assert measures["prior parameters, shares covered of 4"].value == 75
    assert measures["prior parameters, items covered of 20"].value == 95
    assert measures["prior parameters, items covered of 20"].verdict == "ok"
    assert measures["fixed parameters, items covered of 10"].verdict == "MISSED"


@pytest.mark.slow
def test_quick(tmp_path):
    output = tmp_path / "surveys.json"
    command = [sys.executable, BENCHMARKS / "surveys.py", "--quick", "--output", output]
    subprocess.run(command, check=False, capture_output=True)  # few surveys may miss a target
    found = json.loads(output.read_text())
    assert [row["classes"] for row in found["number"]] == [2, 3, 5]
    assert [row["kind"] for row in found["calibration"]] == ["prior", "prior", "fixed", "fixed"]
