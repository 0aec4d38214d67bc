"""Predictions for vectors of which only some pixels are observed.

Every chain gives a mixture of its K clusters and one new cluster, in which the pixels are
independent. All predictions come from its log weights (`log_weights`) and the pixels'
probabilities (`pixel_means`), and average over the chains.
"""

import operator
from collections.abc import Sequence

import numpy as np

from bitmix.latents import Latent

# Sets the streams of predictions apart from those of the chains, which have the same seed.
_STREAM = 0x70726564


def posterior_predictive(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray,
    *,
    samples_per_chain: int = 10,
    seed: int = 0,
) -> np.ndarray:
    """Draw completions of the queries from the posterior predictive distribution.

    A sample draws a cluster, existing or new, from its posterior given the observed pixels, then
    each missing pixel on its own from that cluster.

    Parameters
    ----------
    latents : sequence of Latent
        The chains, at least one.
    queries : array, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    observed : ndarray of bool, shape (D,) or (M, D)
        True where a pixel is seen: one mask for all queries, or one for each.
    samples_per_chain : int
        How many samples to draw from each chain.
    seed : int
        Each chain has a random stream of its own from this seed; the samples of a query depend
        neither on the queries after it nor on the masks of those before.

    Returns
    -------
    samples : ndarray of uint8, shape (M, chains * samples_per_chain, D)
        The samples of the first chain come first. Observed pixels are the query's own.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    queries, observed = _check_arguments(latents, queries, observed)
    draws = operator.index(samples_per_chain)
    if draws < 1:
        raise ValueError(f"samples_per_chain must be at least 1, not {draws}")
    samples = np.empty((len(queries), len(latents), draws, queries.shape[1]), dtype=np.uint8)
    for chain, latent in enumerate(latents):
        seeds = np.random.SeedSequence(operator.index(seed), spawn_key=(_STREAM, chain))
        # Of the generator only `random` is used, whose doubles are the bit generator's bits.
        # Order by query: `draws` doubles for the clusters, then draws x D for the pixels, observed
        # ones included, so that the order does not depend on the masks.
        uniform = np.random.Generator(np.random.PCG64(seeds)).random
        cumulative = responsibilities(latent, queries, observed).cumsum(axis=1)
        means = pixel_means(latent)
        for query, bounds in enumerate(cumulative):
            clusters = np.searchsorted(bounds, uniform(draws) * bounds[-1], side="right")
            samples[query, chain] = uniform((draws, queries.shape[1])) < means[clusters]
    samples = samples.reshape(len(queries), len(latents) * draws, queries.shape[1])
    seen = np.broadcast_to(observed, queries.shape)[:, None]
    return np.where(seen, queries[:, None], samples)


def complete(latents: Sequence[Latent], queries: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the expectation of the queries' pixels given those observed, without sampling.

    For a missing pixel d it is ``sum_k p(k | observed) E[theta_kd | data]`` over the clusters,
    one new cluster included, averaged over the chains.

    Parameters
    ----------
    latents, queries, observed
        As in `posterior_predictive`.

    Returns
    -------
    means : ndarray of float64, shape (M, D)
        Probabilities to be on. Observed pixels are the query's own, 0 or 1.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    queries, observed = _check_arguments(latents, queries, observed)
    means = [
        responsibilities(latent, queries, observed) @ pixel_means(latent) for latent in latents
    ]
    return np.where(observed, queries, sum(means) / len(means))


def responsibilities(latent: Latent, queries: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return p(k | observed pixels), shape (M, K + 1), the new cluster last; see `log_weights`."""
    weights = log_weights(latent, queries, observed)
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def log_weights(latent: Latent, queries: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the log joint probability of cluster and observed pixels for a new vector.

    The prior of an existing cluster is n_k / (N + concentration), of a new one concentration /
    (N + concentration); the pixels' probabilities are those of `pixel_means`. These are the weights
    of Neal (2000), eq. 3.6, for one vector more than the data; the log of the sum of their
    exponentials over the clusters is the log predictive probability of the observed pixels.

    Parameters
    ----------
    latent : Latent
    queries : ndarray, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    observed : ndarray of bool, shape (D,) or (M, D)

    Returns
    -------
    log_weights : ndarray of float64, shape (M, K + 1), in nats, the new cluster last
    """
    on, off = _on_off(latent)
    log_on, log_off = np.log(on), np.log(off)
    log_total = np.log(on + off)
    sizes = np.append(latent.sizes, latent.concentration)
    log_prior = np.log(sizes / sizes.sum())
    seen_on = (observed & (queries == 1)).astype(np.float64)
    seen = observed.astype(np.float64)
    return log_prior + seen_on @ (log_on - log_off).T + seen @ (log_off - log_total).T


def pixel_means(latent: Latent) -> np.ndarray:
    """Return E[theta_kd | data], the probability that pixel d of cluster k is on.

    For n_k vectors of which c_kd have the pixel on, this is the mean of the Beta posterior,
    (alpha_d + c_kd) / (alpha_d + beta_d + n_k).

    Returns
    -------
    means : ndarray of float64, shape (K + 1, D)
        The last row, alpha_d / (alpha_d + beta_d), is a new cluster's.
    """
    on, off = _on_off(latent)
    return on / (on + off)


def _on_off(latent: Latent) -> tuple[np.ndarray, np.ndarray]:
    """The parameters (K + 1, D) of the Beta posteriors; in the last row, those of the prior."""
    heads = np.vstack([latent.counts, np.zeros_like(latent.counts[:1])])
    sizes = np.append(latent.sizes, 0)[:, None]
    return latent.alpha + heads, latent.beta + (sizes - heads)


def _check_arguments(
    latents: Sequence[Latent], queries: np.ndarray, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return `queries` as uint8, zero where not observed, and `observed`; or raise ValueError."""
    if isinstance(latents, Latent) or not len(latents):
        raise ValueError("latents must be a sequence of at least one Latent; for one: [latent]")
    pixels = {latent.counts.shape[1] for latent in latents}
    if len(pixels) > 1:
        raise ValueError(f"the latents differ in their number of pixels: {sorted(pixels)}")
    (pixels,) = pixels

    queries = np.asarray(queries)
    if queries.ndim != 2 or queries.shape[1] != pixels:
        raise ValueError(
            f"queries must have the shape (M, {pixels}), not {queries.shape}; "
            "for one query: queries[None, :]"
        )
    observed = np.asarray(observed)
    if observed.dtype != bool or observed.shape not in ((pixels,), queries.shape):
        raise ValueError(
            f"observed must be boolean of shape ({pixels},) or {queries.shape}, True where a pixel "
            f"is seen, not {observed.dtype} of shape {observed.shape}"
        )
    if not (~observed | (queries == 0) | (queries == 1)).all():
        raise ValueError("queries must be 0 or 1 wherever observed; binarise them first")
    return (observed & (queries == 1)).astype(np.uint8), observed
