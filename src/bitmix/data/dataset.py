"""Binary data sets."""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
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

    Raises
    ------
    ValueError
        If an array has the wrong type, shape or values.
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    image_shape: tuple[int, int] | None = None
    observed: np.ndarray | None = None

    def __post_init__(self) -> None:
        x, labels, shape, observed = self.x, self.labels, self.image_shape, self.observed
        if not (isinstance(x, np.ndarray) and x.ndim == 2 and x.dtype == np.uint8):
            raise ValueError(
                f"x must be a uint8 array of shape (N, D), not {_describe(x)}; "
                "use np.asarray(x, dtype=np.uint8)"
            )
        if x.size == 0:
            raise ValueError(f"x must have at least one row and one feature, not shape {x.shape}")
        as_binary(x)
        if labels is not None and not (
            isinstance(labels, np.ndarray)
            and labels.shape == x.shape[:1]
            and labels.dtype.kind in "iuU"
        ):
            raise ValueError(
                f"labels must be an array of integers or text of shape ({len(x)},), "
                f"not {_describe(labels)}"
            )
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
        """Return a data set of some rows, chosen by indices, a mask or a slice."""
        labels, observed = (
            None if array is None else array[rows] for array in (self.labels, self.observed)
        )
        return Dataset(self.x[rows], labels, self.image_shape, observed)

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
