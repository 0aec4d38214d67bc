"""What the rows of each class are like, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitmix.chains import Latent
from bitmix.classes.relabel import Classes
from bitmix.kernel import components
from bitmix.predict.intervals import beta_mixture_quantiles

_NEGLIGIBLE = 1e-6  # probability


@dataclass(frozen=True, eq=False)
class Profiles:
    """C classes of rows with D features, described with equal-tailed credible intervals.

    Parameters
    ----------
    share : ndarray of float64, shape (C,)
        The mean of the class's share of the population.
    share_bounds : ndarray of float64, shape (C, 2)
    means : ndarray of float64, shape (C, D)
        The mean of the probability that a row of the class has the feature on.
    bounds : ndarray of float64, shape (C, D, 2)
    overall : ndarray of float64, shape (D,)
        The share of all rows that have the feature on, of those where it is observed.
    probability : float
        The posterior probability of each interval.
    """

    share: np.ndarray
    share_bounds: np.ndarray
    means: np.ndarray
    bounds: np.ndarray
    overall: np.ndarray
    probability: float

    @property
    def others(self) -> np.ndarray:
        """The probability of each feature in all other classes together, shape (C, D)."""
        weights = np.tile(self.share, (len(self.share), 1))
        np.fill_diagonal(weights, 0)
        total = weights.sum(axis=1, keepdims=True)
        return np.where(total > 0, weights @ self.means / np.where(total > 0, total, 1), self.means)

    @property
    def order(self) -> np.ndarray:
        """The features, those first in which two classes differ most, shape (D,)."""
        differ = np.ptp(self.means, axis=0) if len(self.means) else np.zeros(len(self.overall))
        return np.argsort(-differ, kind="stable")


def profiles(classes: Classes, probability: float = 0.95) -> Profiles:
    """Describe each class by the states that have it.

    Given a state, the probability theta_kd of a feature has a Beta posterior, and so has the share
    of a cluster: the weights have a Dirichlet posterior. The posterior of either is the mixture of
    these over the states, so the intervals account for everything that is uncertain: which rows
    belong to the class, the priors of the features, and that the rows are a sample.

    Parameters
    ----------
    classes : Classes
    probability : float, default 0.95

    Returns
    -------
    profiles : Profiles
        Quantiles have an error below 1e-6.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be between 0 and 1, not {probability}")
    levels = np.array([1 - probability, 1 + probability]) / 2
    counts = classes.states[0].counts.sum(axis=0)
    seen = counts + classes.states[0].tails.sum(axis=0)
    shape = classes.number, len(counts)
    found = Profiles(
        share=np.empty(shape[0]),
        share_bounds=np.empty((shape[0], 2)),
        means=np.empty(shape),
        bounds=np.empty((*shape, 2)),
        overall=np.divide(counts, seen, out=np.full(shape[1], np.nan), where=seen > 0),
        probability=probability,
    )
    for column in range(classes.number):
        pairs = [
            (state, cluster)
            for state, cluster in zip(classes.states, classes.clusters[:, column], strict=True)
            if cluster >= 0
        ]
        (found.share[column],), (found.share_bounds[column],) = _mixture(*_of_share(pairs), levels)
        found.means[column], found.bounds[column] = _mixture(*_of_theta(pairs), levels)
    return found


def _mixture(
    weights: np.ndarray, on: np.ndarray, off: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return means, shape (P,), and quantiles, shape (P, levels), of P mixtures of Betas."""
    bounds = beta_mixture_quantiles(weights, on, off, levels)
    return weights @ (on / (on + off)), bounds


def _of_theta(pairs: list[tuple[Latent, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, shape (S,), and Beta parameters of the features, shape (S, D)."""
    on = np.array([state.alpha + state.counts[cluster] for state, cluster in pairs])
    off = np.array([state.beta + state.tails[cluster] for state, cluster in pairs])
    return np.full(len(pairs), 1 / len(pairs)), on, off


def _of_share(pairs: list[tuple[Latent, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, shape (P,), and Beta parameters of the share of a cluster, shape (P, 1).

    In a mixture of finite mixtures with M components, the weights have a Dirichlet posterior with
    n_k + g for each cluster and g for each of the M - t components without rows. In a Dirichlet
    process it is n_k for each cluster, and the concentration for all others together.
    """
    found = []
    for state, cluster in pairs:
        size, g = state.sizes[cluster], state.concentration
        rest = state.sizes.sum() - size
        if state.partition_prior == "dp":
            found.append((1.0, size, rest + g))
            continue
        known = components(int(size + rest), len(state.sizes), g)
        for number in np.flatnonzero(known > _NEGLIGIBLE):
            # A single component is all of the population: its Beta is a point at 1.
            found.append((known[number], size + g, max(rest + g * (number - 1), _NEGLIGIBLE)))
    weights, on, off = np.array(found, float).T
    return weights / weights.sum(), on[:, None], off[:, None]
