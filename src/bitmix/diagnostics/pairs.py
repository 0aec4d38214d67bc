"""Pairs of rows that may share a cluster."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitmix.arguments import check_integer
from bitmix.blocks import blocks, dense
from bitmix.data import as_binary
from bitmix.diagnostics.statistics import statistics
from bitmix.kernel import permutation
from bitmix.streams import stream


def choose_pairs(
    x: Any, observed: np.ndarray | None = None, number: int = 20, *, seed: int = 0
) -> np.ndarray:
    """Choose pairs of rows, from the nearest neighbours to fairly distant ones.

    The first rows of the pairs are different rows drawn at random. The second row of a pair is the
    r-th nearest of the others, by the share of features that differ. r grows from 1 to a tenth of
    the rows by equal factors. So some pairs nearly always share a cluster, some rarely do, and most
    are uncertain. The choice depends on the data and the seed only.

    Parameters
    ----------
    x : array, PackedRows or matrix of scipy.sparse, shape (N, D)
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
    rows = x.shape[0]
    number = min(check_integer("pairs", number), rows) if rows > 1 else 0
    first = permutation(stream(seed, "pairs"), rows)[:number]
    nearness = np.geomspace(1, max(1, rows // 10), number).round().astype(int)
    second = [
        _of_rank(share, rank)
        for share, rank in zip(_differences(x, observed, first), nearness, strict=True)
    ]
    return np.array([first, second], np.int64).T.reshape(number, 2)


def _differences(x: Any, observed: np.ndarray | None, chosen: np.ndarray) -> np.ndarray:
    """Return the share of features in which each row differs from the chosen ones, (C, N).

    It is 1 for rows without a common feature and -1 for the row itself, which ranks first.
    """
    on = dense(x[chosen]).astype(np.float32)
    seen = np.ones_like(on) if observed is None else observed[chosen].astype(np.float32)
    share = np.ones((len(chosen), x.shape[0]))
    for rows, block in blocks(x):
        block = block.astype(np.float32)  # sums of it are exact
        here = np.ones_like(block) if observed is None else observed[rows].astype(np.float32)
        differ = (seen - 2 * on) @ block.T + on @ here.T
        both = seen @ here.T
        np.divide(differ, both, out=share[:, rows], where=both > 0, dtype=np.float64)
    share[np.arange(len(chosen)), chosen] = -1
    return share


def _of_rank(values: np.ndarray, rank: int) -> int:
    """Return the place of the value of that rank, from 0. Of equal values, the first ranks first.

    This is ``np.argsort(values, kind="stable")[rank]`` without the sort.
    """
    value = np.partition(values, rank)[rank]
    return np.flatnonzero(values == value)[rank - np.count_nonzero(values < value)]


def describe_pairs(together: np.ndarray, pairs: np.ndarray) -> list[dict[str, float]]:
    """Return `Diagnosis.pairs` from whether pairs are together, shape (chains, draws, pairs)."""
    if together.shape[1] == 0:
        return []
    return [
        {"first": int(first), "second": int(second), **statistics(together[:, :, i])}
        for i, (first, second) in enumerate(pairs)
    ]
