"""Annealing: the temperature of the first sweeps of a chain (Kirkpatrick et al. 1983).

At temperature T, the move `assign` puts a row in cluster k with a probability proportional to

    w_k^(1 / sqrt(T))  p(x | k)^(1 / T)

with w_k the prior weight of the cluster: in a Dirichlet process the number of its other rows, or
the concentration for a new cluster. If T is above 1, rows go more often to clusters that fit them
less well, so clusters can change. As T falls to 1, the partition settles at a higher log joint.
With T = 1, the chain samples from the posterior. The annealed sweeps only choose where it starts,
as the first partition does.

The power 1 / sqrt(T) of the prior weight was found by trial. With the power 1 / T, as in simulated
annealing, clusters of many rows shatter. With the power 1, large clusters swallow small ones.

The temperature follows from the trace, so a checkpoint does not store it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

#: Clusters shatter if a sweep leaves more than so many times those of the first partition.
SHATTERED = 1.25
#: Each sweep with shattered clusters multiplies T - 1 by this, from the next sweep on.
COOLER = 0.8


class Annealing:
    """The temperature of each sweep of a chain.

    It falls in a straight line to 1, or faster if clusters shatter. It begins at the square root of
    the total variance of the features, the sum of p (1 - p).

    Parameters
    ----------
    sweeps : int
        The number of sweeps with a temperature above 1. 0 anneals none.
    shares : (D,) float64
        p, the share of rows that have each feature on.
    clusters : int
        The most clusters of the first partition.
    """

    def __init__(self, sweeps: int, shares: np.ndarray, clusters: int) -> None:
        self.sweeps, self.clusters = sweeps, clusters
        self.made = 0  # sweeps
        # The scores of a row for two clusters differ by about the root of the variance, in nats.
        # fsum is exact, so it has the same bits on every machine.
        self.excess = max(math.sqrt(math.fsum(shares * (1.0 - shares))) - 1.0, 0.0)

    @property
    def temperature(self) -> float:
        """The temperature of the next sweep."""
        if self.made >= self.sweeps:
            return 1.0
        return 1.0 + self.excess * (1.0 - self.made / self.sweeps)

    def learn(self, entry: Mapping[str, float]) -> None:
        """Take note of a sweep, given the entries of its trace."""
        self.made += 1
        if entry["clusters"] > SHATTERED * self.clusters:
            self.excess *= COOLER
