"""First partitions of a chain.

All take the rows x, (N, D) uint8 or sparse, their mask (None if nothing is missing), the number of
clusters and the bit generator of the chain. They return the cluster of each row, in any numbering.
"""

from __future__ import annotations

import numpy as np

from bitmix import kernel
from bitmix.blocks import blocks, dense


def random_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return a cluster for each row, uniformly at random, shape (N,)."""
    return kernel.integers(generator, clusters, x.shape[0])


def single_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return the same cluster for each row, shape (N,)."""
    return np.zeros(x.shape[0], np.intp)


def seeded_partition(x, observed, clusters, generator) -> np.ndarray:
    """Return for each row the nearest of `clusters` rows drawn at random, shape (N,).

    The distance is the Hamming distance. With missing features, it is the share of features that
    differ among those observed in both rows.
    """
    centres = kernel.permutation(generator, x.shape[0])[:clusters]
    seen = np.ones((1, x.shape[1]), bool) if observed is None else observed
    seen_centres = seen if observed is None else seen[centres]

    def signed(x, seen):  # +1 on, -1 off, 0 missing: exact in any order of summation
        return (np.float32(2) * x - 1) * seen

    c = signed(dense(x[centres]), seen_centres).T
    both_c = seen_centres.astype(np.float32).T
    nearest = np.empty(x.shape[0], np.intp)
    for rows, block in blocks(x):
        here = seen if observed is None else seen[rows]
        agreement = signed(block, here) @ c
        if observed is not None:
            agreement /= np.maximum(here.astype(np.float32) @ both_c, 1)
        nearest[rows] = agreement.argmax(axis=1)
    return nearest


#: First partitions by name.
INITIAL = {"random": random_partition, "single": single_partition, "seeded": seeded_partition}
