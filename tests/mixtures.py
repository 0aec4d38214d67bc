"""Helpers for tests of the kernel."""

import numpy as np

from bitmix import kernel
from bitmix.model import HYPERPRIORS
from bitmix.sampling.moves import MOVES

ALWAYS, NEVER = 0, 2**62  # the number of rows after which a sweep decides whether to screen


def mixture_of(x, z, alpha=None, beta=None, concentration=1.0, observed=None, partition_prior="dp"):
    d = np.shape(x)[1]
    x = np.asarray(x, np.uint8)
    return kernel.mixture_of(
        kernel.Rows(x if observed is None else x * observed, observed),
        z,
        np.ones(d) if alpha is None else alpha,
        np.ones(d) if beta is None else beta,
        concentration,
        partition_prior,
    )


def update_priors(mixture, bits, name="exponential"):
    h = HYPERPRIORS[name]
    kernel.update_priors(mixture, bits, h.rate, h.power, h.low, h.high)


def with_concentration(mixture, x, concentration, observed=None):
    """Return the same state with another concentration.

    If split-merge is the only move, a concentration that is exp(b) times too large makes the log
    ratio of splits wrong by b.
    """
    state = mixture.assignments, mixture.alpha, mixture.beta
    return mixture_of(x, *state, concentration, observed)


def biased_split_merge(mixture, settings, bits, bias, x, observed=None):
    """Make proposals whose log ratio of splits is wrong by `bias` nats; return the new state."""
    right = mixture.concentration
    wrong = with_concentration(mixture, x, right * np.exp(bias), observed)
    MOVES["split_merge"](wrong, settings, bits)
    return with_concentration(wrong, x, right, observed)


def check_counts(mixture, x, observed=None):
    """Check that clusters are numbered without gaps and have the statistics of their rows."""
    z = mixture.assignments
    assert set(z) == set(range(mixture.clusters))
    np.testing.assert_array_equal(mixture.sizes, np.bincount(z))
    x = x if observed is None else x * observed
    np.testing.assert_array_equal(mixture.counts, _by_cluster(x, z))
    if observed is not None:
        np.testing.assert_array_equal(mixture.observed, _by_cluster(observed, z))


def _by_cluster(array, z):
    return [array[z == k].sum(axis=0) for k in range(z.max() + 1)]
