"""Predictions for vectors, whole or of which only some pixels are observed.

Every chain gives a mixture of its K clusters and one new cluster, in which the pixels are
independent. All predictions come from its log weights (`log_weights`) and the pixels'
probabilities (`pixel_means`), and average over the chains. Instead of chains the latents may as
well be kept samples of one chain, or a single one.

A *mask* says which pixels are observed: None for all, an array of shape (D,) for one mask for all
vectors, or (M, D) for one for each.
"""

import operator
from collections.abc import Sequence

import numpy as np

from bitmix.arguments import check_choice
from bitmix.chains import Latent, common
from bitmix.streams import stream

# Clusters of a vector ---------------------------------------------------------------------------


def log_weights(latent: Latent, x: np.ndarray, observed: np.ndarray | None = None) -> np.ndarray:
    """Return the log joint probability of cluster and observed pixels for a new vector.

    The prior of an existing cluster is n_k / (N + concentration), of a new one concentration /
    (N + concentration); the pixels' probabilities are those of `pixel_means`. These are the weights
    of Neal (2000), eq. 3.6, for one vector more than the data; the log of the sum of their
    exponentials over the clusters is the log predictive probability of the observed pixels.

    Parameters
    ----------
    latent : Latent
    x : array, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    observed : ndarray of bool, shape (D,) or (M, D), optional
        True where a pixel is seen; all of them unless given.

    Returns
    -------
    log_weights : ndarray of float64, shape (M, K + 1), in nats, the new cluster last

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = _check_arguments([latent], x, observed)
    return _log_weights(latent, x, observed)


def responsibilities(
    latent: Latent, x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return p(k | observed pixels), shape (M, K + 1), the new cluster last; see `log_weights`."""
    return _normalise(log_weights(latent, x, observed))[0]


