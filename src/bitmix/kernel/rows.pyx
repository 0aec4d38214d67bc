"""The rows of a data set, packed as the kernel reads them."""

import numpy as np

from bitmix.kernel.simd cimport LANES, padded


cdef class Rows:
    """Binary rows, packed. All chains share them and none writes to them.

    Parameters
    ----------
    x : (N, D) uint8 array, IN
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
        x = np.ascontiguousarray(x, np.uint8)
        if max(x.shape) > np.iinfo(np.int32).max:
            raise ValueError(f"x has the shape {x.shape}: at most 2**31 - 1 rows or features fit")
        self.shape = x.shape
        seen = np.bitwise_or.reduce(x, axis=0) != 0
        if observed is not None:
            seen[:] = True
        self.active = np.flatnonzero(seen)
        self.never = np.flatnonzero(~seen)
        rank = np.zeros(x.shape[1], np.uint32)
        rank[self.active] = np.arange(len(self.active))
        words = padded(max(len(self.active), 1)) // LANES
        self.start = np.empty(len(x) + 1, np.int64)
        self.bits = np.zeros((len(x), words), np.uint16)
        self.missing = None
        entries = np.count_nonzero(x)
        if observed is None:
            observed = np.empty((0, 0), bool)
        else:
            entries += observed.size - np.count_nonzero(observed)
            padding = np.zeros(words * LANES, bool)
            padding[x.shape[1]:] = True
            padding = np.packbits(padding, bitorder="little").view("<u2")
            self.missing = np.tile(padding, (len(x), 1))
        self.on = np.empty(entries + 1, np.uint32)
        self._pack(x, rank, np.ascontiguousarray(observed).view(np.uint8))

    cdef void _pack(
        self, const uint8_t[:, ::1] x, const uint32_t[::1] rank, const uint8_t[:, ::1] observed
    ) noexcept nogil:
        cdef Py_ssize_t i, d, j = 0
        for i in range(x.shape[0]):
            self.start[i] = j
            for d in range(x.shape[1]):
                self.on[j] = rank[d]  # the next overwrites it unless it is on: faster than a test
                j += x[i, d]
            for d in range(self.start[i], j):
                self.bits[i, self.on[d] // LANES] |= <uint16_t>(1 << self.on[d] % LANES)
            for d in range(observed.shape[1]):
                if not observed[i, d]:
                    self.on[j] = <uint32_t>(observed.shape[1] + d)
                    j += 1
                    self.missing[i, d // LANES] |= <uint16_t>(1 << d % LANES)
        self.start[self.start.shape[0] - 1] = j
