"""Predictions, compared with Bayes' rule written out and with each other."""

import functools
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from bitmix.chains import TRACE, Latent
from bitmix.predict import (
    Mixture,
    complete,
    feature_means,
    intervals,
    log_predictive,
    log_weights,
    merge_samples,
    nearest_cluster,
    outlier_score,
    posterior_predictive,
    responsibilities,
)
from bitmix.predict.intervals import credible_interval
from bitmix.predict.labels import label_probabilities

LABELS = np.array(["two", "three", "three", "seven"] * 5)  # of the rows of `make_latent`


def betas(latent):
    """Return the parameters of the Beta posteriors of a latent, and last those of the prior."""
    mixture = Mixture.of_latent(latent)
    return mixture.on, mixture.off


def make_latent(seed, clusters=3, pixels=6, vectors=20):
    """Return a latent of random data in random clusters."""
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
        trace={name: np.zeros(0, dtype) for name, dtype in TRACE.items()},
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
    """Return a mask for each query. The first observes all features, the second none."""
    masks = np.random.default_rng(5).integers(0, 2, (7, 6)).astype(bool)
    masks[0], masks[1] = True, False
    return masks


def bayes_rule(latent, query, observed):
    """Compute the joint weights of the clusters and the completed query, feature by feature."""
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


def every_vector(pixels=6):
    return np.array([[i >> d & 1 for d in range(pixels)] for i in range(2**pixels)], np.uint8)


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


def test_log_weights_sum_to_one_over_all_rows(latents):
    """The predictive probabilities of all 2^6 rows sum to one."""
    for latent in latents:
        weights = log_weights(latent, every_vector())
        assert np.exp(weights).sum() == pytest.approx(1, rel=1e-12)


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


def test_many_features_do_not_underflow():
    latent = make_latent(1, clusters=4, pixels=20_000)
    queries = np.random.default_rng(2).integers(0, 2, (3, 20_000))
    weights = log_weights(latent, queries, np.ones(20_000, bool))
    assert weights.max() < -10_000  # far below the smallest double
    np.testing.assert_allclose(
        responsibilities(latent, queries, np.ones(20_000, bool)).sum(axis=1), 1
    )


def test_extreme_pixel_priors(queries):
    """An improper hyperprior drives the priors of constant features to extremes. Nothing is nan."""
    latent = replace(make_latent(1), alpha=np.full(6, 1e-300), beta=np.full(6, 1e300))
    found = complete([latent], queries, np.arange(6) < 3)
    assert ((found >= 0) & (found <= 1)).all()


def test_no_queries(latents):
    none, mask = np.zeros((0, 6)), np.zeros(6, bool)
    assert complete(latents, none, mask).shape == (0, 6)
    assert posterior_predictive(latents, none, mask).shape == (0, 30, 6)


def labelled(latents, x, observed, **choices):
    return label_probabilities(latents, LABELS, x, observed, **choices)[0]


QUERIES = (complete, posterior_predictive, log_predictive, credible_interval, labelled)


def test_bad_latents(latents, queries, masks):
    for function in QUERIES:
        with pytest.raises(ValueError, match=r"for one: \[latent\]"):
            function(latents[0], queries, masks)
        with pytest.raises(ValueError, match="at least one Latent"):
            function([], queries, masks)
        with pytest.raises(ValueError, match=r"differ.*\[5, 6\]"):
            function([*latents, make_latent(1, pixels=5)], queries, masks)


@pytest.mark.parametrize(
    ("queries", "observed", "message"),
    [
        (np.zeros(6), np.zeros(6, bool), r"x\[None, :\]"),
        (np.zeros((2, 5)), np.zeros(5, bool), r"shape \(N, 6\), not \(2, 5\)"),
        (np.full((2, 6), 0.5), np.ones(6, bool), "must hold only 0 and 1"),
        (np.full((2, 6), 255), np.ones((2, 6), bool), "must hold only 0 and 1"),
        (np.zeros((2, 6)), np.zeros(6), "boolean.*not float64"),
        (np.zeros((2, 6)), np.zeros(6, int), "boolean.*not int64"),
        (
            np.zeros((2, 6)),
            np.zeros(5, bool),
            r"shape \(2, 6\) or \(6,\).*not bool of shape \(5,\)",
        ),
        (np.zeros((2, 6)), np.zeros((3, 6), bool), r"not bool of shape \(3, 6\)"),
        (np.zeros((2, 6)), np.zeros((1, 6), bool), r"not bool of shape \(1, 6\)"),
    ],
)
def test_bad_queries_and_masks(latents, queries, observed, message):
    for function in (*QUERIES, lambda latents, *args: responsibilities(latents[0], *args)):
        with pytest.raises(ValueError, match=message):
            function(latents, queries, observed)


