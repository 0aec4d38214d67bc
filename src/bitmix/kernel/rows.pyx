"""The rows of a data set, packed as the kernel reads them."""

import numpy as np

from bitmix.kernel.simd cimport LANES, padded

from bitmix.blocks import blocks


cdef class Rows:
    """Binary rows, packed. All chains share them and none writes to them.

    Parameters
    ----------
    x : (N, D) uint8 array, PackedRows or matrix of scipy.sparse, IN
        Zeros and ones.
    observed : (N, D) bool array, IN, optional
        False where a feature is missing; `x` is then zero there.

    Attributes
    ----------
    shape : (N, D)
    active, never : arrays of int
        The features that are on in some row, ascending, and those that are on in no row. With
        missing features, all are active, because features that are never on then differ too.

    Raises
    ------
    ValueError
        If there are more rows or features than 32 bits can count.
    """

    def __init__(self, x, observed=None):
        if max(x.shape) > np.iinfo(np.int32).max:
            raise ValueError(f"x has the shape {x.shape}: at most 2**31 - 1 rows or features fit")
        n, features = self.shape = x.shape
        seen = np.zeros(features, np.uint8)
        entries = 0
        for _, block in blocks(x):
            seen |= np.bitwise_or.reduce(block, axis=0)
            entries += np.count_nonzero(block)
        if observed is not None:
            seen[:] = 1
        self.active = np.flatnonzero(seen)
        self.never = np.flatnonzero(seen == 0)
        rank = np.zeros(features, np.uint32)
        rank[self.active] = np.arange(len(self.active))
        words = padded(max(len(self.active), 1)) // LANES
        self.start = np.zeros(n + 1, np.int64)
        self.bits = np.zeros((n, words), np.uint16)
        self.missing = None
        if observed is not None:
            entries += observed.size - np.count_nonzero(observed)
            padding = np.zeros(words * LANES, bool)
            padding[features:] = True
            padding = np.packbits(padding, bitorder="little").view("<u2")
            self.missing = np.tile(padding.astype(np.uint16), (n, 1))
        self.on = np.empty(entries + 1, np.uint32)
        for rows, block in blocks(x):
            here = np.empty((0, 0), bool) if observed is None else observed[rows]
            self._pack(
                rows.start, np.ascontiguousarray(block, np.uint8), rank,
                np.ascontiguousarray(here).view(np.uint8),
            )

    cdef void prefetch(self, Py_ssize_t i) noexcept nogil:
        """Fetch the features of row i into the cache, where rows come in random order."""
        cdef Py_ssize_t j
        prefetch(&self.bits[i, 0])
        for j in range(self.start[i], self.start[i + 1], 16):
            prefetch(&self.on[j])

    cdef void _pack(
        self, Py_ssize_t first, const uint8_t[:, ::1] x, const uint32_t[::1] rank,
        const uint8_t[:, ::1] observed,
    ) noexcept nogil:
        """Pack a block of rows, x and observed, of which the first is row `first`."""
        cdef Py_ssize_t i, d, row, j = self.start[first]
        for row in range(x.shape[0]):
            i = first + row
            for d in range(x.shape[1]):
                self.on[j] = rank[d]  # the next overwrites it unless it is on: faster than a test
                j += x[row, d]
            for d in range(self.start[i], j):
                self.bits[i, self.on[d] // LANES] |= <uint16_t>(1 << self.on[d] % LANES)
            for d in range(observed.shape[1]):
                if not observed[row, d]:
                    self.on[j] = <uint32_t>(observed.shape[1] + d)
                    j += 1
                    self.missing[i, d // LANES] |= <uint16_t>(1 << d % LANES)
            self.start[i + 1] = j