def nearest_cluster(
    latent: Latent, x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return the existing cluster, shape (M,), most probable given the observed pixels.

    A new cluster may be more probable still (the last of the `responsibilities`), but has no
    vectors to be near to. Parameters and errors are those of `log_weights`.
    """
    return log_weights(latent, x, observed)[:, :-1].argmax(axis=1)


# Density ----------------------------------------------------------------------------------------


def log_predictive(
    latents: Sequence[Latent], x: np.ndarray, observed: np.ndarray | None = None
) -> np.ndarray:
    """Return log p(observed pixels): of a new vector, the log of the mean density over the latents.

    Existing clusters and a new one are included; see `log_weights`. Conditional densities follow
    by difference, for example the log probability of what is missing given what is observed::

        log_predictive(latents, x) - log_predictive(latents, x, observed)

    Parameters
    ----------
    latents : sequence of Latent
        At least one.
    x, observed
        As in `log_weights`.

    Returns
    -------
    log_predictive : ndarray of float64, shape (M,), in nats

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = _check_arguments(latents, x, observed)
    evidence = [_normalise(_log_weights(latent, x, observed))[1] for latent in latents]
    return np.logaddexp.reduce(evidence) - np.log(len(latents))


def outlier_score(
    latents: Sequence[Latent],
    x: np.ndarray,
    reference: np.ndarray,
    observed: np.ndarray | None = None,
) -> np.ndarray:
    """Return how unusual vectors are: 1 - p, with p the tail rank of their predictive density.

    A log density has no scale of its own, so that of a vector is ranked among those of R reference
    vectors: p = (1 + #{reference vectors with a density at most as high}) / (1 + R). It is the
    p-value of the inductive conformal anomaly detector (Laxhammar 2014, "Conformal anomaly
    detection", with minus the log density as nonconformity): whatever the model, a new vector of
    the same kind as the reference scores 1 - a or more with probability at most a. That takes
    reference vectors that the chains were *not* trained on: training vectors fit better than any
    new ones, and make these look unusual.

    A density favours what is simple (Nalisnick et al. 2019, "Do deep generative models know what
    they don't know?"): to twos and threes, a one with its few pixels does not look unusual.

    Parameters
    ----------
    latents : sequence of Latent
        At least one.
    x : array, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    reference : array, shape (R, D)
        Vectors that count as usual, at least one; best, some hundreds held out from training.
    observed : ndarray of bool, shape (D,), optional
        Which pixels to judge by, the same for all vectors; all of them unless given.

    Returns
    -------
    scores : ndarray of float64, shape (M,), from 0 (usual) to R / (R + 1) (less so than all others)

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    if observed is not None and np.ndim(observed) != 1:
        raise ValueError(
            "observed must have the shape (D,): scores under different masks do not compare"
        )
    if not len(reference):
        raise ValueError("reference must have at least one vector")
    usual = np.sort(log_predictive(latents, reference, observed))
    below = np.searchsorted(usual, log_predictive(latents, x, observed), side="right")
    return (usual.size - below) / (usual.size + 1)


# Missing pixels ---------------------------------------------------------------------------------


def complete(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> np.ndarray:
    """Return the expectation of the queries' pixels given those observed, without sampling.

    For a missing pixel d it is ``sum_k p(k | observed) E[theta_kd | data]`` over the clusters,
    one new cluster included, averaged over the chains.

    Parameters
    ----------
    latents : sequence of Latent
        The chains, at least one.
    queries : array, shape (M, D)
        Zeros and ones where observed; anything elsewhere.
    observed : ndarray of bool, shape (D,) or (M, D)
        True where a pixel is seen: one mask for all queries, or one for each.
    cluster : {"all", "best"}
        Average over the clusters, or take each chain's most probable one alone.
    chain_weights : {"equal", "evidence"}
        Average the chains' answers as they are, or weighted by the probability that each chain
        gives to the observed pixels, which is Bayes' rule for the density of `log_predictive`.

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
    posterior = mixture_posterior(
        latents, queries, observed, cluster=cluster, chain_weights=chain_weights
    )
    means = sum(p @ pixel_means(latent) for p, latent in zip(posterior, latents, strict=True))
    return np.where(observed, queries, means)


def posterior_predictive(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray,
    *,
    samples_per_chain: int = 10,
    seed: int = 0,
    cluster: str = "all",
) -> np.ndarray:
    """Draw completions of the queries from the posterior predictive distribution.

    A sample draws a cluster, existing or new, from its posterior given the observed pixels, then
    each missing pixel on its own from that cluster. `merge_samples` makes one answer of them.

    Parameters
    ----------
    latents, queries, observed
        As in `complete`.
    samples_per_chain : int
        How many samples to draw from each chain.
    seed : int
        Each chain has a random stream of its own from this seed; the samples of a query depend
        neither on the queries after it nor on the masks of those before.
    cluster : {"all", "best"}
        Draw the cluster, or take each chain's most probable one.

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
    posterior = mixture_posterior(latents, queries, observed, cluster=cluster)
    samples = np.empty((len(queries), len(latents), draws, queries.shape[1]), dtype=np.uint8)
    for chain, latent in enumerate(latents):
        # Of the generator only `random` is used, whose doubles are the bit generator's bits.
        # Order by query: `draws` doubles for the clusters, then draws x D for the pixels, observed
        # ones included, so that the order does not depend on the masks.
        uniform = np.random.Generator(stream(seed, "predictions", chain)).random
        cumulative = posterior[chain].cumsum(axis=1)
        means = pixel_means(latent)
        for query, bounds in enumerate(cumulative):
            clusters = np.searchsorted(bounds, uniform(draws) * bounds[-1], side="right")
            samples[query, chain] = uniform((draws, queries.shape[1])) < means[clusters]
    samples = samples.reshape(len(queries), len(latents) * draws, queries.shape[1])
    seen = np.broadcast_to(observed, queries.shape)[:, None]
    return np.where(seen, queries[:, None], samples)


def merge_samples(samples: np.ndarray, how: str = "mean") -> np.ndarray:
    """Make one answer of the samples of each query, pixel by pixel.

    Parameters
    ----------
    samples : array of zeros and ones, shape (M, S, D)
        From `posterior_predictive`.
    how : {"mean", "mode"}
        The share of samples in which the pixel is on, or the value that most samples have (0 if
        as many are on as off).

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


# The mixture that the latents are ---------------------------------------------------------------


def pixel_means(latent: Latent) -> np.ndarray:
    """Return E[theta_kd | data], the probability that pixel d of cluster k is on.

    For n_k vectors of which c_kd have the pixel on, this is the mean of the Beta posterior,
    (alpha_d + c_kd) / (alpha_d + beta_d + n_k); vectors that miss the pixel do not count in n_k.

    Returns
    -------
    means : ndarray of float64, shape (K + 1, D)
        The last row, alpha_d / (alpha_d + beta_d), is a new cluster's.
    """
    on, off = beta_parameters(latent)
    return on / (on + off)


def beta_parameters(latent: Latent) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters of the Beta posteriors of theta_kd, and in the last row of the prior.

    Returns
    -------
    on, off : ndarrays of float64, shape (K + 1, D)
        alpha_d + c_kd, and beta_d + the number of vectors of cluster k whose pixel d is off.
    """
    none = np.zeros_like(latent.counts[:1])
    on = latent.alpha + np.vstack([latent.counts, none])
    return on, latent.beta + np.vstack([latent.tails, none])


def mixture_posterior(
    latents: Sequence[Latent],
    queries: np.ndarray,
    observed: np.ndarray | None,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> list[np.ndarray]:
    """Return the posterior of chain and cluster given the observed pixels, which sums to one.

    Parameters and errors are those of `complete`.

    Returns
    -------
    posterior : list of ndarrays of float64, shape (M, K + 1), one for each chain
        Over all of them the entries of a query add up to one.
    """
    check_choice("cluster", cluster, ("all", "best"))
    check_choice("chain_weights", chain_weights, ("equal", "evidence"))
    queries, observed = _check_arguments(latents, queries, observed)
    clusters, evidence = zip(
        *(_normalise(_log_weights(latent, queries, observed)) for latent in latents), strict=True
    )
    if cluster == "best":
        clusters = [np.eye(p.shape[1])[p.argmax(axis=1)] for p in clusters]
    evidence = np.stack(evidence, axis=1)
    chains = _normalise(evidence if chain_weights == "evidence" else np.zeros_like(evidence))[0]
    return [share[:, None] * p for share, p in zip(chains.T, clusters, strict=True)]


def _log_weights(latent: Latent, x: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """`log_weights` of arguments that `_check_arguments` returned."""
    on, off = beta_parameters(latent)
    log_on, log_off = np.log(on), np.log(off)
    log_total = np.log(on + off)
    sizes = np.append(latent.sizes, latent.concentration)
    log_prior = np.log(sizes / sizes.sum())
    seen_on = x.astype(np.float64)
    seen = observed.astype(np.float64)
    return log_prior + seen_on @ (log_on - log_off).T + seen @ (log_off - log_total).T


def _normalise(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of each row divided by their sum, and the log of that sum, shape (M,)."""
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, (top + np.log(total))[:, 0]


# Arguments --------------------------------------------------------------------------------------


def _check_arguments(
    latents: Sequence[Latent], x: np.ndarray, observed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return `x` as uint8, zero where not observed, and the mask; or raise ValueError."""
    pixels = common(latents, "pixels", lambda latent: latent.counts.shape[1])
    x = np.asarray(x)
    if x.ndim != 2 or x.shape[1] != pixels:
        raise ValueError(
            f"the vectors must have the shape (M, {pixels}), not {x.shape}; for one: x[None, :]"
        )
    observed = np.ones(pixels, bool) if observed is None else np.asarray(observed)
    if observed.dtype != bool or observed.shape not in ((pixels,), x.shape):
        raise ValueError(
            f"observed must be boolean of shape ({pixels},) or {x.shape}, True where a pixel "
            f"is seen, not {observed.dtype} of shape {observed.shape}"
        )
    if not (~observed | (x == 0) | (x == 1)).all():
        raise ValueError("the vectors must be 0 or 1 wherever observed; binarise them first")
    return (observed & (x == 1)).astype(np.uint8), observed
