"""Averages of chains: what they average, what chooses, and that they come out the same."""

import numpy as np
import pytest

import bitmix
from bitmix import kernel
from bitmix.density import Settings, Split, estimate, grow_trees
from bitmix.predict import log_predictive
from bitmix.streams import stream

SETTINGS = Settings(
    seed=3, chains=3, trial_chains=1, leaves=(2, 4), reassignments=600, states=2, initial_clusters=8
)


def rows(seed, number):
    """Return rows in which each second feature follows the one before."""
    rng = np.random.default_rng(seed)
    x = rng.random((number, 6)) < 0.5
    follow = rng.random((number, 3)) < 0.9
    x[:, 1::2] = np.where(follow, x[:, ::2], ~x[:, ::2])
    return x.astype(np.uint8)


@pytest.fixture(scope="module")
def split():
    return Split(rows(1, 150), rows(2, 60), rows(3, 60))


@pytest.fixture(scope="module")
def result(split):
    return estimate(split, SETTINGS)


def test_the_score_is_the_mean_log_of_the_mean_density(split, result):
    found = result["averages"]["trees"]
    densities = []
    for chain in range(3):
        order = kernel.permutation(stream(3, "trees", chain), 6)
        trees = grow_trees(split.train, order, found["leaves"])
        x, observed = trees.expand(split.train)
        latent = bitmix.sample_chain(
            x,
            chain,
            observed=observed,
            seed=3,
            sweeps=4,  # 600 reassignments of 150 rows
            thin=2,
            initial="seeded",
            initial_clusters=8,
            moves=("assign", "concentration", "pixel_priors"),
        )
        states = latent.states(x, observed, warmup=0)
        assert len(states) == 2
        densities.append(np.exp(log_predictive(states, *trees.expand(split.test))))
    assert found["states"] == 6
    assert found["test"] == pytest.approx(np.log(np.mean(densities, axis=0)).mean(), abs=2e-6)


def test_trees_help_where_features_depend_on_each_other(result):
    averages = result["averages"]
    assert averages["trees"]["test"] > averages["independent"]["test"] + 0.1
    assert result["best"] == "trees"
    assert averages["independent"]["leaves"] == 1
    assert averages["independent"]["features"] == 6


def test_the_test_rows_choose_nothing(split, result):
    other = estimate(Split(split.train, split.valid, 1 - split.test), SETTINGS)
    assert other["best"] == result["best"]
    assert [trial["valid"] for trial in other["trials"]] == [t["valid"] for t in result["trials"]]
    for name, average in result["averages"].items():
        assert other["averages"][name]["chains_sha256"] == average["chains_sha256"]
        assert other["averages"][name]["valid"] == average["valid"]
        assert other["averages"][name]["test"] != average["test"]


def test_the_validation_rows_choose_the_leaves(split):
    """Trials end when more leaves are worse. The same chains are judged by other rows."""
    independent = np.random.default_rng(4).integers(0, 2, split.valid.shape).astype(np.uint8)
    result = estimate(Split(split.train, independent, split.test), SETTINGS)
    assert result["best"] == "independent"
    scores = [trial["valid"] for trial in result["trials"]]
    best = result["trials"][int(np.argmax(scores))]["leaves"]
    assert result["averages"]["trees"]["leaves"] == best


def test_curves_end_in_the_scores(result):
    for average in result["averages"].values():
        assert [point["chains"] for point in average["curve"]] == [1, 2, 3]
        last = average["curve"][-1]
        assert (last["valid"], last["test"]) == (average["valid"], average["test"])
        seconds = [point["seconds"] for point in average["curve"]]
        assert seconds == sorted(seconds)


def test_other_seeds_give_other_chains(split, result):
    other = estimate(split, Settings(**{**vars(SETTINGS), "seed": 4}))
    for name, average in result["averages"].items():
        assert other["averages"][name]["chains_sha256"] != average["chains_sha256"]


@pytest.mark.parametrize(("rows", "thin"), [(100, 30), (9_000, 1), (1_700, 2)])
def test_chains_reassign_about_as_many_rows_in_each_set(rows, thin):
    settings = Settings(**{**vars(SETTINGS), "reassignments": 9_000, "states": 3})
    assert settings.thin(rows) == thin
