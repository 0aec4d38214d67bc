"""Rows, a block at a time: sparse and packed rows need no dense copy in full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_CELLS = 2**22  # of a block


def dense(x: Any) -> np.ndarray:
    """Return rows as an array: one, packed rows, or a matrix of scipy.sparse."""
    return x.toarray() if hasattr(x, "toarray") else x


def blocks(x: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of `x`, shape (N, D), in blocks of about 4 million cells.

    Parameters
    ----------
    x : array, PackedRows or matrix of scipy.sparse, shape (N, D)

    Yields
    ------
    rows : slice
        Which rows these are.
    block : ndarray, shape (rows, D)
        The rows. A view if `x` is an array.
    """
    n, features = x.shape
    step = max(1, _CELLS // features)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, dense(x[rows])
