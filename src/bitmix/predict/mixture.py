"""Mixtures of independent features, with which latents and other models predict new rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.arguments import check_choice
from bitmix.blocks import blocks
from bitmix.chains import Latent, common
from bitmix.data import as_binary

_BLOCK = 512  # rows


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K clusters in which the D features are independent.

    Parameters
    ----------
    weights : ndarray, shape (K,)
        The prior weight of each cluster, on any positive scale.
    on, off : ndarrays, shape (K, D)
        A feature is on with probability on / (on + off). For a latent, these are the parameters of
        the Beta posteriors. Both are stored, because a probability alone may round to one.
    assignments : ndarray of int, shape (N,)
        The cluster of each training row.
    """

    weights: np.ndarray
    on: np.ndarray
    off: np.ndarray
    assignments: np.ndarray

    @classmethod
    def of_latent(cls, latent: Latent) -> Mixture:
        """Return the mixture with which a latent predicts new rows.

        It has the clusters of the latent and, last, a new one. The weights are those of one row
        more than the data. For a Dirichlet process they are n_k and the concentration (Neal 2000,
        eq. 3.6), for a mixture of finite mixtures those of Miller and Harrison (2018, theorem 4.1).
        The Beta posterior of theta_kd has the parameters alpha_d + c_kd and beta_d + n_k - c_kd.
        Rows that miss the feature do not count in n_k.
        """
        none = np.zeros_like(latent.counts[:1])
        return cls(
            weights=_weights(latent),
            on=latent.alpha + np.vstack([latent.counts, none]),
            off=latent.beta + np.vstack([latent.tails, none]),
            assignments=latent.assignments,
        )

    @property
    def means(self) -> np.ndarray:
        """The probability that each feature is on in each cluster, shape (K, D)."""
        return self.on / (self.on + self.off)

    def select(self, features: np.ndarray) -> Mixture:
        """Return the mixture of some features, given as a mask or as indices."""
        return Mixture(self.weights, self.on[:, features], self.off[:, features], self.assignments)

    def log_joint(self, x: Any, observed: np.ndarray) -> np.ndarray:
        """Return log p(k, observed features), in nats, shape (M, K).

        Parameters
        ----------
        x : ndarray or sparse matrix of uint8, shape (M, D)
            Zero where not observed.
        observed : ndarray of bool, shape (M, D) or (D,)
        """
        log_prior, of_on, of_seen = self._logs
        log_joint = np.empty((x.shape[0], len(self.weights)))
        for rows, block in blocks(x):
            seen = observed if observed.ndim == 1 else observed[rows]
            log_joint[rows] = (
                log_prior + block.astype(np.float64) @ of_on.T + seen.astype(np.float64) @ of_seen.T
            )
        return log_joint

    @cached_property
    def _logs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The log prior of the clusters, and the weights of features that are on, and observed."""
        log_off = np.log(self.off)
        log_prior = np.log(self.weights / self.weights.sum())
        return log_prior, np.log(self.on) - log_off, log_off - np.log(self.on + self.off)

    def log_evidence(self, x: Any, observed: np.ndarray) -> np.ndarray:
        """Return log p(observed features), the log of the sum over the clusters, shape (M,).

        Rows go in blocks whose joint probabilities stay in the processor's cache.
        """
        evidence = np.empty(x.shape[0])
        for start in range(0, len(evidence), _BLOCK):
            rows = slice(start, start + _BLOCK)
            seen = observed if observed.ndim == 1 else observed[rows]
            evidence[rows] = log_sum(self.log_joint(x[rows], seen))
        return evidence

    def log_likelihood(self, x: np.ndarray) -> np.ndarray:
        """Return log p(x | k) of complete rows, (M, D), in each cluster, in nats, shape (M, K).

        It is computed in the floating type of `x`.
        """
        log_off = np.log(self.off)
        weights = (np.log(self.on) - log_off).T.astype(x.dtype, copy=False)
        return x @ weights + (log_off - np.log(self.on + self.off)).sum(axis=1).astype(x.dtype)

    def label_shares(self, codes: np.ndarray, classes: int) -> np.ndarray:
        """Return p(label | k), shape (K, classes).

        The labels in a cluster have a Dirichlet prior with total 1 and mean f_l, the share of label
        l among the training rows: p(label l | k) = (n_kl + f_l) / (n_k + 1). See MacKay and Peto
        (1995), "A hierarchical Dirichlet language model".

        Parameters
        ----------
        codes : ndarray of int, shape (N,)
            The label of each training row, from 0 to classes - 1.
        classes : int
        """
        shape = len(self.weights), classes
        cells = np.ravel_multi_index((self.assignments, codes), shape)
        counts = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
        smoothed = counts + counts.sum(axis=0) / len(codes)
        return smoothed / smoothed.sum(axis=1, keepdims=True)


def _weights(latent: Latent) -> np.ndarray:
    """Return the weights of the clusters and, last, of a new one, shape (K + 1,)."""
    if latent.partition_prior == "dp":
        return np.append(latent.sizes, latent.concentration)
    clusters, rows = len(latent.sizes), latent.sizes.sum()
    new = kernel.log_new_cluster(int(rows) + 1, latent.concentration, clusters)[clusters]
    return np.append(latent.sizes + latent.concentration, np.exp(new))


def normalise(log_weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights scaled so that each row sums to one, and the logs of the sums, shape (M,)."""
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, (top + np.log(total))[:, 0]


