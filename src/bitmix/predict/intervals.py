"""Credible intervals of the probability that a missing feature is on.

A feature is 0 or 1, so an interval of its value says no more than its probability, theta. But theta
is uncertain too: the query may belong to several clusters, and the rows of a cluster do not
determine theta exactly. So the posterior of theta of a missing feature is a mixture of Beta
posteriors with the weights p(chain, k | observed features).
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc

from bitmix.arguments import check_choice
from bitmix.blocks import dense
from bitmix.chains import Latent
from bitmix.predict.mixture import Mixture, check_queries, mixture_posterior

# Each query leaves out its least probable clusters, with less than this posterior probability in
# total. That changes the cumulative probability of a bound by no more than this.
_NEGLIGIBLE = 1e-6


def credible_interval(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    probability: float = 0.9,
    of: str = "mean",
    chain_weights: str = "equal",
) -> np.ndarray:
    """Return equal-tailed credible intervals of the probabilities of missing features.

    The cost grows with the number of clusters that the observed features leave possible.

    Parameters
    ----------
    latents, queries, observed, chain_weights
        As in `bitmix.complete`.
    probability : float
        The posterior probability of the interval, between 0 and 1.
    of : {"mean", "theta"}
        "mean" gives quantiles of E[theta_kd | data], which reflect the uncertainty about chain and
        cluster. "theta" gives quantiles of the mixture of Beta posteriors, which reflect all
        uncertainty. It takes about a tenth of a second for a query, a hundred times longer.

    Returns
    -------
    bounds : ndarray of float64, shape (M, D, 2)
        Lower and upper bound, for "theta" with an error below 1e-6. Both are the query's value, 0
        or 1, if the feature is observed.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be between 0 and 1, not {probability}")
    check_choice("of", of, _QUANTILES)
    queries, observed = check_queries(latents, queries, observed)
    queries = dense(queries)  # as the result is
    posterior = np.hstack(
        mixture_posterior(latents, queries, observed, chain_weights=chain_weights)
    )
    mixtures = [Mixture.of_latent(latent) for latent in latents]
    on, off = (np.vstack([getattr(m, name) for m in mixtures]) for name in ("on", "off"))
    levels = np.array([1 - probability, 1 + probability]) / 2
    missing = np.broadcast_to(~observed, queries.shape)
    bounds = np.repeat(np.where(missing, 0.0, queries)[:, :, None], 2, axis=2)
    for query, shares in enumerate(posterior):
        order = shares.argsort()
        likely = order[shares[order].cumsum() > _NEGLIGIBLE]
        features = np.flatnonzero(missing[query])
        cells = np.ix_(likely, features)
        shares = shares[likely] / shares[likely].sum()
        bounds[query, features] = _QUANTILES[of](shares, on[cells], off[cells], levels)
    return bounds


def beta_mixture_quantiles(
    shares: np.ndarray, on: np.ndarray, off: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Return quantiles, shape (P, levels), of P mixtures of Betas, with an error below 1e-6.

    Parameters
    ----------
    shares : ndarray, shape (S,)
        The weight of each Beta in every mixture. They sum to one.
    on, off : ndarrays, shape (S, P)
        The parameters of the Betas, positive.
    levels : ndarray, shape (levels,)
        Probabilities between 0 and 1.
    """

    def excess(theta, feature, level):
        below = betainc(on[:, feature], off[:, feature], theta)
        return np.tensordot(shares, below, 1) - level

    feature, level = np.meshgrid(np.arange(on.shape[1]), levels, indexing="ij")
    return elementwise.find_root(
        excess,
        (np.zeros(feature.shape), np.ones(feature.shape)),
        args=(feature, level),
        tolerances={"xatol": 1e-6, "xrtol": 0},
    ).x


def _of_mean(shares: np.ndarray, on: np.ndarray, off: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return quantiles, shape (P, levels), of the means of these Betas."""
    means = on / (on + off)
    order = means.argsort(axis=0)
    below = shares[order].cumsum(axis=0)
    # Rounding may leave a level above the last sum, which is 1.
    ranks = [np.minimum((below < level).sum(axis=0), len(shares) - 1) for level in levels]
    means = np.take_along_axis(means, order, axis=0)
    return np.take_along_axis(means, np.array(ranks), axis=0).T


_QUANTILES = {"theta": beta_mixture_quantiles, "mean": _of_mean}
