"""How often rows share a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bitmix.partitions.numbering import as_labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK = 1000  # rows of a sparse matrix that are computed at once


def coclustering(
    assignments: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray | None = None,
    *,
    most_memory: float = 2e9,
) -> np.ndarray:
    """Return the share of partitions in which rows share a cluster.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
    rows, columns : arrays of int, shapes (R,) and (C,)
        Indices of rows. `columns` are the same as `rows` by default. The result has R x C entries,
        so choose a few.
    most_memory : float, default 2 GB
        The most bytes that the result may take.

    Returns
    -------
    probabilities : ndarray of float64, shape (R, C)

    Raises
    ------
    ValueError
        If an argument is not as above, or the result would take too much memory.
    """
    labels = as_labels(assignments)
    rows = _indices("rows", rows, labels.shape[1])
    columns = rows if columns is None else _indices("columns", columns, labels.shape[1])
    _check_memory(
        f"the {rows.size:,} x {columns.size:,} probabilities take",
        8.0 * rows.size * columns.size,
        most_memory,
        "ask for fewer rows, or for `coclustering_above` a threshold",
    )
    together = np.zeros((rows.size, columns.size))
    for partition in labels:
        together += partition[rows, None] == partition[columns]
    return together / len(labels)


def coclustering_above(
    assignments: np.ndarray, threshold: float, *, most_memory: float = 2e9
) -> csr_array:
    """Return the probabilities of sharing a cluster above a threshold, as a sparse matrix.

    Parameters
    ----------
    assignments : array of int, shape (S, N)
    threshold : float
        Above 0, at most 1. A lower threshold gives more entries.
    most_memory : float, default 2 GB
        The most bytes that the result may take.

    Returns
    -------
    probabilities : csr_array of float64, shape (N, N)
        Symmetric, with ones in the diagonal. Values below the threshold are not stored.

    Raises
    ------
    ValueError
        If an argument is not as above, or the result might take too much memory. The number of its
        entries is at most the mean number of pairs that share a cluster, divided by the threshold.
    """
    from scipy import sparse  # slow to import, and used only here

    labels = as_labels(assignments)
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    size, n = labels.shape
    sizes = [np.bincount(row) for row in labels]
    pairs = sum(float(np.dot(n, n)) for n in sizes) / size
    _check_memory(
        f"the probabilities from {threshold} take up to",
        min(pairs / threshold, float(n) ** 2) * 12,
        most_memory,
        "ask for a higher threshold, or for `coclustering` of some rows",
    )
    offsets = np.cumsum([0, *map(len, sizes)])
    columns = (labels + offsets[:-1, None]).T.ravel()
    starts = np.arange(0, columns.size + 1, size)
    member = sparse.csr_array((np.ones(columns.size), columns, starts), (n, offsets[-1]))
    blocks = []
    for first in range(0, n, _BLOCK):
        block = member[first : first + _BLOCK] @ member.T
        block.data /= size
        block.data[block.data < threshold] = 0
        block.eliminate_zeros()
        blocks.append(block)
    probabilities = sparse.vstack(blocks, format="csr")
    probabilities.sort_indices()
    return probabilities


def _indices(name: str, chosen: np.ndarray, number: int) -> np.ndarray:
    """Return chosen rows as indices, or raise ValueError if one does not exist."""
    chosen = np.asarray(chosen)
    if chosen.ndim != 1 or not (chosen.dtype.kind in "iu" or chosen.size == 0):
        raise ValueError(
            f"{name} must be whole numbers of one dimension, not {chosen.dtype} of shape "
            f"{chosen.shape}; for a mask: np.flatnonzero(mask)"
        )
    outside = chosen[(chosen < 0) | (chosen >= number)]
    if outside.size:
        raise ValueError(f"{name} must be from 0 to {number - 1}, found {outside[0]}")
    return chosen.astype(np.intp)


def _check_memory(what: str, needed: float, most: float, remedy: str) -> None:
    if needed > most:
        raise ValueError(
            f"{what} {needed / 1e9:.3g} GB, more than most_memory, {most / 1e9:.3g} GB: {remedy}"
        )
