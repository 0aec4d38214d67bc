"""Finding the classes in the consensus and in every state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from bitmix.chains import Latent
from bitmix.partitions import Consensus, consensus

_MOST_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Classes:
    """C classes of N rows, and where they are in S states.

    Parameters
    ----------
    states : sequence of Latent, of length S
    clusters : ndarray of int, shape (S, C)
        The cluster that is this class in each state; -1 where the state does not have the class.
    memberships : ndarray of float64, shape (N, C + 1)
        The share of the states in which a row is in each class. The last column is the share in
        which it is in a cluster that is no class.
    consensus : Consensus
        The consensus that the search for the classes starts from.
    """

    states: Sequence[Latent]
    clusters: np.ndarray
    memberships: np.ndarray
    consensus: Consensus

    @property
    def number(self) -> int:
        """The number of classes, C."""
        return self.clusters.shape[1]

    @property
    def assignments(self) -> np.ndarray:
        """The most probable class of each row from 0, or -1 where that is none, shape (N,)."""
        best = self.memberships.argmax(axis=1)
        return np.where(best == self.number, -1, best)

    @property
    def sizes(self) -> np.ndarray:
        """The number of rows with each class as their most probable one, shape (C,)."""
        return np.bincount(self.assignments + 1, minlength=self.number + 1)[1:]

    @property
    def found(self) -> np.ndarray:
        """The share of the states that have each class, shape (C,)."""
        return (self.clusters >= 0).mean(axis=0)

    def of_clusters(self, state: int) -> np.ndarray:
        """Return the class of each cluster of a state, C if none, shape (K + 1,).

        The last is that of a new cluster, which is no class.
        """
        return _as_classes(self.clusters[state], len(self.states[state].sizes) + 1)


def find_classes(
    latents: Sequence[Latent],
    x: np.ndarray | None = None,
    observed: np.ndarray | None = None,
    *,
    warmup: int | None = None,
    seed: int = 0,
) -> Classes:
    """Return the groups of rows that more than half of the states have as a cluster.

    The clusters of the consensus are the first classes. Each state matches its clusters to the
    classes, one to one, so that as many rows as possible agree. The most frequent class of each row
    then gives better classes, and so on until nothing changes: the algorithm of equivalence classes
    representatives, iterative version (Papastamoulis and Iliopoulos 2010; Papastamoulis 2016,
    "label.switching", J. Stat. Softw. 69). States may have different numbers of clusters, so
    some stay unmatched.

    At the end, a state has a class only if more than half of the rows in either the class or its
    cluster are in both: their Jaccard index is above 1/2. Otherwise the class is dissolved in that
    state (Hennig 2007, "Cluster-wise assessment of cluster stability").

    Parameters
    ----------
    latents : sequence of Latent
        Chains of the same rows, at least one. Their kept states after the warmup count, or the last
        state of a chain that kept none.
    x : array, shape (N, D)
        The rows that the chains were sampled from. Only chains without kept states do without.
    observed : array of bool, shape (N, D), optional
        Their mask, if features are missing. NaN in `x` means missing too.
    warmup : int, optional
        Sweeps to leave out; half of them by default.
    seed : int, default 0
        The seed of the search for the consensus.

    Returns
    -------
    classes : Classes
        Largest first. There may be none, if the states do not agree.

    Raises
    ------
    ValueError
        If the chains were sampled from other rows, or the warmup leaves no sweep.
    """
    states = [state for latent in latents for state in latent.states(x, observed, warmup)]
    assignments = np.stack([state.assignments for state in states])
    found = consensus(assignments, seed=seed)
    pivot = _settled(found.assignments, assignments)
    clusters = np.stack([_match(pivot, z, 0.5) for z in assignments])
    clusters = clusters[:, (clusters >= 0).mean(axis=0) > 0.5]
    classes = Classes(states, clusters, _memberships(assignments, clusters), found)
    order = np.argsort(-classes.sizes, kind="stable")
    columns = np.append(order, len(order))
    return Classes(states, clusters[:, order], classes.memberships[:, columns], found)


def _settled(pivot: np.ndarray, assignments: np.ndarray) -> np.ndarray:
    """Return the most frequent class of each row, given that of a pivot for a start, shape (N,).

    Classes are numbered from 1; 0 is no class.
    """
    pivot = pivot + 1
    for _ in range(_MOST_ROUNDS):
        memberships = _memberships(assignments, np.stack([_match(pivot, z) for z in assignments]))
        before, pivot = pivot, (memberships.argmax(axis=1) + 1) % memberships.shape[1]
        if (before == pivot).all():
            break
        pivot = np.unique(np.append(pivot, 0), return_inverse=True)[1][:-1]  # no empty class
    return pivot


def _match(pivot: np.ndarray, partition: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Return the cluster of a partition that matches each class 1, 2, ... of a pivot, or -1.

    The Jaccard index of a match is above `least`.
    """
    size, other_size = np.bincount(pivot), np.bincount(partition)
    cells = pivot * len(other_size) + partition
    shared = np.bincount(cells, minlength=len(size) * len(other_size))
    shared = shared.reshape(len(size), len(other_size))[1:]
    classes, clusters = linear_sum_assignment(shared, maximize=True)
    both = shared[classes, clusters]
    match = both > least * (size[1:][classes] + other_size[clusters] - both)
    found = np.full(len(shared), -1)
    found[classes[match]] = clusters[match]
    return found


def _memberships(assignments: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return the share of the states in which each row is in each class, and in none."""
    rows, classes = assignments.shape[1], clusters.shape[1]
    counts = np.zeros((rows, classes + 1))
    for z, found in zip(assignments, clusters, strict=True):
        counts[np.arange(rows), _as_classes(found, z.max() + 1)[z]] += 1
    return counts / len(assignments)


def _as_classes(found: np.ndarray, clusters: int) -> np.ndarray:
    """Return the class of each cluster from the cluster of each class; C where there is none."""
    classes = np.full(clusters, len(found))
    present = np.flatnonzero(found >= 0)
    classes[found[present]] = present
    return classes
