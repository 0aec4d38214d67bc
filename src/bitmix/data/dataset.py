"""Binary data sets."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitmix import kernel
from bitmix.blocks import blocks
from bitmix.data.binary import as_binary
from bitmix.streams import stream


@dataclass(frozen=True, eq=False)
class Dataset:
    """Binary rows, with labels and an image shape if they have them.

    Parameters
    ----------
    x : ndarray of uint8, shape (N, D)
        The rows: zeros and ones.
    labels : ndarray of integers or text, shape (N,), optional
        The label of each row. The model never sees labels.
    image_shape : (rows, columns), optional
        The shape of each row as an image; rows * columns == D.
    observed : ndarray of bool, shape (N, D), optional
        False where a feature is missing. `x` is 0 there. None if nothing is missing.
    feature_names : sequence of str, length D, optional
        The name of each feature. All are different.
    levels : sequence of (str, str), length D, optional
        The two answers that each feature has in its source, such as ("no", "yes"), 0 first. None
        if the source has zeros and ones.
    label_name : str, optional
        The name of the labels in the source.
    row_ids : ndarray of text, shape (N,), optional
        What names each row in the source.
    id_name : str, optional
        The name of the ids in the source.
    source_rows : ndarray of int64, shape (N,), optional
        The place of each row in the source, from 0. None if the rows have the order of the source.

    Raises
    ------
    ValueError
        If an array has the wrong type, shape or values.
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    image_shape: tuple[int, int] | None = None
    observed: np.ndarray | None = None
    feature_names: tuple[str, ...] | None = None
    levels: tuple[tuple[str, str], ...] | None = None
    label_name: str | None = None
    row_ids: np.ndarray | None = None
    id_name: str | None = None
    source_rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        x, shape, observed = self.x, self.image_shape, self.observed
        if not (isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype == np.uint8):
            raise ValueError(
                f"x must be a uint8 array of shape (N, D), not {_describe(x)}; "
                "use np.asarray(x, dtype=np.uint8)"
            )
        if x.size == 0:
            raise ValueError(f"x must have at least one row and one feature, not shape {x.shape}")
        as_binary(x)
        self._check_per_row("labels", "integers or text", "iuU")
        self._check_per_row("row_ids", "text", "U")
        self._check_per_row("source_rows", "integers", "iu")
        self._set_per_feature("feature_names", "names", str)
        self._set_per_feature("levels", "pairs of answers", lambda pair: tuple(map(str, pair)))
        if shape is not None and (len(shape) != 2 or shape[0] * shape[1] != x.shape[1]):
            raise ValueError(
                f"image_shape must be (rows, columns) with {x.shape[1]} pixels, not {shape}"
            )
        if observed is not None:
            if not (
                isinstance(observed, np.ndarray)
                and observed.dtype == bool
                and observed.shape == x.shape
            ):
                raise ValueError(
                    f"observed must be a boolean array of the shape of x, {x.shape}, "
                    f"not {_describe(observed)}"
                )
            if x[~observed].any():
                raise ValueError("x must be 0 where a feature is missing; use x * observed")
            if observed.all():
                object.__setattr__(self, "observed", None)

    def _check_per_row(self, name: str, what: str, kinds: str) -> None:
        array, rows = getattr(self, name), len(self.x)
        if array is not None and not (
            isinstance(array, np.ndarray) and array.shape == (rows,) and array.dtype.kind in kinds
        ):
            raise ValueError(
                f"{name} must be an array of {what} of shape ({rows},), not {_describe(array)}"
            )

    def _set_per_feature(self, name: str, what: str, form: Callable[[Any], Any]) -> None:
        given, features = getattr(self, name), self.x.shape[1]
        if given is None:
            return
        items = tuple(map(form, given))
        if len(items) != features:
            raise ValueError(f"{name} must be {features} {what}, not {len(items)}")
        object.__setattr__(self, name, items)

    @property
    def sha256(self) -> str:
        """The sha256 of `x` and, if features are missing, of `observed`; see `data_sha256`."""
        return data_sha256(self.x, self.observed)

    @property
    def values(self) -> np.ndarray:
        """The rows as float64, shape (N, D), nan where a feature is missing."""
        x = self.x.astype(float)
        return x if self.observed is None else np.where(self.observed, x, np.nan)

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """Return a data set of some rows, chosen by indices, a mask or a slice.

        The rows keep their ids and their places in the source.
        """
        per_row = {
            "x": self.x,
            "labels": self.labels,
            "observed": self.observed,
            "row_ids": self.row_ids,
            "source_rows": self._places(),
        }
        return replace(
            self, **{name: array[rows] for name, array in per_row.items() if array is not None}
        )

    def in_source_order(self) -> np.ndarray:
        """Return the rows in the order of the source: indices that sort them, shape (N,)."""
        return np.argsort(self._places(), kind="stable")

    def _places(self) -> np.ndarray:
        return np.arange(len(self.x)) if self.source_rows is None else self.source_rows

    def first(self, limit: int | None) -> Dataset:
        """Return the first rows, or all of them if `limit` is None.

        Raises
        ------
        ValueError
            If there are fewer than `limit` rows.
        """
        if limit is None:
            return self
        if limit > len(self.x):
            raise ValueError(
                f"limit is {limit:,}, but there are only {len(self.x):,} rows: set a lower limit"
            )
        return self.take(slice(limit))


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return repr(value)


def data_sha256(x: Any, observed: np.ndarray | None = None) -> str:
    """Return the sha256, in hex, of the rows `x` as uint8. Their order matters.

    A sparse matrix has the sha256 of the dense rows. With missing features, the mask `observed`
    follows, one byte a feature.
    """
    digest = hashlib.sha256()
    for array in (x,) if observed is None else (x, observed):
        for _, block in blocks(array):
            digest.update(np.ascontiguousarray(block, dtype=np.uint8))
    return digest.hexdigest()


def shuffle(dataset: Dataset, seed: int) -> Dataset:
    """Return the data set in random order.

    bitmix computes the permutation itself from the bits of PCG64. NumPy promises these bits across
    versions, but not the results of `Generator.permutation`.

    Parameters
    ----------
    dataset : Dataset
    seed : int
        Zero or more. The same seed gives the same order everywhere.
    """
    return dataset.take(kernel.permutation(stream(seed), len(dataset.x)))


def binarise(images: np.ndarray, labels: np.ndarray | None = None, threshold: int = 0) -> Dataset:
    """Return grey images as a data set. A pixel is on if its level is above the threshold.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, rows, columns), or (N, D) if they are no images
    labels : ndarray, shape (N,), optional
    threshold : int
        0 to 254.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    x = (images > check_threshold(threshold)).view(np.uint8).reshape(len(images), -1)
    return Dataset(x, labels, images.shape[1:] if images.ndim == 3 else None)


def check_threshold(threshold: int) -> int:
    try:
        level = operator.index(threshold)
    except TypeError:
        level = -1
    if isinstance(threshold, bool) or not 0 <= level <= 254:
        raise ValueError(f"threshold must be an integer from 0 to 254, not {threshold!r}")
    return level
