"""Clusters of new rows, compared with Bayes' rule written out."""

from dataclasses import replace

import numpy as np
import pytest
from queries import bayes_rule, every_vector

from bitmix.predict import log_weights, nearest_cluster, responsibilities


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


def test_nearest_cluster_exists(latents, queries, masks):
    for latent in (*latents, replace(latents[0], concentration=1e9)):
        expected = []
        for query, mask in zip(queries, masks, strict=True):
            weights = bayes_rule(latent, query, mask)[0][:-1]
            expected.append(weights.index(max(weights)))
        assert nearest_cluster(latent, queries, masks).tolist() == expected
