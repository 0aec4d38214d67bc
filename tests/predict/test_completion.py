"""Completions and samples, compared with Bayes' rule written out."""

import statistics
from dataclasses import replace

import numpy as np
import pytest
from queries import bayes_rule, make_latent, pure_latent

from bitmix.predict import complete, feature_means, merge_samples, posterior_predictive


def test_complete_is_bayes_rule(latents, queries, masks):
    found = complete(latents, queries, masks)
    expected = [
        np.mean([bayes_rule(latent, query, mask)[1] for latent in latents], axis=0)
        for query, mask in zip(queries, masks, strict=True)
    ]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_nothing_observed_gives_the_mean_of_the_mixture(latents, queries):
    latent = latents[0]
    shares = np.append(latent.sizes, latent.concentration)
    expected = shares / shares.sum() @ feature_means(latent)
    found = complete([latent], queries, np.zeros(6, bool))
    np.testing.assert_allclose(found, np.tile(expected, (7, 1)), rtol=1e-12)


def test_all_observed_gives_the_queries_back(latents, queries):
    observed = np.ones(6, bool)
    assert np.array_equal(complete(latents, queries, observed), queries)
    samples = posterior_predictive(latents, queries, observed, samples_per_chain=2)
    assert np.array_equal(samples, np.repeat(queries[:, None], 6, axis=1))


def test_mean_of_samples_converges_to_complete(latents, queries, masks):
    """The mean of each chain is within 4.5 standard errors of its exact expectation."""
    draws = 20_000
    samples = posterior_predictive(latents, queries, masks, samples_per_chain=draws, seed=6)
    assert samples.shape == (7, 3 * draws, 6)
    assert samples.dtype == np.uint8
    for chain, latent in enumerate(latents):
        expected = complete([latent], queries, masks)
        error = 4.5 * np.sqrt(expected * (1 - expected) / draws)
        found = samples[:, chain * draws : (chain + 1) * draws].mean(axis=1)
        assert (np.abs(found - expected) <= error).all()


def test_missing_features_of_a_sample_share_its_cluster():
    """With two pure clusters and nothing observed, all features of a sample agree."""
    latent = pure_latent()
    samples = posterior_predictive(
        [latent], np.zeros((1, 6)), np.zeros(6, bool), samples_per_chain=100
    )[0]
    assert (samples == samples[:, :1]).all()
    assert 20 < samples[:, 0].sum() < 80


def test_features_of_a_sample_are_independent_given_its_cluster(queries):
    """With one cluster, two features agree as often as independent draws do."""
    latent, draws = replace(make_latent(1, clusters=1), concentration=1e-12), 20_000
    samples = posterior_predictive(
        [latent], queries[:1], np.zeros(6, bool), samples_per_chain=draws
    )[0].astype(int)
    p = feature_means(latent)[0]
    for d in range(5):
        both = p[d] * p[d + 1]
        error = 4.5 * np.sqrt(both * (1 - both) / draws)
        assert abs((samples[:, d] * samples[:, d + 1]).mean() - both) < error


def test_samples_depend_on_the_seed_only(latents, queries, masks):
    first = posterior_predictive(latents, queries, masks, seed=1)
    assert np.array_equal(first, posterior_predictive(latents, queries, masks, seed=1))
    assert not np.array_equal(first, posterior_predictive(latents, queries, masks, seed=2))
    # Samples do not depend on later queries or on the masks of earlier ones. Each chain has its
    # own stream.
    assert np.array_equal(first[:3], posterior_predictive(latents, queries[:3], masks[:3], seed=1))
    masks[0] = False
    assert np.array_equal(first[1:], posterior_predictive(latents, queries, masks, seed=1)[1:])
    assert np.array_equal(
        first[1:, :10], posterior_predictive(latents[:1], queries, masks, seed=1)[1:]
    )
    twice = posterior_predictive([latents[0]] * 2, queries, masks, seed=1)
    assert not np.array_equal(twice[:, :10], twice[:, 10:])


def test_bad_samples_per_chain(latents, queries, masks):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        posterior_predictive(latents, queries, masks, samples_per_chain=0)
    with pytest.raises(ValueError, match=r"whole number, not 1\.5"):
        posterior_predictive(latents, queries, masks, samples_per_chain=1.5)


def test_best_cluster_is_each_chains_most_probable(latents, queries, masks):
    found = complete(latents, queries, masks, cluster="best")
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        means = []
        for latent in latents:
            weights, _ = bayes_rule(latent, query, mask)
            means.append(feature_means(latent)[weights.index(max(weights))])
        expected = np.where(mask, query, np.mean(means, axis=0))
        np.testing.assert_allclose(found[m], expected, rtol=1e-12)
    assert not np.allclose(found, complete(latents, queries, masks))


def test_best_cluster_may_be_the_new_one(queries):
    latent = replace(make_latent(1), concentration=1e6)
    found = complete([latent], queries, np.zeros(6, bool), cluster="best")
    np.testing.assert_allclose(found, np.tile(feature_means(latent)[-1], (7, 1)))


def test_samples_of_the_best_cluster(latents, queries, masks):
    draws = 20_000
    for latent in latents:
        samples = posterior_predictive(
            [latent], queries, masks, samples_per_chain=draws, cluster="best"
        )
        expected = complete([latent], queries, masks, cluster="best")
        error = 4.5 * np.sqrt(expected * (1 - expected) / draws)
        assert (np.abs(samples.mean(axis=1) - expected) <= error).all()


def test_evidence_weighs_the_chains(latents, queries, masks):
    found = complete(latents, queries, masks, chain_weights="evidence")
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        answers = [bayes_rule(latent, query, mask) for latent in latents]
        evidence = [sum(weights) for weights, _ in answers]
        expected = np.average([completed for _, completed in answers], axis=0, weights=evidence)
        np.testing.assert_allclose(found[m], expected, rtol=1e-12)
    assert not np.allclose(found, complete(latents, queries, masks))


def test_merged_samples(latents, queries, masks):
    samples = posterior_predictive(latents, queries, masks, samples_per_chain=3)
    mean, mode = merge_samples(samples), merge_samples(samples, "mode")
    assert (mean.dtype, mode.dtype) == (np.float64, np.uint8)
    for m in range(7):
        for d in range(6):
            values = samples[m, :, d].tolist()
            assert mean[m, d] == pytest.approx(sum(values) / 9)
            assert mode[m, d] == statistics.mode(values)


def test_a_tie_of_samples_is_off():
    samples = np.array([[[0, 1, 1], [1, 0, 1]]], np.uint8)
    assert merge_samples(samples, "mode").tolist() == [[0, 0, 1]]


def test_bad_merging():
    with pytest.raises(ValueError, match="how is 'avg'; allowed: 'mean', 'mode'"):
        merge_samples(np.zeros((1, 2, 3)), "avg")
    for shape in ((2, 3), (1, 0, 3)):
        with pytest.raises(ValueError, match=r"shape \(M, S, D\) with S at least 1"):
            merge_samples(np.zeros(shape))
