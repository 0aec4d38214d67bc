"""Annealing: the temperature of the first sweeps of a chain (Kirkpatrick et al. 1983).

At temperature T the move `assign` draws the cluster k of a row with a probability proportional to

    w_k^(1 / sqrt(T))  p(x | k)^(1 / T)

with w_k the prior weight of the cluster, which is its size. A hot row also goes to clusters that
are not the best one for it. So clusters change their form, and they settle in better ones as T
falls to 1. From then on the chain is exact. What it does before is its start, like the first
partition.

The prior has the power 1 / sqrt(T) by experience. With 1 / T, as in simulated annealing, clusters
of many rows shatter. With 1, large clusters swallow small ones.

The temperature is computed from the trace, so a checkpoint needs nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

#: If a hot sweep leaves more than so many times the clusters of the first partition, they shatter.
SHATTERED = 1.25
#: The distance to T = 1 is then multiplied by this.
COOLER = 0.8


class Annealing:
    """The temperature of each sweep of a chain.

    It falls in a straight line, from the root of the total variance of the features to 1.

    Parameters
    ----------
    sweeps : int
        The number of sweeps with a temperature above 1. It may be 0.
    shares : (D,) float64
        The share of rows that have each feature on.
    clusters : int
        The number of clusters of the first partition.
    """

    def __init__(self, sweeps: int, shares: np.ndarray, clusters: int) -> None:
        self.sweeps, self.clusters = sweeps, clusters
        self.made = 0
        # The scores of a row for different clusters differ by about so many nats. The sum is exact,
        # so that it has the same bits on every machine.
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
