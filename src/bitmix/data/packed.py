"""Rows of bits, eight features a byte."""

from __future__ import annotations

from typing import Any

import numpy as np

from bitmix.arguments import check_integer


class PackedRows:
    """Rows of zeros and ones, packed as `numpy.packbits(x, axis=1)` packs them.

    They take an eighth of the memory of the same rows as bytes. Chains and queries are those of the
    unpacked rows, bit for bit.

    Parameters
    ----------
    packed : ndarray of uint8, shape (N, ceil(D / 8))
        The first feature of a byte is its most significant bit. The last bits of a row, which
        belong to no feature, are zero. The array may be mapped from a file.
    features : int
        D

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    >>> x = np.array([[1, 0, 1], [0, 1, 1]], np.uint8)
    >>> PackedRows(np.packbits(x, axis=1), features=3).toarray()
    array([[1, 0, 1],
           [0, 1, 1]], dtype=uint8)
    """

    dtype = np.dtype(np.uint8)  # of the unpacked rows
    ndim = 2

    def __init__(self, packed: np.ndarray, features: int) -> None:
        packed, features = np.asarray(packed), check_integer("features", features)
        width = -(-features // 8)
        if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != width:
            raise ValueError(
                f"packed must be an array of uint8 of shape (N, {width}) for {features} features, "
                f"not {packed.dtype} of shape {packed.shape}: numpy.packbits(x, axis=1) makes it"
            )
        if np.bitwise_or.reduce(packed[:, -1], initial=0) & (0xFF >> (features - 8 * (width - 1))):
            raise ValueError(
                f"packed has bits on beyond feature {features}: the last byte of a row must end in "
                "zeros, as numpy.packbits(x, axis=1) writes them; or set `features`"
            )
        self.packed = packed
        self.shape = (len(packed), features)

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Return some rows, a slice or an array of indices, unpacked."""
        return np.unpackbits(self.packed[rows], axis=1, count=self.shape[1])

    def toarray(self) -> np.ndarray:
        """Return all rows unpacked, uint8 of shape (N, D)."""
        return self[:]

    def only_observed(self, mask: np.ndarray) -> PackedRows:
        """Return the rows with zeros in the features, (D,), that are not observed."""
        return PackedRows(self.packed & np.packbits(mask), self.shape[1])
