"""The mixture with which a latent predicts new rows."""

import numpy as np
import pytest
from reference import log_joint

from bitmix.model import PARTITION_PRIORS
from bitmix.predict.mixture import Mixture
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
