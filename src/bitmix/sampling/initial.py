"""First partitions of a chain.

All take the rows x, (N, D) uint8, their mask (None if nothing is missing), the number of clusters
and the bit generator of the chain. They return the cluster of each row, in any numbering.
"""

from __future__ import annotations

import numpy as np

from bitmix import kernel


def random_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return a cluster for each row, uniformly at random, shape (N,)."""
    return kernel.integers(generator, clusters, len(x))


def single_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return the same cluster for each row, shape (N,)."""
    return np.zeros(len(x), np.intp)


def seeded_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return for each row the nearest of `clusters` rows drawn at random, shape (N,).

    The distance is the Hamming distance. With missing features, it is the share of features that
    differ among those observed in both rows.
    """
    centres = kernel.permutation(generator, len(x))[:clusters]
    seen = np.ones((1, x.shape[1]), bool) if observed is None else observed
    seen_centres = seen if observed is None else seen[centres]

    def signed(x, seen):  # +1 on, -1 off, 0 missing: exact in any order of summation
        return (2.0 * x - 1) * seen

    c = signed(x[centres], seen_centres).astype(np.float32).T
    both_c = seen_centres.astype(np.float32).T
    nearest = np.empty(len(x), np.intp)
    for rows in np.array_split(np.arange(len(x)), -(-len(x) // 4096)):
        here = seen if observed is None else seen[rows]
        agreement = signed(x[rows], here).astype(np.float32) @ c
        if observed is not None:
            agreement /= np.maximum(here.astype(np.float32) @ both_c, 1)
        nearest[rows] = agreement.argmax(axis=1)
    return nearest


#: First partitions by name.
INITIAL = {"random": random_partition, "single": single_partition, "seeded": seeded_partition}
