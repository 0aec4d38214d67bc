"""The mixture with which a latent predicts new rows."""

import numpy as np
import pytest
from reference import log_joint

from bitmix.model import PARTITION_PRIORS
from bitmix.predict.mixture import _BLOCK, Mixture, log_sum
from bitmix.sampling import sample


@pytest.mark.parametrize("prior", PARTITION_PRIORS)
def test_the_weights_are_those_of_one_more_row(prior):
    """log p(x, k | data) is the increase of the log joint if row x joins cluster k."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (12, 4)).astype(np.uint8)
    latent = sample(x[:-1], chains=1, sweeps=3, initial_clusters=4, partition_prior=prior)[0]
    state = latent.alpha, latent.beta, latent.concentration
    before = log_joint(x[:-1], latent.assignments, *state, prior=prior)
    after = [
        log_joint(x, np.append(latent.assignments, k), *state, prior=prior)
        for k in range(len(latent.sizes) + 1)
    ]
    found = Mixture.of_latent(latent).log_joint(x[-1:], np.ones(4, bool))[0]
    np.testing.assert_allclose(found, np.array(after) - before, rtol=1e-10)


@pytest.mark.parametrize("whole", [True, False])
def test_evidence_is_the_sum_over_the_clusters_in_any_number_of_blocks(whole):
    rng = np.random.default_rng(1)
    shape = 5, 8
    mixture = Mixture(rng.gamma(2, size=5), *rng.gamma(2, size=(2, *shape)), np.zeros(0, int))
    x = rng.integers(0, 2, (2 * _BLOCK + 3, 8)).astype(np.uint8)
    observed = np.ones(8, bool) if whole else rng.integers(0, 2, x.shape).astype(bool)
    x *= observed
    expected = np.log(np.exp(mixture.log_joint(x, observed)).sum(axis=1))
    np.testing.assert_allclose(mixture.log_evidence(x, observed), expected, rtol=1e-13, atol=1e-14)
    assert mixture.log_evidence(x[:0], observed if whole else observed[:0]).shape == (0,)


def test_likelihood_of_complete_rows_is_the_joint_without_the_prior():
    rng = np.random.default_rng(2)
    mixture = Mixture(rng.gamma(2, size=5), *rng.gamma(2, size=(2, 5, 8)), np.zeros(0, int))
    x = rng.integers(0, 2, (20, 8)).astype(float)
    expected = mixture.log_joint(x, np.ones(8, bool)) - np.log(
        mixture.weights / mixture.weights.sum()
    )
    np.testing.assert_allclose(mixture.log_likelihood(x), expected, rtol=1e-12)
    assert mixture.log_likelihood(x.astype(np.float32)).dtype == np.float32


def test_log_sum_neither_overflows_nor_underflows():
    logs = np.array([[-2000.0, -2001.0], [3000.0, 2999.0]])
    expected = np.array([-2000.0, 3000.0]) + np.log1p(np.exp(-1))
    np.testing.assert_allclose(log_sum(logs), expected, rtol=1e-15)
