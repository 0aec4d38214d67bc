"""The benchmark of large data finds known clusters, and counts what a row takes."""

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scaling(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("scaling")


def test_a_chain_finds_the_clusters(scaling):
    x, z = scaling.Truth.draw(scaling.CLUSTERS, 100).labelled(1000, seed=1)
    index, seconds, sweeps, clusters = scaling.finding("small", x, z)
    assert index.verdict == "ok" and index.value > 0.98
    assert seconds.value > 0 and sweeps.value >= 1
    assert abs(clusters.value - scaling.CLUSTERS) < 5


def test_a_chain_that_finds_nothing_is_told(scaling, monkeypatch):
    monkeypatch.setattr(scaling, "LONGEST", 0.05)
    x, z = scaling.Truth.draw(scaling.CLUSTERS, 2).labelled(
        500, seed=1
    )  # two features tell nothing
    assert next(scaling.finding("hopeless", x, z)).verdict == "MISSED"


def test_costs_are_extrapolated_from_the_most_rows(scaling, monkeypatch):
    monkeypatch.setattr(scaling, "SIZES", ((20_000, 30, 4), (60_000, 30, 4), (20_000, 60, 4)))
    lines = list(scaling.costs(10))
    titles = [line.name for line in lines]
    assert titles[6].startswith("6,000 x 30") and titles[-3].startswith(
        "extrapolated: 100,000,000 x 30"
    )
    assert lines[-3].value == pytest.approx(lines[7].value * scaling.MANY / 6000)
    assert all(line.value >= 0 for line in lines)
