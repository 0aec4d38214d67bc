"""Sparse matrices of zeros and ones, without importing scipy.sparse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array, csr_matrix


def is_sparse(x: Any) -> bool:
    """Return whether `x` is a matrix or array of scipy.sparse."""
    return hasattr(x, "tocsr")


def as_csr(x: Any) -> csr_matrix | csr_array:
    """Return a sparse matrix as CSR with each cell once, in order. `x` stays as it is."""
    x = x.tocsr()
    if not x.has_canonical_format:
        x = x.copy()
        x.sum_duplicates()
    return x


def has_nan(x: Any) -> bool:
    return x.dtype.kind == "f" and bool(np.isnan(x.data).any())


def only_observed(x: csr_matrix | csr_array, mask: np.ndarray) -> csr_matrix | csr_array:
    """Return the matrix with zeros in the features, (D,), that are not observed."""
    return _with_data(x, np.where(mask[x.indices], x.data, 0))


def find_wrong_cell(x: csr_matrix | csr_array) -> tuple[int, int] | None:
    """Return the row and column of the first value that is not 0 or 1, or None."""
    wrong = (x.data != 0) & (x.data != 1)
    if not wrong.any():
        return None
    cell = wrong.argmax()
    return int(np.searchsorted(x.indptr, cell, side="right")) - 1, int(x.indices[cell])


def as_ones(x: csr_matrix | csr_array) -> csr_matrix | csr_array:
    """Return a matrix of zeros and ones as uint8 that stores the ones alone.

    It shares the indices of `x` unless `x` stores zeros.
    """
    ones = _with_data(x, x.data.astype(np.uint8))
    if not ones.data.all():
        ones = ones.copy()
        ones.eliminate_zeros()
    return ones


def _with_data(x: csr_matrix | csr_array, data: np.ndarray) -> csr_matrix | csr_array:
    return type(x)((data, x.indices, x.indptr), x.shape)
