"""What tests of the kernel share."""

import numpy as np

from bitmix import kernel
from bitmix.model import HYPERPRIORS

ALWAYS, NEVER = 0, 2**62  # from which image of a sweep on it is decided whether to screen


def mixture_of(x, z, alpha=None, beta=None, concentration=1.0, probe=None, observed=None):
    d = np.shape(x)[1]
    x = np.asarray(x, np.uint8)
    images = kernel.Rows(x if observed is None else x * observed, observed)
    mixture = images.mixture(
        z,
        np.ones(d) if alpha is None else alpha,
        np.ones(d) if beta is None else beta,
        concentration,
    )
    if probe is not None:
        mixture.probe = probe
    return mixture


def update_priors(mixture, bits, name="exponential"):
    h = HYPERPRIORS[name]
    mixture.update_pixel_priors(bits, h.rate, h.power, h.low, h.high)


def check_counts(mixture, x, observed=None):
    """Clusters are numbered without gaps, and the statistics are those of the assignments."""
    z = mixture.assignments
    assert set(z) == set(range(mixture.clusters))
    np.testing.assert_array_equal(mixture.sizes, np.bincount(z))
    x = x if observed is None else x * observed
    np.testing.assert_array_equal(mixture.counts, _by_cluster(x, z))
    if observed is not None:
        np.testing.assert_array_equal(mixture.observed, _by_cluster(observed, z))


def _by_cluster(array, z):
    return [array[z == k].sum(axis=0) for k in range(z.max() + 1)]
