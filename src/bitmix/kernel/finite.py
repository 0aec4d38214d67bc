"""The mixture of finite mixtures: a prior of partitions that estimates the number of clusters.

Miller and Harrison (2018), "Mixture models with a prior on the number of components", J. Am. Stat.
Assoc. 113. There are M components with weights from a symmetric Dirichlet distribution, and

    log p(M) = log(RATE) + (M - 1) log(1 - RATE),   M = 1, 2, ...

A cluster is a component that has rows. All functions return the same bits on every machine.
"""

import math
from functools import lru_cache

import numpy as np

from bitmix.kernel.simd import vecmath

#: The rate of the geometric prior of the number of components.
RATE = 0.1

_TERMS = 512  # the terms of the series that are added at a time
_NEGLIGIBLE = 50.0  # nats below the largest term


@lru_cache(maxsize=1 << 16)
def log_v(rows: int, clusters: int, concentration: float) -> float:
    """Return log V_n(t) of n rows in t clusters (Miller and Harrison 2018, eq. 3.2).

    V_n(t) = sum_{k >= max(t, 1)} p(k) k! / (k - t)! Gamma(g k) / Gamma(g k + n), with g the
    concentration of the Dirichlet distribution.
    """
    return _log_sum(_series(rows, clusters, concentration))


def components(rows: int, clusters: int, concentration: float) -> np.ndarray:
    """Return p(M = m | n rows in t clusters) for m = 0, 1, ..., as far as it is not negligible.

    The terms of V_n(t), divided by their sum (Miller and Harrison 2018, eq. 3.7). Given the
    partition, the number of components depends on no data.
    """
    terms = _series(rows, clusters, concentration)
    known = vecmath("exp_f64", np.maximum(terms - _log_sum(terms), -700.0))
    known = known[: 1 + np.flatnonzero(known > 1e-12)[-1]]
    return np.concatenate([np.zeros(max(clusters, 1)), known / known.sum()])


def _series(rows: int, clusters: int, concentration: float) -> np.ndarray:
    """Return the logs of the terms of V_n(t) for k = max(t, 1), ..., until they are negligible."""
    start, found = max(clusters, 1), []
    log_rate, log_rest = vecmath("log_f64", np.array([RATE, 1.0 - RATE]))
    while True:
        k = np.arange(start, start + _TERMS, dtype=float)
        terms = log_rate + (k - 1) * log_rest + _lgamma(k + 1) - _lgamma(k - clusters + 1)
        found.append(terms + _lgamma(concentration * k) - _lgamma(concentration * k + rows))
        start += _TERMS
        # From here on, each term is less than 0.97 of the one before.
        falls = (1.0 - RATE) * start < 0.97 * (start - clusters)
        if falls and found[-1][-1] < max(map(np.max, found)) - _NEGLIGIBLE:
            return np.concatenate(found)


def _log_sum(terms: np.ndarray) -> float:
    """Return the log of the sum of the exponentials of the terms."""
    top = float(terms.max())
    total = math.fsum(vecmath("exp_f64", np.maximum(terms - top, -700.0)))
    return top + float(vecmath("log_f64", np.array([total]))[0])


def log_new_cluster(rows: int, concentration: float, most: int) -> np.ndarray:
    """Return the log weight of a new cluster beside t others, shape (most + 1,).

    The weight is g V_n(t + 1) / V_n(t), where a cluster of s other rows has the weight s + g
    (Miller and Harrison 2018, theorem 4.1).
    """
    values = np.array([log_v(rows, clusters, concentration) for clusters in range(most + 2)])
    return np.diff(values) + vecmath("log_f64", np.array([concentration]))


def _lgamma(x: np.ndarray) -> np.ndarray:
    return vecmath("lgamma_f64", x)
