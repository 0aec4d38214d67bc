"""Latents, queries and masks for the tests of predictions."""

import numpy as np
import pytest
from queries import make_latent


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
