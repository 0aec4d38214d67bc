"""The benchmark of convergence samples the chains of `bitmix.sample` and judges them correctly."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bitmix

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def convergence(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("convergence")


def test_chains_are_those_of_the_sampler(convergence):
    settings = {"initial": "seeded", "initial_clusters": 50, "moves": convergence.FROM_SEEDS}
    found = convergence.curve(convergence.Job("", settings, seed=3, sweeps=2))
    x = bitmix.shuffle(bitmix.load_mnist(), seed=0).x
    latent = bitmix.sample_chain(x, 0, seed=3, sweeps=2, progress=False, **settings)
    for name in ("log_joint", "clusters"):
        assert found[name][1:] == latent.trace[name].tolist()
    assert 0 < found["seconds"][0] < found["seconds"][1] < found["seconds"][2]


def test_seconds_end_a_chain(convergence):
    settings = {"initial": "single", "moves": ["assign"]}
    found = convergence.curve(convergence.Job("", settings, seconds=0.05))
    assert found["seconds"][-2] < 0.05 <= found["seconds"][-1]


def test_after(convergence):
    found = {"seconds": [0.1, 1.0, 2.0], "log_joint": [-30.0, -20.0, -10.0]}
    assert [convergence.after(found, s) for s in (0.5, 1.0, 1.9, 9.0)] == [-30, -20, -20, -10]


def test_measures(convergence):
    """Only what a chain reached is reported. A target for a minute is judged after a minute."""

    def ended(*ends):
        names = [job.name for job in convergence.contest(60.0, 3)]
        return {
            name: {"seconds": [0.5, 60.0], "log_joint": [-9e6, end]}
            for name, end in zip(names, ends, strict=True)
        }

    def medians(curves, seconds):
        found = convergence.measures(curves, seconds)
        return [(m.value, m.verdict) for m in found if "median of 3" in m.name]

    plain, seeded = (-3e6, -3e6), (-2_033_000.0, -2_031_000.0, -2_030_000.0)
    curves = ended(*plain, *seeded, -2_020_000.0, -2_019_000.0, -2_018_000.0)
    assert medians(curves, 1.0) == [(-9e6, ""), (-9e6, "")]
    assert medians(curves, 60.0) == [(-2_031_000.0, "ok"), (-2_019_000.0, "MISSED")]
    assert not any("sweeps" in measure.name for measure in convergence.measures(curves, 60.0))


@pytest.mark.slow
def test_quick(tmp_path):
    output = tmp_path / "convergence.json"
    command = [sys.executable, BENCHMARKS / "convergence.py", "--quick", "--output", output]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(output.read_text())
    assert printed.count("\n") == 1 + len(found["measures"])
    assert len(found["curves"]["contest"]) == 6
    assert {len(curve["seconds"]) for curve in found["curves"]["starts"].values()} == {3}
    names = {path.name for path in tmp_path.iterdir()}
    figures = {
        f"{name}.{end}" for name in ("convergence", "starts") for end in ("png", "svg", "alt.txt")
    }
    assert names == {"convergence.json"} | figures
