"""Predictions against Bayes' rule written out, and against each other."""

from dataclasses import replace

import numpy as np
import pytest

from bitmix.latents import Latent
from bitmix.predict import (
    complete,
    log_weights,
    pixel_means,
    posterior_predictive,
    responsibilities,
)


def make_latent(seed, clusters=3, pixels=6, vectors=20):
    """A consistent latent of random data in random clusters."""
    rng = np.random.default_rng(seed)
    assignments = np.arange(vectors, dtype=np.int32) % clusters
    x = rng.integers(0, 2, (vectors, pixels))
    return Latent(
        assignments=assignments,
        sizes=np.bincount(assignments),
        counts=np.array([x[assignments == k].sum(axis=0) for k in range(clusters)], np.int32),
        alpha=rng.gamma(1.0, size=pixels),
        beta=rng.gamma(2.0, size=pixels),
        concentration=rng.gamma(1.0),
        trace={
            "log_joint": np.zeros(0),
            "clusters": np.zeros(0, np.int64),
            "moved": np.zeros(0, np.int64),
            "seconds": np.zeros(0),
        },
        config={},
        seed=seed,
        chain=0,
        data_sha256="",
        generator={},
    )


@pytest.fixture
def latents():
    return [make_latent(seed, clusters) for seed, clusters in ((1, 3), (2, 1), (3, 5))]


@pytest.fixture
def queries():
    return np.random.default_rng(4).integers(0, 2, (7, 6), dtype=np.uint8)


@pytest.fixture
def masks():
    """One mask for each query; the first has all pixels observed, the second none."""
    masks = np.random.default_rng(5).integers(0, 2, (7, 6)).astype(bool)
    masks[0], masks[1] = True, False
    return masks


def bayes_rule(latent, query, observed):
    """Pixel by pixel in plain Python: joint weights of the clusters, and the completed query."""
    clusters = [
        (int(size), [int(count) for count in counts])
        for size, counts in zip(latent.sizes, latent.counts, strict=True)
    ]
    clusters.append((0, [0] * len(query)))  # the new one
    total = sum(size for size, _ in clusters) + latent.concentration
    weights, means = [], []
    for size, counts in clusters:
        weight = (size or latent.concentration) / total
        mean = []
        for d, count in enumerate(counts):
            on = (latent.alpha[d] + count) / (latent.alpha[d] + latent.beta[d] + size)
            mean.append(on)
            if observed[d]:
                weight *= on if query[d] else 1 - on
        weights.append(weight)
        means.append(mean)
    completed = [
        float(query[d])
        if observed[d]
        else sum(w * mean[d] for w, mean in zip(weights, means, strict=True)) / sum(weights)
        for d in range(len(query))
    ]
    return weights, completed


def test_complete_is_bayes_rule(latents, queries, masks):
    found = complete(latents, queries, masks)
    expected = [
        np.mean([bayes_rule(latent, query, mask)[1] for latent in latents], axis=0)
        for query, mask in zip(queries, masks, strict=True)
    ]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_log_weights_and_responsibilities_are_bayes_rule(latents, queries, masks):
    for latent in latents:
        expected = np.array(
            [bayes_rule(latent, q, mask)[0] for q, mask in zip(queries, masks, strict=True)]
        )
        np.testing.assert_allclose(np.exp(log_weights(latent, queries, masks)), expected, 1e-12)
        np.testing.assert_allclose(
            responsibilities(latent, queries, masks),
            expected / expected.sum(axis=1, keepdims=True),
            rtol=1e-12,
        )


def test_log_weights_sum_to_one_over_all_vectors(latents):
    """The predictive probabilities of all 2^6 vectors: a distribution."""
    every = np.array([[i >> d & 1 for d in range(6)] for i in range(64)], dtype=np.uint8)
    for latent in latents:
        weights = log_weights(latent, every, np.ones(6, bool))
        assert np.exp(weights).sum() == pytest.approx(1, rel=1e-12)


def test_nothing_observed_gives_the_mean_of_the_mixture(latents, queries):
    latent = latents[0]
    shares = np.append(latent.sizes, latent.concentration)
    expected = shares / shares.sum() @ pixel_means(latent)
    found = complete([latent], queries, np.zeros(6, bool))
    np.testing.assert_allclose(found, np.tile(expected, (7, 1)), rtol=1e-12)


def test_all_observed_gives_the_queries_back(latents, queries):
    observed = np.ones(6, bool)
    assert np.array_equal(complete(latents, queries, observed), queries)
    samples = posterior_predictive(latents, queries, observed, samples_per_chain=2)
    assert np.array_equal(samples, np.repeat(queries[:, None], 6, axis=1))


def test_mean_of_samples_converges_to_complete(latents, queries, masks):
    """Each chain's mean lies within 4.5 standard errors of its exact expectation."""
    draws = 20_000
    samples = posterior_predictive(latents, queries, masks, samples_per_chain=draws, seed=6)
    assert samples.shape == (7, 3 * draws, 6)
    assert samples.dtype == np.uint8
    for chain, latent in enumerate(latents):
        expected = complete([latent], queries, masks)
        error = 4.5 * np.sqrt(expected * (1 - expected) / draws)
        found = samples[:, chain * draws : (chain + 1) * draws].mean(axis=1)
        assert (np.abs(found - expected) <= error).all()


def test_missing_pixels_of_a_sample_share_its_cluster():
    """Two pure clusters, nothing observed: pixels must agree, unlike independent draws would."""
    latent = replace(
        make_latent(1, clusters=2),
        counts=np.array([[0] * 6, [10] * 6], np.int32),
        alpha=np.full(6, 1e-9),
        beta=np.full(6, 1e-9),
        concentration=1e-9,
    )
    samples = posterior_predictive(
        [latent], np.zeros((1, 6)), np.zeros(6, bool), samples_per_chain=100
    )[0]
    assert (samples == samples[:, :1]).all()
    assert 20 < samples[:, 0].sum() < 80


