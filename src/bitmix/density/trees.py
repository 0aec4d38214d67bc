"""Features that depend on each other within a cluster: a decision tree for each feature.

The features have an order. Each has a decision tree over the features before it. In cluster k, a
row that reaches leaf l of the tree of feature d has the feature on with probability theta_kdl,

    p(x | k) = prod_d p(x_d | leaf_d(x_1, ..., x_d-1), k)

This is a Bayesian network with decision trees as conditional distributions (Friedman and Goldszmidt
1996, "Learning Bayesian networks with local structure"), whose trees all clusters share. The model
of bitmix samples it as it is: each leaf becomes a feature of its own, which is observed only in the
rows that reach the leaf. So theta_kdl ~ Beta(alpha_dl, beta_dl) is integrated out exactly, and the
density of a complete row sums to one. A tree of one leaf is a feature that is independent of the
others within a cluster.

The trees come from the rows alone, before any cluster. They are grown greedily under a prior that
gives a node a split with probability 1/2 and draws the split's feature uniformly, with a uniform
prior on the probability in each leaf (Buntine 1992, "Learning classification trees", eq. 8).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from bitmix import kernel

Path = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Trees:
    """A decision tree for each feature, as its leaves.

    Parameters
    ----------
    features : tuple of int, length L
        The feature of each leaf, ascending.
    paths : tuple, length L
        The conditions that lead to each leaf, as pairs (feature, value).
    """

    features: tuple[int, ...]
    paths: tuple[Path, ...]

    def expand(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return complete rows with a feature for each leaf, and the mask of the leaves reached.

        Parameters
        ----------
        x : ndarray of uint8, shape (N, D)
            Zeros and ones; nothing is missing.

        Returns
        -------
        expanded : ndarray of uint8, shape (N, L)
            The feature of each leaf, 0 in rows that do not reach the leaf.
        observed : ndarray of bool, shape (N, L)
            True where a row reaches the leaf: D times in each row.
        """
        columns = np.asfortranarray(x).T  # a feature is contiguous
        observed = np.ones((len(self.paths), len(x)), bool)
        for reached, path in zip(observed, self.paths, strict=True):
            for feature, value in path:
                reached &= columns[feature] == value
        expanded = columns[list(self.features)] * observed
        return np.ascontiguousarray(expanded.T), np.ascontiguousarray(observed.T)


def grow_trees(x: np.ndarray, order: Sequence[int], leaves: int) -> Trees:
    """Grow the tree of each feature over the features before it.

    Each step makes the split that raises the posterior probability of the tree the most, until no
    split raises it. All sums are of whole numbers, and logarithms are those of the kernel, so the
    trees are the same on every machine.

    Parameters
    ----------
    x : ndarray of uint8, shape (N, D)
        Complete rows, below 2^24 of them.
    order : sequence of int, length D
        The order of the features.
    leaves : int
        The largest number of leaves of a tree.
    """
    places = np.asarray(order)
    rows = x[:, places].astype(np.float32)
    log_factorial = np.append(0.0, np.cumsum(kernel.vecmath("log_f64", np.arange(1.0, len(x) + 2))))
    found = []
    for place, feature in enumerate(places.tolist()):
        for path in _grow(rows[:, :place], rows[:, place], leaves, log_factorial):
            found.append((feature, tuple((int(places[other]), value) for other, value in path)))
    found.sort(key=lambda leaf: leaf[0])  # stable: leaves keep their order
    features, paths = zip(*found, strict=True)
    return Trees(features, paths)


@dataclass(order=True)
class _Leaf:
    """A leaf and its best split, by falling gain in log probability."""

    cost: float
    number: int
    feature: int = field(compare=False)
    path: Path = field(compare=False)
    rows: np.ndarray | slice = field(compare=False)


def _grow(x: np.ndarray, y: np.ndarray, leaves: int, log_factorial: np.ndarray) -> list[Path]:
    """Return the paths of the leaves of the tree of `y` over the features `x`."""
    heap: list[_Leaf] = []

    def add(path: Path, rows: np.ndarray | slice, last: bool) -> None:
        gain, feature = (0.0, 0) if last else _best_split(x[rows], y[rows], log_factorial)
        heapq.heappush(heap, _Leaf(-gain, next(numbers), feature, path, rows))

    numbers = count()
    add((), slice(None), leaves == 1 or x.shape[1] == 0)
    while heap[0].cost < 0:
        best = heapq.heappop(heap)
        on = x[best.rows, best.feature] > 0
        members = np.arange(len(y))[best.rows]
        last = len(heap) + 2 == leaves
        add((*best.path, (best.feature, 1)), members[on], last)
        add((*best.path, (best.feature, 0)), members[~on], last)
        if last:
            break
    return [leaf.path for leaf in sorted(heap, key=lambda leaf: leaf.number)]


def _best_split(x: np.ndarray, y: np.ndarray, log_factorial: np.ndarray) -> tuple[float, int]:
    """Return the gain in log posterior probability of the best split, in nats, and its feature.

    A leaf with h of n rows on has the marginal probability h! (n - h)! / (n + 1)!. A split with
    one of D features multiplies the prior probability of the tree by 1 / (4 D).
    """

    def log_marginal(on: np.ndarray, all_rows: np.ndarray) -> np.ndarray:
        off = all_rows - on
        return log_factorial[on] + log_factorial[off] - log_factorial[all_rows + 1]

    n, h = len(y), int(y.sum())
    if h in (0, n):  # no split helps
        return 0.0, 0
    both = np.stack([np.ones_like(y), y]) @ x  # exact: whole numbers below 2^24
    with_on, on_and_on = both.astype(np.intp)
    gains = log_marginal(on_and_on, with_on) + log_marginal(h - on_and_on, n - with_on)
    gains -= log_marginal(h, n) + np.log(4.0 * x.shape[1])
    best = int(gains.argmax())
    return float(gains[best]), best