def log_sum(logs: np.ndarray) -> np.ndarray:
    """Return the log of the sum of exp(logs) of each row. It overwrites `logs`, shape (M, K)."""
    top = logs.max(axis=1)
    logs -= top[:, None]
    np.exp(logs, out=logs)
    return top + np.log(logs.sum(axis=1))


def feature_means(latent: Latent) -> np.ndarray:
    """Return E[theta_kd | data], the probability that feature d of cluster k is on.

    This is the mean of the Beta posterior, (alpha_d + c_kd) / (alpha_d + beta_d + n_k). Rows that
    miss the feature do not count in n_k.

    Returns
    -------
    means : ndarray of float64, shape (K + 1, D)
        The last row, alpha_d / (alpha_d + beta_d), is that of a new cluster.
    """
    return Mixture.of_latent(latent).means


def mixture_posterior(
    latents: Sequence[Latent],
    queries: Any,
    observed: np.ndarray | None,
    *,
    cluster: str = "all",
    chain_weights: str = "equal",
) -> list[np.ndarray]:
    """Return the posterior of chain and cluster given the observed features.

    Parameters and errors are those of `bitmix.complete`.

    Returns
    -------
    posterior : list of ndarrays of float64, shape (M, K + 1), one for each chain
        The entries of a query sum to one over all chains.
    """
    check_choice("cluster", cluster, ("all", "best"))
    check_choice("chain_weights", chain_weights, ("equal", "evidence"))
    queries, observed = check_queries(latents, queries, observed)
    shares, evidence = zip(
        *(normalise(Mixture.of_latent(latent).log_joint(queries, observed)) for latent in latents),
        strict=True,
    )
    if cluster == "best":
        shares = tuple(np.eye(p.shape[1])[p.argmax(axis=1)] for p in shares)
    evidence = np.stack(evidence, axis=1)
    chains = normalise(evidence if chain_weights == "evidence" else np.zeros_like(evidence))[0]
    return [share[:, None] * p for share, p in zip(chains.T, shares, strict=True)]


def check_queries(
    latents: Sequence[Latent], x: Any, observed: np.ndarray | None
) -> tuple[Any, np.ndarray]:
    """Return rows as uint8, zero where not observed, and their mask; or raise ValueError.

    A sparse matrix stays sparse, see `bitmix.data.as_binary`.
    """
    features = common(latents, "features", lambda latent: latent.counts.shape[1])
    x, observed = as_binary(x, observed, features=features)
    return x, np.ones(features, bool) if observed is None else observed