def test_bad_samples_per_chain(latents, queries, masks):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        posterior_predictive(latents, queries, masks, samples_per_chain=0)
    with pytest.raises(ValueError, match=r"whole number, not 1\.5"):
        posterior_predictive(latents, queries, masks, samples_per_chain=1.5)


# The most probable cluster alone, and chains weighted by their evidence ---------------------------


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


def test_evidence_weighs_the_chains_labels(latents, queries, masks):
    found = labelled(latents, queries, masks, chain_weights="evidence")
    answers = np.array([labelled([latent], queries, masks) for latent in latents])
    evidence = np.exp([log_predictive([latent], queries, masks) for latent in latents])
    expected = (evidence[:, :, None] * answers).sum(axis=0) / evidence.sum(axis=0)[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert not np.allclose(found, answers.mean(axis=0))


def test_bad_choices(latents, queries, masks):
    for function in (complete, posterior_predictive, label_probabilities):
        arguments = (LABELS, queries) if function is label_probabilities else (queries,)
        with pytest.raises(ValueError, match="cluster is 'nearest'; allowed: 'all', 'best'"):
            function(latents, *arguments, masks, cluster="nearest")
    for function in (complete, credible_interval):
        with pytest.raises(ValueError, match="chain_weights is 'log'; allowed: 'equal', 'evi"):
            function(latents, queries, masks, chain_weights="log")


# Density ------------------------------------------------------------------------------------------


def test_log_predictive_is_the_mean_density(latents, queries, masks):
    expected = [
        np.log(np.mean([sum(bayes_rule(latent, query, mask)[0]) for latent in latents]))
        for query, mask in zip(queries, masks, strict=True)
    ]
    np.testing.assert_allclose(log_predictive(latents, queries, masks), expected, rtol=1e-12)
    assert expected[1] == pytest.approx(0, abs=1e-12)  # nothing observed: certain
    whole = log_predictive(latents, queries)
    assert whole[0] == pytest.approx(expected[0], rel=1e-12)
    assert np.array_equal(whole, log_predictive(latents, queries, np.ones(6, bool)))


def test_log_predictive_of_some_features_sums_over_the_others(latents):
    observed = np.arange(6) < 2
    every = every_vector()
    density = np.exp(log_predictive(latents, every))
    assert density.sum() == pytest.approx(1, rel=1e-12)
    same = (every[:, None, observed] == every[None, :, observed]).all(axis=2)
    np.testing.assert_allclose(
        np.exp(log_predictive(latents, every, observed)), same @ density, rtol=1e-12
    )


def test_conditional_density_is_that_of_the_features_one_by_one(latents, queries, masks):
    """log p(missing | observed) = sum of log p(x_d | observed and those before d)."""
    conditional = log_predictive(latents, queries) - log_predictive(latents, queries, masks)
    expected = np.zeros(7)
    seen = masks.copy()
    for d in range(6):
        on = complete(latents, queries, seen, chain_weights="evidence")[:, d]
        expected += np.where(seen[:, d], 0, np.log(np.where(queries[:, d] == 1, on, 1 - on)))
        seen[:, d] = True
    np.testing.assert_allclose(conditional, expected, rtol=1e-10, atol=1e-13)


def test_log_predictive_does_not_underflow():
    latents = [make_latent(seed, clusters=4, pixels=20_000) for seed in (1, 2)]
    x = np.random.default_rng(2).integers(0, 2, (3, 20_000))
    found = log_predictive(latents, x)
    singly = [log_predictive([latent], x) for latent in latents]
    np.testing.assert_allclose(found, np.logaddexp(*singly) - np.log(2), rtol=1e-12)
    assert (found < -10_000).all()


def test_outlier_score_counts_the_reference(latents, queries):
    reference = np.random.default_rng(8).integers(0, 2, (30, 6))
    for observed in (None, np.arange(6) < 3):
        scores = outlier_score(latents, queries, reference, observed)
        usual = log_predictive(latents, reference, observed).tolist()
        for score, density in zip(scores, log_predictive(latents, queries, observed), strict=True):
            tail = sum(other <= density for other in usual)
            assert score == pytest.approx(1 - (1 + tail) / 31)


def test_outlier_score_is_a_p_value(latents):
    """Of R + 1 exchangeable rows, at most a share a scores 1 - a or more."""
    x = every_vector()
    scores = [
        outlier_score(latents, x[i : i + 1], np.delete(x, i, axis=0))[0] for i in range(len(x))
    ]
    for a in np.arange(1, 65) / 64:
        assert np.mean(np.array(scores) >= 1 - a - 1e-12) <= a
    assert max(scores) == pytest.approx(63 / 64)
    assert min(scores) == 0


def test_bad_outlier_scores(latents, queries, masks):
    with pytest.raises(ValueError, match="at least one row"):
        outlier_score(latents, queries, queries[:0])
    with pytest.raises(ValueError, match=r"shape \(D,\).*do not compare"):
        outlier_score(latents, queries, queries, masks)


# Clusters -----------------------------------------------------------------------------------------


def test_nearest_cluster_exists(latents, queries, masks):
    for latent in (*latents, replace(latents[0], concentration=1e9)):
        expected = []
        for query, mask in zip(queries, masks, strict=True):
            weights = bayes_rule(latent, query, mask)[0][:-1]
            expected.append(weights.index(max(weights)))
        assert nearest_cluster(latent, queries, masks).tolist() == expected


# Labels -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), np.arange(20) % 7 % 3])
def test_label_probabilities_are_bayes_rule(latents, queries, masks, labels):
    found, classes = label_probabilities(latents, labels, queries, masks)
    assert classes.tolist() == sorted(set(np.asarray(labels).tolist()))
    expected = np.zeros((7, 3))
    for m, (query, mask) in enumerate(zip(queries, masks, strict=True)):
        for latent in latents:
            weights, _ = bayes_rule(latent, query, mask)
            for k, weight in enumerate(weights):
                inside = [
                    label for label, z in zip(labels, latent.assignments, strict=True) if z == k
                ]
                for column, label in enumerate(classes):
                    share = list(labels).count(label) / 20
                    p = (inside.count(label) + share) / (len(inside) + 1)
                    expected[m, column] += weight / sum(weights) * p / 3
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    assert (found > 0).all()


def test_a_new_cluster_has_the_shares_of_the_labels(queries):
    latent = replace(make_latent(1), concentration=1e15)
    found, classes = label_probabilities([latent], LABELS, queries, np.zeros(6, bool))
    assert classes.tolist() == ["seven", "three", "two"]
    np.testing.assert_allclose(found, np.tile([0.25, 0.5, 0.25], (7, 1)), rtol=1e-12)


def test_labels_of_pure_clusters():
    """If each cluster has one label, the label is as certain as the smoothing allows."""
    latent = replace(
        make_latent(1, clusters=2),
        counts=np.array([[0] * 6, [10] * 6], np.int32),
        alpha=np.full(6, 1e-9),
        beta=np.full(6, 1e-9),
        concentration=1e-9,
    )
    x = np.array([[0] * 6, [1] * 6])
    for cluster in ("all", "best"):
        found, _ = label_probabilities(
            [latent], latent.assignments, x, np.arange(6) < 3, cluster=cluster
        )
        np.testing.assert_allclose(found, np.array([[10.5, 0.5], [0.5, 10.5]]) / 11, rtol=1e-6)


def test_bad_labels(latents, queries):
    with pytest.raises(ValueError, match=r"shape \(20,\), one for each.*not \(19,\)"):
        label_probabilities(latents, LABELS[1:], queries)
    with pytest.raises(ValueError, match=r"shape \(10,\)"):
        label_probabilities([*latents, make_latent(1, vectors=10)], LABELS, queries)


# Merging samples ----------------------------------------------------------------------------------


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


# Credible intervals -------------------------------------------------------------------------------


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
    """Of draws of chain, cluster and theta, 90% are inside and 5% on either side."""
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


# What all have in common --------------------------------------------------------------------------


EVERY = {
    "complete": complete,
    "best": functools.partial(complete, cluster="best"),
    "evidence": functools.partial(complete, chain_weights="evidence"),
    "log_predictive": log_predictive,
    "labels": labelled,
    "responsibilities": lambda latents, *args: responsibilities(latents[0], *args),
    "nearest_cluster": lambda latents, *args: nearest_cluster(latents[0], *args),
    "interval of theta": credible_interval,
    "interval of the mean": functools.partial(credible_interval, of="mean"),
}


@pytest.mark.parametrize("function", EVERY.values(), ids=EVERY.keys())
def test_queries_do_not_depend_on_each_other_or_on_what_is_hidden(
    latents, queries, masks, function
):
    together = function(latents, queries, masks)
    assert len(together) == 7
    for m, mask in enumerate(masks):
        hidden = np.where(mask, queries[m : m + 1], np.nan)
        np.testing.assert_allclose(
            together[m : m + 1], function(latents, hidden, mask), rtol=1e-9, atol=1e-12
        )


def test_features_missing_in_training_do_not_count(queries, masks):
    """The counts of a feature are those of the rows that have it observed."""
    latent = make_latent(1)
    present = np.minimum(latent.counts + 1, latent.sizes[:, None]).astype(np.int32)
    assert (present < latent.sizes[:, None]).any()
    sparse = replace(latent, observed=present)
    on, off = betas(sparse)
    assert np.array_equal(on, betas(latent)[0])
    assert np.array_equal(off[:-1], latent.beta + (present - latent.counts))
    assert np.array_equal(off[-1], latent.beta)
    for name, function in EVERY.items():
        if name != "nearest_cluster":
            assert not np.allclose(
                function([latent], queries, masks), function([sparse], queries, masks)
            ), name
