"""Scoring a row for all clusters at once."""

import numpy as np

from libc.math cimport INFINITY

from bitmix.kernel.simd cimport LANES, NARROW

from bitmix.kernel.arrays import grown


cdef enum:
    FEW = 128  # with fewer clusters, writing columns takes longer than reading them


cdef class Columns(Index):
    """The weights transposed, clusters side by side, so that one pass scores them together."""

    def __init__(self):
        self.apart = LANES
        self.screens = False
        self.arrays = {}

    cdef int reserve(self, Mixture mixture) except -1:
        cdef Py_ssize_t room = mixture.base.shape[0]
        if not self.arrays or self.weights.shape[0] * LANES < room:
            # An odd number of cache lines from block to block: powers of two alias in the cache.
            shape = (room // LANES, max(mixture.entries, mixture.features) | 1, LANES)
            self.weights = grown(self.arrays, "weights", shape, np.float32)
        self.stride = self.weights.shape[1] * self.apart
        return 0

    cdef void lay_out(self, Mixture mixture) noexcept:
        """Decide how many clusters are side by side. `prepare` must follow."""
        few = mixture.clusters < FEW and mixture.entries == mixture.active
        self.apart = NARROW if few else LANES

    cdef float *weights_of(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        return &self.weights[0, 0, 0] + k // self.apart * self.stride + k % self.apart

    cdef Py_ssize_t choose(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, double u
    ) noexcept nogil:
        cdef Py_ssize_t start = mixture.rows.start[i]
        cdef Py_ssize_t blocks = mixture.clusters // LANES + 1
        cdef Py_ssize_t k, scored = mixture.clusters // self.apart + 1
        mixture.simd.score(
            &self.weights[0, 0, 0], self.apart, self.stride,
            &mixture.rows.on[start], mixture.rows.start[i + 1] - start,
            &mixture.base[0], scored, &mixture.scores[0],
        )
        for k in range(scored * self.apart, blocks * LANES):
            mixture.scores[k] = -INFINITY
        mixture.scores[own] = mixture.score_without(i, own)
        return mixture.draw(blocks, u, 0.0)

    cdef Py_ssize_t count_likely(self, Mixture mixture, double least) noexcept nogil:
        """Return how many clusters have more than `least` times the greatest probability.

        It is for the row that `choose` has just scored.
        """
        cdef Py_ssize_t k, number = 0
        for k in range(mixture.clusters + 1):
            number += mixture.scratch[k] > least
        return number
