"""Densities and outlier scores."""

import numpy as np
import pytest
from queries import bayes_rule, every_vector, make_latent

from bitmix.predict import complete, log_predictive, outlier_score


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
    """At most the share a of R + 1 exchangeable rows scores 1 - a or more."""
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