@pytest.mark.parametrize("hidden", [1, 7, -1, np.nan])
def test_what_is_not_observed_has_no_influence(latents, queries, masks, hidden):
    blank = np.where(masks, queries, 0)
    filled = np.where(masks, queries, hidden)
    assert np.array_equal(complete(latents, filled, masks), complete(latents, blank, masks))
    assert np.array_equal(
        posterior_predictive(latents, filled, masks), posterior_predictive(latents, blank, masks)
    )
    assert np.array_equal(
        log_weights(latents[0], filled, masks), log_weights(latents[0], blank, masks)
    )


def test_masks_by_query_equal_separate_calls(latents, queries, masks):
    together = complete(latents, queries, masks)
    for m, mask in enumerate(masks):
        np.testing.assert_allclose(
            together[m : m + 1], complete(latents, queries[m : m + 1], mask), rtol=1e-12
        )


def test_one_mask_equals_the_same_for_each_query(latents, queries, masks):
    mask = masks[2]
    rows = np.tile(mask, (7, 1))
    np.testing.assert_allclose(
        complete(latents, queries, mask), complete(latents, queries, rows), rtol=1e-12
    )
    assert np.array_equal(
        posterior_predictive(latents, queries, mask), posterior_predictive(latents, queries, rows)
    )


def test_samples_depend_on_the_seed_only(latents, queries, masks):
    first = posterior_predictive(latents, queries, masks, seed=1)
    assert np.array_equal(first, posterior_predictive(latents, queries, masks, seed=1))
    assert not np.array_equal(first, posterior_predictive(latents, queries, masks, seed=2))
    # Neither later queries nor the masks of earlier ones, and each chain has its own stream.
    assert np.array_equal(first[:3], posterior_predictive(latents, queries[:3], masks[:3], seed=1))
    masks[0] = False
    assert np.array_equal(first[1:], posterior_predictive(latents, queries, masks, seed=1)[1:])
    assert np.array_equal(
        first[1:, :10], posterior_predictive(latents[:1], queries, masks, seed=1)[1:]
    )
    twice = posterior_predictive([latents[0]] * 2, queries, masks, seed=1)
    assert not np.array_equal(twice[:, :10], twice[:, 10:])


def test_many_pixels_do_not_underflow():
    latent = make_latent(1, clusters=4, pixels=20_000)
    queries = np.random.default_rng(2).integers(0, 2, (3, 20_000))
    weights = log_weights(latent, queries, np.ones(20_000, bool))
    assert weights.max() < -10_000  # far below the smallest double
    np.testing.assert_allclose(
        responsibilities(latent, queries, np.ones(20_000, bool)).sum(axis=1), 1
    )


def test_extreme_pixel_priors(queries):
    """An improper hyperprior drives constant pixels' priors to extremes; nothing becomes nan."""
    latent = replace(make_latent(1), alpha=np.full(6, 1e-300), beta=np.full(6, 1e300))
    found = complete([latent], queries, np.arange(6) < 3)
    assert ((found >= 0) & (found <= 1)).all()


def test_no_queries(latents):
    none, mask = np.zeros((0, 6)), np.zeros(6, bool)
    assert complete(latents, none, mask).shape == (0, 6)
    assert posterior_predictive(latents, none, mask).shape == (0, 30, 6)


def test_bad_latents(latents, queries, masks):
    for function in (complete, posterior_predictive):
        with pytest.raises(ValueError, match=r"for one: \[latent\]"):
            function(latents[0], queries, masks)
        with pytest.raises(ValueError, match="at least one Latent"):
            function([], queries, masks)
        with pytest.raises(ValueError, match=r"differ.*\[5, 6\]"):
            function([*latents, make_latent(1, pixels=5)], queries, masks)


@pytest.mark.parametrize(
    ("queries", "observed", "message"),
    [
        (np.zeros(6), np.zeros(6, bool), r"queries\[None, :\]"),
        (np.zeros((2, 5)), np.zeros(5, bool), r"shape \(M, 6\), not \(2, 5\)"),
        (np.full((2, 6), 0.5), np.ones(6, bool), "0 or 1 wherever observed"),
        (np.full((2, 6), 255), np.ones((2, 6), bool), "0 or 1 wherever observed"),
        (np.full((2, 6), np.nan), np.ones(6, bool), "0 or 1 wherever observed"),
        (np.zeros((2, 6)), np.zeros(6), "boolean.*not float64"),
        (np.zeros((2, 6)), np.zeros(6, int), "boolean.*not int64"),
        (
            np.zeros((2, 6)),
            np.zeros(5, bool),
            r"shape \(6,\) or \(2, 6\).*not bool of shape \(5,\)",
        ),
        (np.zeros((2, 6)), np.zeros((3, 6), bool), r"not bool of shape \(3, 6\)"),
        (np.zeros((2, 6)), np.zeros((1, 6), bool), r"not bool of shape \(1, 6\)"),
    ],
)
def test_bad_queries_and_masks(latents, queries, observed, message):
    for function in (complete, posterior_predictive):
        with pytest.raises(ValueError, match=message):
            function(latents, queries, observed)


def test_bad_samples_per_chain(latents, queries, masks):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        posterior_predictive(latents, queries, masks, samples_per_chain=0)
    with pytest.raises(TypeError):
        posterior_predictive(latents, queries, masks, samples_per_chain=1.5)
