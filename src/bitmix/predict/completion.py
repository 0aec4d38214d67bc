"""Filling in missing features."""

from collections.abc import Sequence

import numpy as np

from bitmix.arguments import check_choice, check_integer
from bitmix.blocks import dense
from bitmix.chains import Latent
from bitmix.predict.mixture import check_queries, feature_means, mixture_posterior
from bitmix.streams import stream


def complete(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> np.ndarray:
    """Return the expectation of the queries' features given those observed, without sampling.

    For a missing feature d it is ``sum_k p(k | observed) E[theta_kd | data]``, summed over the
    clusters and a new one, and averaged over the chains.

    Parameters
    ----------
    latents : sequence of Latent
        The chains, at least one.
    queries : array, PackedRows or matrix of scipy.sparse, shape (M, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing.
    observed : ndarray of bool, shape (D,) or (M, D)
        True where a feature is observed: one mask for all queries, or one for each.
    cluster : {"all", "best"}
        Average over the clusters, or take the most probable one of each chain.
    chain_weights : {"equal", "evidence"}
        Average the answers of the chains with equal weights, or weighted by the probability that
        each chain gives to the observed features: Bayes' rule for the density of `log_predictive`.

    Returns
    -------
    means : ndarray of float64, shape (M, D)
        The probability of each feature to be on. Observed features keep the query's value, 0 or 1.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    queries, observed = check_queries(latents, queries, observed)
    queries = dense(queries)  # as the result is
    posterior = mixture_posterior(
        latents, queries, observed, cluster=cluster, chain_weights=chain_weights
    )
    means = sum(p @ feature_means(latent) for p, latent in zip(posterior, latents, strict=True))
    return np.where(observed, queries, means)


def posterior_predictive(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray | None = None,
    *,
    samples_per_chain: int = 10,
    seed: int = 0,
    cluster: str = "all",
) -> np.ndarray:
    """Draw completions of the queries from the posterior predictive distribution.

    Each sample draws a cluster, existing or new, from its posterior given the observed features.
    It then draws each missing feature independently from that cluster. `merge_samples` combines
    the samples into one answer.

    Parameters
    ----------
    latents, queries, observed
        As in `complete`.
    samples_per_chain : int
        The number of samples to draw from each chain.
    seed : int
        Each chain has its own random stream from this seed. The samples of a query depend neither
        on the queries after it nor on the masks of those before.
    cluster : {"all", "best"}
        Draw the cluster, or take the most probable one of each chain.

    Returns
    -------
    samples : ndarray of uint8, shape (M, chains * samples_per_chain, D)
        The samples of the first chain come first. Observed features keep the query's value.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    queries, observed = check_queries(latents, queries, observed)
    queries = dense(queries)  # as the result is
    draws = check_integer("samples_per_chain", samples_per_chain)
    posterior = mixture_posterior(latents, queries, observed, cluster=cluster)
    samples = np.empty((len(queries), len(latents), draws, queries.shape[1]), dtype=np.uint8)
    for chain, latent in enumerate(latents):
        # Only `random` is used: its doubles are the bits of the bit generator.
        # A query takes `draws` doubles for the clusters, then draws x D for the features, observed
        # ones included, so that the order does not depend on the masks.
        uniform = np.random.Generator(stream(seed, "predictions", chain)).random
        cumulative = posterior[chain].cumsum(axis=1)
        means = feature_means(latent)
        for query, bounds in enumerate(cumulative):
            clusters = np.searchsorted(bounds, uniform(draws) * bounds[-1], side="right")
            samples[query, chain] = uniform((draws, queries.shape[1])) < means[clusters]
    samples = samples.reshape(len(queries), len(latents) * draws, queries.shape[1])
    seen = np.broadcast_to(observed, queries.shape)[:, None]
    return np.where(seen, queries[:, None], samples)


def merge_samples(samples: np.ndarray, how: str = "mean") -> np.ndarray:
    """Combine the samples of each query into one answer, feature by feature.

    Parameters
    ----------
    samples : array of zeros and ones, shape (M, S, D)
        From `posterior_predictive`.
    how : {"mean", "mode"}
        "mean" is the share of samples that have the feature on. "mode" is the value that most
        samples have, 0 in a tie.

    Returns
    -------
    merged : ndarray, shape (M, D), float64 for the mean, uint8 for the mode

    Raises
    ------
    ValueError
        If there are no samples, or `how` is not as above.
    """
    check_choice("how", how, ("mean", "mode"))
    samples = np.asarray(samples)
    if samples.ndim != 3 or samples.shape[1] == 0:
        raise ValueError(
            f"samples must have the shape (M, S, D) with S at least 1, not {samples.shape}"
        )
    mean = samples.mean(axis=1)
    return mean if how == "mean" else (mean > 0.5).astype(np.uint8)
