"""The mixtures that are evaluated. They come one by one, so an average needs little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import softmax
from stepmix import StepMix

from bitmix.predict import Mixture
from bitmix.sampling import sample_chain

#: The number that `expectation_maximisation` adds to each count.
PSEUDOCOUNT = 0.1
#: Probabilities of 0 and 1 from StepMix are moved by this much. This improves its scores.
STEPMIX_FLOOR = 1e-3


def chains(
    x: np.ndarray, number: int, *, sweeps: int, initial_clusters: int, seed: int
) -> Iterator[Mixture]:
    """Sample chains from seeded starts, one after the other.

    The hyperparameters are updated first: with alpha = beta = 1, the first sweep would dissolve
    many of the seeded clusters.
    """
    settings: dict[str, Any] = {
        **{"sweeps": sweeps, "initial": "seeded", "initial_clusters": initial_clusters},
        **{"seed": seed, "moves": ("pixel_priors", "assign"), "progress": False},
    }
    for chain in range(number):
        yield Mixture.of_latent(sample_chain(x, chain, **settings))


def independent_features(x: np.ndarray) -> Iterator[Mixture]:
    """Return the mixture of a single cluster."""
    yield _of_counts(x.sum(axis=0)[None], np.array([len(x)]), np.zeros(len(x), int))


def expectation_maximisation(
    x: np.ndarray, clusters: int, fits: int = 1, *, iterations: int = 30, seed: int = 0
) -> Iterator[Mixture]:
    """Fit mixtures by EM (Dempster, Laird and Rubin 1977), as a user of NumPy would write it.

    Each fit has its own random stream and starts from random training rows as centres.
    `PSEUDOCOUNT` is added to every count, like a Beta and a Dirichlet prior.
    """
    x = x.astype(np.float32)
    clusters = min(clusters, len(x))
    for fit in range(fits):
        rng = np.random.default_rng([seed, fit])
        centres = x[rng.choice(len(x), clusters, replace=False)]
        mixture = _of_counts(centres, np.ones(clusters), np.empty(0))
        for _ in range(iterations):
            log_weights = np.log(mixture.weights, dtype=np.float32)
            posterior = softmax(log_weights + mixture.log_likelihood(x), axis=1)
            nearest = posterior.argmax(axis=1)
            mixture = _of_counts(posterior.T @ x, posterior.sum(axis=0), nearest)
        yield mixture


def stepmix(x: np.ndarray, clusters: int, *, seed: int = 0) -> Iterator[Mixture]:
    """Fit a mixture by StepMix (Morin et al. 2025) with its defaults."""
    model = StepMix(clusters, measurement="binary", random_state=seed, progress_bar=0).fit(x)
    parameters = model.get_parameters()
    on = parameters["measurement"]["pis"].clip(STEPMIX_FLOOR, 1 - STEPMIX_FLOOR)
    yield Mixture(parameters["weights"], on, 1 - on, model.predict(x))


def _of_counts(counts: np.ndarray, sizes: np.ndarray, assignments: np.ndarray) -> Mixture:
    """Return the mixture of clusters with given sizes, (K,), and counts, (K, D)."""
    weights = sizes + PSEUDOCOUNT
    off = sizes[:, None] - counts + PSEUDOCOUNT
    return Mixture(weights / weights.sum(), counts + PSEUDOCOUNT, off, assignments)
