"""Zeros and ones: the one place that checks them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitmix.blocks import blocks
from bitmix.data.frames import frame_values, is_frame
from bitmix.data.packed import PackedRows
from bitmix.data.sparse import (
    as_csr,
    as_ones,
    find_wrong_cell,
    has_nan,
    is_sparse,
    only_observed,
)


def as_binary(
    x: Any, observed: np.ndarray | None = None, *, features: int | None = None
) -> tuple[Any, np.ndarray | None]:
    """Return rows as uint8, zero where missing, and the mask of what is observed.

    Parameters
    ----------
    x : array, DataFrame, PackedRows or matrix of scipy.sparse, shape (N, D)
        Zeros and ones where observed, anything elsewhere. NaN means missing. The columns of a
        DataFrame may have other pairs of levels, such as no and yes; see `bitmix.data.levels`.
    observed : array of bool, shape (N, D) or (D,), optional
        True where a feature is observed. With `features`, shape (D,) is one mask for all rows.
    features : int, optional
        The number of features that the rows must have. They are then queries: there may be none,
        and a mask for all rows keeps its shape.

    Returns
    -------
    x : ndarray of uint8, shape (N, D)
        Zero where missing. A sparse matrix stays sparse, in CSR, and packed rows stay packed,
        unless features are missing in some rows only: a mask of all cells is as large as the dense
        rows.
    observed : ndarray of bool, shape (N, D) or (D,), or None
        None if nothing is missing.

    Raises
    ------
    ValueError
        If an argument is not as above. The message names the place and the remedy.
    """
    if is_sparse(x) or isinstance(x, PackedRows):
        _check_form(x, features)
        x = as_csr(x) if is_sparse(x) else x
        for_all_rows = observed is None or (features is not None and np.ndim(observed) == 1)
        if for_all_rows and not has_nan(x):
            return _compact(x, observed)
        x = x.toarray()
    x = _numbers(x, features)
    shapes = (x.shape,) if features is None else (x.shape, x.shape[1:])
    mask = None if observed is None else _mask(observed, shapes)
    if x.dtype.kind == "f" and any(np.isnan(block).any() for _, block in blocks(x)):
        mask = ~np.isnan(x) if mask is None else mask & ~np.isnan(x)
    if mask is not None and features is None:
        mask = None if mask.all() else np.ascontiguousarray(mask)
    if mask is not None:
        x = np.where(mask, x, 0)
    if place := find_wrong(x):
        raise _wrong_value(x[place], *place)
    if x.dtype == bool:
        x = x.view(np.uint8)
    return np.ascontiguousarray(x, dtype=np.uint8), mask


def _compact(x: Any, observed: np.ndarray | None) -> tuple[Any, np.ndarray | None]:
    """Return `as_binary` of a CSR matrix or packed rows, and one mask for all rows, or None."""
    if observed is not None:
        observed = _mask(observed, (x.shape[1:],))
    if isinstance(x, PackedRows):
        return x if observed is None else x.only_observed(observed), observed
    if observed is not None:
        x = only_observed(x, observed)
    if place := find_wrong_cell(x):
        raise _wrong_value(x[place], *place)
    return as_ones(x), observed


def _numbers(x: np.ndarray, features: int | None) -> np.ndarray:
    """Return `x` as an array of numbers with two dimensions, or raise ValueError."""
    x = frame_values(x) if is_frame(x) else np.asarray(x)
    _check_form(x, features)
    return x


def _check_form(x: Any, features: int | None) -> None:
    """Raise ValueError unless `x` has two dimensions and holds numbers."""
    if x.ndim != 2 or x.shape[1] == 0 or (features is None and x.shape[0] == 0):
        raise ValueError(
            f"x must have the shape (N, D) with N and D at least 1, not {x.shape}; "
            "for one row: x[None, :]"
        )
    if features is not None and x.shape[1] != features:
        raise ValueError(
            f"x must have the shape (N, {features}), not {x.shape}; for one row: x[None, :]"
        )
    if x.dtype.kind not in "biuf":
        raise ValueError(
            f"x must hold numbers or booleans, not {x.dtype}; for a list of texts: "
            "pandas.DataFrame(x)"
        )


def _mask(observed: np.ndarray, shapes: tuple[tuple[int, ...], ...]) -> np.ndarray:
    observed = np.asarray(observed)
    if observed.dtype != bool or observed.shape not in shapes:
        allowed = " or ".join(map(str, shapes))
        raise ValueError(
            f"observed must be boolean of shape {allowed}, True where a feature is observed, not "
            f"{observed.dtype} of shape {observed.shape}"
        )
    return observed


def find_wrong(x: np.ndarray) -> tuple[int, int] | None:
    """Return the row and column of the first value that is not 0, 1 or nan, or None."""
    if x.dtype == bool or (x.dtype == np.uint8 and x.max(initial=0) <= 1):
        return None
    for rows, block in blocks(x):
        wrong = (block != 0) & (block != 1)
        if x.dtype.kind == "f":
            wrong &= ~np.isnan(block)
        if wrong.any():
            row, column = np.unravel_index(wrong.argmax(), block.shape)
            return rows.start + int(row), int(column)
    return None


def _wrong_value(value: float, row: int, column: int) -> ValueError:
    return ValueError(
        f"x must hold only 0 and 1, found {value} at row {row}, column {column} (both from 0); "
        "make it binary, e.g. x > threshold, or mark it missing with NaN"
    )
