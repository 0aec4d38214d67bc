"""Pairs of rows that may share a cluster."""

from __future__ import annotations

import numpy as np

from bitmix.arguments import check_integer
from bitmix.data import as_binary
from bitmix.diagnostics.statistics import statistics
from bitmix.kernel import permutation
from bitmix.streams import stream


def choose_pairs(
    x: np.ndarray, observed: np.ndarray | None = None, number: int = 20, *, seed: int = 0
) -> np.ndarray:
    """Choose pairs of rows, from the nearest neighbours to fairly distant ones.

    The first rows of the pairs are different rows drawn at random. The second row of a pair is the
    r-th nearest of the others, by the share of features that differ. r grows from 1 to a tenth of
    the rows by equal factors. So some pairs nearly always share a cluster, some rarely do, and most
    are uncertain. The choice depends on the data and the seed only.

    Parameters
    ----------
    x : array, shape (N, D)
    observed : array of bool, shape (N, D), optional
        Features missing in either row of a pair do not count.
    number : int, default 20
        The number of pairs, at most N; none if there is only one row.
    seed : int, default 0

    Returns
    -------
    pairs : ndarray of int64, shape (number, 2)
        Rows of `x`.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x, observed = as_binary(x, observed)
    rows = len(x)
    number = min(check_integer("pairs", number), rows) if rows > 1 else 0
    first = permutation(stream(seed, "pairs"), rows)[:number]
    nearness = np.geomspace(1, max(1, rows // 10), number).round().astype(int)
    second = [
        np.argsort(_differences(x, observed, row), kind="stable")[rank]
        for row, rank in zip(first, nearness, strict=True)
    ]
    return np.array([first, second], np.int64).T.reshape(number, 2)


def _differences(x: np.ndarray, observed: np.ndarray | None, row: int) -> np.ndarray:
    """Return the share of features in which each row differs from row `row`, shape (N,).

    It is 1 for rows without a common feature and -1 for the row itself, which sorts first.
    """
    differ = x != x[row]
    if observed is None:
        share = differ.mean(axis=1)
    else:
        both = observed & observed[row]
        share = np.ones(len(x))
        np.divide((differ & both).sum(axis=1), both.sum(axis=1), out=share, where=both.any(axis=1))
    share[row] = -1
    return share


def describe_pairs(together: np.ndarray, pairs: np.ndarray) -> list[dict[str, float]]:
    """Return `Diagnosis.pairs` from whether pairs are together, shape (chains, draws, pairs)."""
    if together.shape[1] == 0:
        return []
    return [
        {"first": int(first), "second": int(second), **statistics(together[:, :, i])}
        for i, (first, second) in enumerate(pairs)
    ]
