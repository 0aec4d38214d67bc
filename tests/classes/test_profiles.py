"""Profiles, compared with draws from the posterior and with what is known exactly."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

import bitmix
from bitmix import classes
from bitmix.kernel import components


def test_intervals_are_those_of_draws(found, profiles):
    """Draw theta from the Beta of the class in every state that has it."""
    rng = np.random.default_rng(0)
    k, item = 1, 3
    draws = []
    for state, cluster in zip(found.states, found.clusters[:, k], strict=True):
        if cluster >= 0:
            on = state.alpha[item] + state.counts[cluster, item]
            off = state.beta[item] + state.tails[cluster, item]
            draws.append(rng.beta(on, off, 4000))
    expected = np.quantile(np.concatenate(draws), [0.025, 0.975])
    np.testing.assert_allclose(profiles.bounds[k, item], expected, atol=0.003)
    assert profiles.means[k, item] == pytest.approx(np.mean(draws), abs=0.001)


def test_shares_are_those_of_draws(found, profiles):
    """Draw the number of components, then the weights from their Dirichlet posterior."""
    rng = np.random.default_rng(0)
    draws = []
    for state, cluster in zip(found.states, found.clusters[:, 0], strict=True):
        if cluster < 0:
            continue
        known = components(int(state.sizes.sum()), len(state.sizes), state.concentration)
        for number in rng.choice(len(known), 200, p=known / known.sum()):
            sizes = np.append(state.sizes, np.zeros(number - len(state.sizes)))
            draws.append(rng.dirichlet(sizes + state.concentration)[cluster])
    expected = np.quantile(draws, [0.025, 0.975])
    np.testing.assert_allclose(profiles.share_bounds[0], expected, atol=0.003)
    assert profiles.share[0] == pytest.approx(np.mean(draws), abs=0.001)


def one_cluster(prior):
    x = np.array([[1, 0], [1, 1], [1, 0], [0, 0]], np.uint8)
    latents = bitmix.sample(x, chains=1, sweeps=1, initial="single", partition_prior=prior)
    z = np.zeros(4, np.int32)
    state = {
        "assignments": z,
        "sizes": np.array([4]),
        "counts": x.sum(axis=0, dtype=np.int32)[None],
    }
    return [replace(latents[0], concentration=2.0, **state)]


def test_one_cluster_of_a_dirichlet_process():
    latents = one_cluster("dp")
    found = classes.profiles(classes.find_classes(latents), 0.5)
    np.testing.assert_allclose(found.share_bounds[0], beta(4, 2).ppf([0.25, 0.75]), atol=1e-6)
    on = latents[0].alpha + np.array([3, 1])
    off = latents[0].beta + np.array([1, 3])
    expected = [beta(a, b).ppf([0.25, 0.75]) for a, b in zip(on, off, strict=True)]
    np.testing.assert_allclose(found.bounds[0], expected, atol=1e-6)
    np.testing.assert_array_equal(found.overall, [0.75, 0.25])
    np.testing.assert_array_equal(found.others, found.means)  # there are no others


def test_one_cluster_of_a_mixture_of_finite_mixtures():
    """With one component the share is 1, with M it has the distribution Beta(4 + 2, 2 (M - 1))."""
    found = classes.profiles(classes.find_classes(one_cluster("mfm")))
    known = components(4, 1, 2.0)
    expected = known[1] + sum(known[m] * 6 / (6 + 2 * (m - 1)) for m in range(2, len(known)))
    assert found.share[0] == pytest.approx(expected, abs=1e-5)


def test_true_parameters_are_in_most_intervals(survey, found, profiles):
    """One survey only: benchmarks/surveys.py counts it over 400."""
    truth = np.array(list(bitmix.study.surveys.ITEMS.values())).T
    groups = np.array(bitmix.study.surveys.GROUPS)
    inside = []
    for k in range(found.number):
        rows = survey.labels[found.assignments == k]
        true = truth[np.argmax([(rows == group).sum() for group in groups])]
        inside.append((profiles.bounds[k, :, 0] < true) & (true < profiles.bounds[k, :, 1]))
    assert np.mean(inside) > 0.8


def test_items_that_differ_most_come_first(profiles):
    differ = np.ptp(profiles.means, axis=0)[profiles.order]
    assert (np.diff(differ) <= 0).all()


def test_a_wrong_probability_is_refused(found):
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        classes.profiles(found, 95)
