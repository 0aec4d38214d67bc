"""How many proposals a chain makes when `proposals` is "auto"."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import bitmix
from bitmix.sampling.budget import FIRST, LEARNING, LEAST, MOST, Budget

MOVES = ("pixel_priors", "assign", "split_merge")


def sweep(log_joint, proposed=4, gain=0.0, work=1000, clusters=10, moved=0):
    return {
        "log_joint": log_joint, "clusters": clusters, "moved": moved, "splits_proposed": proposed,
        "split_merge_gain": gain, "split_merge_work": work,
    }  # fmt: skip


def learned(gain, other_gain, sweeps=LEARNING):
    """Return the budget after sweeps that each gain as much, and the work of the other moves."""
    budget, log_joint = Budget(1000, 0.5), 0.0
    for _ in range(sweeps):
        log_joint += gain + other_gain
        budget.learn(sweep(log_joint, gain=gain))
    return budget, budget._other_work(sweep(0.0))


@pytest.mark.parametrize(
    ("gain", "other_gain", "share"), [(10.0, 0.0, MOST), (0.0, 10.0, LEAST), (0.0, 0.0, LEAST)]
)
def test_share_of_the_work(gain, other_gain, share):
    budget, work = learned(gain, other_gain)
    assert budget.rate * 250 == pytest.approx(work * share / (1 - share), rel=1e-6)


def test_proposals_get_their_share_of_the_gain():
    budget, work = learned(1.0, 30.0)
    roots = np.sqrt([1.0 / 1000, 30.0 / work])  # of the gains by unit of work
    share = budget.rate * 250 / (budget.rate * 250 + work)
    assert share == pytest.approx(roots[0] / roots.sum(), rel=1e-6)
    assert LEAST < share < MOST


def test_the_number_stays_after_learning():
    budget, _ = learned(1.0, 30.0)
    rate, made = budget.rate, 0
    for _ in range(1000):
        made += budget.proposals
        budget.learn(sweep(1e6, gain=1e6))
    assert budget.rate == rate
    assert made == pytest.approx(1000 * rate, abs=2)


def test_first_sweep():
    assert Budget(10, 0.5).proposals == FIRST


def mixture(rows, features, clusters, low, high):
    """Draw rows, and their clusters."""
    rng = np.random.default_rng(0)
    p = rng.uniform(low, high, (clusters, features))
    z = rng.integers(0, clusters, rows)
    return (rng.random((rows, features)) < p[z]).astype(np.uint8), z


def test_duplicates_merge():
    """Three seeds for each true cluster become one cluster in a few sweeps."""
    x, z = mixture(10_000, 100, 10, 0.0, 1.0)
    latent = bitmix.sample_chain(
        x, 0, sweeps=10, initial="seeded", initial_clusters=30, moves=MOVES
    )
    assert len(latent.sizes) <= 12
    assert adjusted_rand_score(latent.assignments, z) > 0.99
    gibbs = bitmix.sample_chain(
        x, 0, sweeps=10, initial="seeded", initial_clusters=30, moves=MOVES[:2]
    )
    assert len(gibbs.sizes) > 15


def test_proposals_step_aside():
    """Where rows are few and clusters overlap, Gibbs sampling does more with the same work."""
    x, _ = mixture(800, 12, 3, 0.1, 0.9)
    latent = bitmix.sample_chain(
        x, 0, sweeps=300, initial="seeded", initial_clusters=20, moves=MOVES
    )
    made = sum(latent.trace[f"{kind}_proposed"] for kind in ("splits", "merges", "repartitions"))
    assert 0 < made[LEARNING:].mean() < 2


def test_a_number_stays_possible():
    x, _ = mixture(100, 12, 3, 0.1, 0.9)
    latent = bitmix.sample_chain(x, 0, sweeps=3, moves=MOVES, proposals=7)
    made = sum(latent.trace[f"{kind}_proposed"] for kind in ("splits", "merges", "repartitions"))
    assert made.tolist() == [7, 7, 7]
