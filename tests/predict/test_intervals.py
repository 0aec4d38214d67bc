"""Credible intervals."""

from dataclasses import replace

import numpy as np
import pytest
from queries import bayes_rule, betas, make_latent
from scipy import stats
from scipy.optimize import brentq

from bitmix.predict import intervals
from bitmix.predict.intervals import credible_interval


def components(latents, query, mask, chain_weights="equal"):
    """Return the probability of each cluster of each chain, and its parameters by feature."""
    weights = [bayes_rule(latent, query, mask)[0] for latent in latents]
    total = sum(map(sum, weights))
    for latent, of_latent in zip(latents, weights, strict=True):
        norm = total if chain_weights == "evidence" else sum(of_latent) * len(latents)
        for weight, on, off in zip(of_latent, *betas(latent), strict=True):
            yield weight / norm, on, off


@pytest.mark.parametrize("chain_weights", ["equal", "evidence"])
def test_interval_of_theta_is_that_of_the_mixture_of_betas(latents, queries, masks, chain_weights):
    found = credible_interval(
        latents, queries, masks, probability=0.8, of="theta", chain_weights=chain_weights
    )
    assert found.shape == (7, 6, 2)
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        mixture = list(components(latents, query, mask, chain_weights))
        for d in range(6):
            for side, level in enumerate((0.1, 0.9)):

                def excess(theta, d=d, level=level, mixture=mixture):
                    return sum(w * stats.beta.cdf(theta, a[d], b[d]) for w, a, b in mixture) - level

                expected = query[d] if mask[d] else brentq(excess, 0, 1, xtol=1e-9)
                assert found[m, d, side] == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("chain_weights", ["equal", "evidence"])
def test_interval_of_the_mean_is_that_of_the_clusters(latents, queries, masks, chain_weights):
    found = credible_interval(
        latents, queries, masks, probability=0.8, of="mean", chain_weights=chain_weights
    )
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        mixture = list(components(latents, query, mask, chain_weights))
        for d in range(6):
            for side, level in enumerate((0.1, 0.9)):
                means = [(a[d] / (a[d] + b[d]), w) for w, a, b in mixture]
                reached = (
                    mean
                    for mean, _ in means
                    if sum(w for other, w in means if other <= mean) >= level
                )
                expected = query[d] if mask[d] else min(reached)
                assert found[m, d, side] == pytest.approx(expected, rel=1e-12)


def test_interval_of_one_cluster_is_its_betas():
    latent = replace(make_latent(1, clusters=1), concentration=1e-12)
    on, off = (parameters[0] for parameters in betas(latent))
    found = credible_interval([latent], np.zeros((1, 6)), np.zeros(6, bool), of="theta")[0]
    np.testing.assert_allclose(found.T, stats.beta.ppf([[0.05], [0.95]], on, off), atol=2e-6)
    assert (found[:, 1] - found[:, 0] > 0.05).all()


def test_interval_holds_its_probability(latents, queries):
    """90% of the draws of chain, cluster and theta are inside the interval, 5% on either side."""
    draws, observed = 20_000, np.arange(6) < 2
    bounds = credible_interval(latents, queries, observed, of="theta")
    rng = np.random.default_rng(9)
    for m, query in enumerate(queries):
        mixture = components(latents, query, observed)
        shares, on, off = (np.array(part) for part in zip(*mixture, strict=True))
        k = rng.choice(len(shares), draws, p=shares)
        theta = rng.beta(on[k], off[k])[:, 2:]
        error = 4.5 * np.sqrt(0.05 * 0.95 / draws)
        for outside in (theta < bounds[m, 2:, 0], theta > bounds[m, 2:, 1]):
            assert (np.abs(outside.mean(axis=0) - 0.05) < error).all()


def test_clusters_left_out_of_an_interval_do_not_show(monkeypatch, latents, queries):
    observed = np.arange(6) < 5
    for of in ("theta", "mean"):
        few = credible_interval(latents, queries, observed, of=of)
        with monkeypatch.context() as patch:
            patch.setattr(intervals, "_NEGLIGIBLE", 0.0)
            every = credible_interval(latents, queries, observed, of=of)
        np.testing.assert_allclose(few, every, atol=1e-5)


@pytest.mark.parametrize("of", ["theta", "mean"])
def test_interval_of_almost_all_probability(latents, queries, of):
    """The clusters that are left out have more probability than what is outside the interval."""
    observed = np.arange(6) < 5
    heavy = [replace(latent, concentration=1e-7) for latent in latents]
    bounds = credible_interval(heavy, queries, observed, probability=1 - 1e-9, of=of)[:, 5]
    assert ((bounds >= 0) & (bounds <= 1)).all()
    assert (bounds[:, 0] < bounds[:, 1]).all()


def test_interval_where_all_is_observed_or_nothing_asked(latents, queries):
    for of in ("theta", "mean"):
        bounds = credible_interval(latents, queries, np.ones(6, bool), of=of)
        assert np.array_equal(bounds, np.stack([queries, queries], axis=2))
        assert credible_interval(latents, queries[:0], np.zeros(6, bool), of=of).shape == (0, 6, 2)


def test_interval_under_extreme_pixel_priors():
    latent = replace(make_latent(1), alpha=np.full(6, 1e-300), beta=np.full(6, 1e4))
    for of in ("theta", "mean"):
        bounds = credible_interval([latent], np.zeros((1, 6)), np.arange(6) < 3, of=of)
        assert ((bounds >= 0) & (bounds <= 1) & (bounds[..., :1] <= bounds)).all()


def test_bad_intervals(latents, queries, masks):
    for probability in (0, 1, 90, np.nan):
        with pytest.raises(ValueError, match=f"between 0 and 1, not {probability}"):
            credible_interval(latents, queries, masks, probability=probability)
    with pytest.raises(ValueError, match="of is 'x'; allowed: 'theta', 'mean'"):
        credible_interval(latents, queries, masks, of="x")
