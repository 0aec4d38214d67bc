"""Decision trees of features: exact densities, and the trees that a greedy search must find."""

import itertools
import math

import numpy as np
import pytest

import bitmix
from bitmix.density import Trees, grow_trees
from bitmix.predict import log_predictive

EVERY = np.array(list(itertools.product((0, 1), repeat=5)), np.uint8)


@pytest.fixture(scope="module")
def rows():
    """Return rows whose feature 2 follows 0 and 1, and whose feature 4 follows 3."""
    uniform = np.random.default_rng(1).random((400, 5))
    x = (uniform < 0.5).astype(np.uint8)
    x[:, 2] = uniform[:, 2] < np.where(x[:, 0] & x[:, 1], 0.95, 0.1)
    x[:, 4] = uniform[:, 4] < np.where(x[:, 3], 0.9, 0.2)
    return x


def paths(trees, feature):
    return [
        path for other, path in zip(trees.features, trees.paths, strict=True) if other == feature
    ]


def test_trees_find_what_depends_on_what(rows):
    trees = grow_trees(rows, range(5), leaves=8)
    assert paths(trees, 4) == [((3, 1),), ((3, 0),)]
    both = {frozenset(path) for path in paths(trees, 2)}
    assert frozenset({(0, 1), (1, 1)}) in both
    assert all(paths(trees, feature) == [()] for feature in (0, 1, 3))


def test_conditions_are_on_features_before(rows):
    order = [4, 2, 0, 3, 1]
    trees = grow_trees(rows, order, leaves=8)
    place = {feature: i for i, feature in enumerate(order)}
    for feature, path in zip(trees.features, trees.paths, strict=True):
        assert all(place[other] < place[feature] for other, _ in path)
    assert paths(trees, 3) == [((4, 1),), ((4, 0),)]


@pytest.mark.parametrize("leaves", [1, 2, 3])
def test_no_tree_has_more_leaves(rows, leaves):
    trees = grow_trees(rows, range(5), leaves)
    assert max(len(paths(trees, feature)) for feature in range(5)) == min(leaves, 3)


def test_one_leaf_leaves_rows_as_they_are(rows):
    x, observed = grow_trees(rows, [3, 1, 4, 0, 2], leaves=1).expand(rows)
    assert np.array_equal(x, rows)
    assert observed.all()


def test_the_first_split_has_the_highest_posterior_probability(rows):
    """The gain in log probability, written out with math.lgamma."""

    def log_marginal(y):
        n, h = len(y), int(y.sum())
        return math.lgamma(h + 1) + math.lgamma(n - h + 1) - math.lgamma(n + 2)

    x = rows[:, [0, 1, 3, 4, 2]]  # feature 2 last: all others may split it
    y = x[:, 4]
    gains = [
        log_marginal(y[x[:, d] == 1]) + log_marginal(y[x[:, d] == 0]) - log_marginal(y)
        for d in range(4)
    ]
    first = {path[0][0] for path in paths(grow_trees(x, range(5), leaves=4), 4)}
    assert first == {int(np.argmax(gains))}
    prior = math.log(4 * 4)  # a split with one of four features
    assert max(gains) > prior
    weak = x[:12]  # too few rows to pay for a split
    y = weak[:, 4]
    gains = [
        log_marginal(y[weak[:, d] == 1]) + log_marginal(y[weak[:, d] == 0]) - log_marginal(y)
        for d in range(4)
    ]
    assert max(gains) < prior
    assert paths(grow_trees(weak, range(5), leaves=4), 4) == [()]


def test_a_row_reaches_one_leaf_of_each_feature(rows):
    trees = grow_trees(rows, [4, 2, 0, 3, 1], leaves=4)
    x, observed = trees.expand(EVERY)
    for feature in range(5):
        leaves = np.array(trees.features) == feature
        assert (observed[:, leaves].sum(axis=1) == 1).all()
        assert np.array_equal(x[:, leaves].sum(axis=1), EVERY[:, feature])
    assert not x[~observed].any()


@pytest.mark.parametrize("leaves", [1, 2, 4])
def test_the_density_of_complete_rows_sums_to_one(rows, leaves):
    trees = grow_trees(rows, [1, 0, 3, 2, 4], leaves)
    x, observed = trees.expand(rows)
    latents = bitmix.sample(
        x, observed=observed, chains=2, sweeps=3, initial_clusters=4, progress=False
    )
    density = np.exp(log_predictive(latents, *trees.expand(EVERY)))
    assert density.sum() == pytest.approx(1, rel=1e-12)


def test_leaves_are_counted_in_each_cluster(rows):
    """The density in a cluster is the product of the Beta-Bernoulli means of the leaves reached."""
    trees = Trees((0, 1, 1), ((), ((0, 1),), ((0, 0),)))
    x, observed = trees.expand(rows[:, :2])
    latent = bitmix.sample(x, observed=observed, chains=1, sweeps=2, initial="single")[0]
    query = np.array([[1, 0]], np.uint8)
    weights = np.append(latent.sizes, latent.concentration)
    density = 0.0
    for k, weight in enumerate(weights / weights.sum()):
        members = rows[latent.assignments == k]  # none for the new cluster
        on = members[:, 0] == 1
        first = (latent.alpha[0] + on.sum()) / (latent.alpha[0] + latent.beta[0] + len(members))
        total = latent.alpha[1] + latent.beta[1] + on.sum()
        second = 1 - (latent.alpha[1] + members[on, 1].sum()) / total
        density += weight * first * second
    found = np.exp(log_predictive([latent], *trees.expand(query)))
    assert found == pytest.approx(density, rel=1e-12)
