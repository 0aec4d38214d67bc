"""Credible intervals of the probability that a missing pixel is on.

A pixel is 0 or 1, so an interval of its value says nothing that its probability does not. What is
uncertain by degrees is that probability, theta: which chain and cluster the query belongs to, and
how well the cluster's vectors determine theta. Both together make theta of a missing pixel a
mixture of Beta posteriors with the weights p(chain, k | observed pixels).
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc

from bitmix.arguments import check_choice
from bitmix.chains import Latent
from bitmix.predict.queries import beta_parameters, mixture_posterior

# The clusters of a query that are left out together have less than this posterior probability.
# They are most of hundreds, and move the cumulative probability of a bound by no more than this.
_NEGLIGIBLE = 1e-6


def credible_interval(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray,
    *,
    probability: float = 0.9,
    of: str = "mean",
    chain_weights: str = "equal",
) -> np.ndarray:
    """Return equal-tailed credible intervals of the missing pixels' probabilities to be on.

    The cost grows with the number of clusters that the observed pixels leave possible.

    Parameters
    ----------
    latents, queries, observed, chain_weights
        As in `bitmix.complete`.
    probability : float
        How much posterior probability the interval holds, between 0 and 1.
    of : {"mean", "theta"}
        "mean" has quantiles of E[theta_kd | data], the smallest value whose cumulative probability
        reaches that of the tail: the uncertainty about chain and cluster. "theta" has quantiles of
        the mixture of Beta posteriors, all there is to be uncertain about, a hundred times slower:
        about a tenth of a second for a query.

    Returns
    -------
    bounds : ndarray of float64, shape (M, D, 2)
        Lower and upper, for "theta" within 1e-6. Both are the query's own, 0 or 1, where a pixel
        is observed.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be between 0 and 1, not {probability}")
    check_choice("of", of, _QUANTILES)
    posterior = np.hstack(
        mixture_posterior(latents, queries, observed, chain_weights=chain_weights)
    )
    on, off = (np.vstack(rows) for rows in zip(*map(beta_parameters, latents), strict=True))
    levels = np.array([1 - probability, 1 + probability]) / 2
    missing = np.broadcast_to(~np.asarray(observed), np.shape(queries))
    bounds = np.repeat(np.where(missing, 0.0, queries)[:, :, None], 2, axis=2)
    for query, shares in enumerate(posterior):
        order = shares.argsort()
        kept = order[shares[order].cumsum() > _NEGLIGIBLE]
        pixels = np.flatnonzero(missing[query])
        cells = np.ix_(kept, pixels)
        shares = shares[kept] / shares[kept].sum()
        bounds[query, pixels] = _QUANTILES[of](shares, on[cells], off[cells], levels)
    return bounds


def _of_theta(
    shares: np.ndarray, on: np.ndarray, off: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Quantiles, shape (P, levels), of P mixtures of Betas with parameters of shape (S, P)."""

    def excess(theta, pixel, level):
        below = betainc(on[:, pixel], off[:, pixel], theta)
        return np.tensordot(shares, below, 1) - level

    pixel, level = np.meshgrid(np.arange(on.shape[1]), levels, indexing="ij")
    return elementwise.find_root(
        excess,
        (np.zeros(pixel.shape), np.ones(pixel.shape)),
        args=(pixel, level),
        tolerances={"xatol": 1e-6, "xrtol": 0},
    ).x


def _of_mean(shares: np.ndarray, on: np.ndarray, off: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles, shape (P, levels), of the means of these Betas."""
    means = on / (on + off)
    order = means.argsort(axis=0)
    below = shares[order].cumsum(axis=0)
    # A level that rounding leaves above the last sum, of 1, belongs to the last.
    ranks = [np.minimum((below < level).sum(axis=0), len(shares) - 1) for level in levels]
    means = np.take_along_axis(means, order, axis=0)
    return np.take_along_axis(means, np.array(ranks), axis=0).T


_QUANTILES = {"theta": _of_theta, "mean": _of_mean}
