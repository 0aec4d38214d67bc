"""Screening: skip clusters that are too improbable for a row, without changing the draw.

Once clusters differ, all but a few have a probability below exp(-MARGIN) times the greatest. These
few are the candidates, and only they are scored. Sums of bytes find them, with a quarter of the
memory traffic of floats. Each byte is a cost: how far a weight is below a ceiling, rounded down. So
a sum of costs never overstates how far a cluster is below the best one. The scores of the
candidates then give an upper bound of the probability of the rest. If the rest could matter for the
draw (about once in 100,000 rows), all clusters are scored. So the draw is that of `Columns.choose`.
"""

import numpy as np

from libc.math cimport INFINITY

from bitmix.kernel.mixture cimport BLOCK
from bitmix.kernel.simd cimport LANES, cost_column

from bitmix.kernel.arrays import aligned, grown

cdef enum:
    STEPS = 16   # the steps of a cost in one nat

EXP_MINUS_MARGIN = 1.1253517471925912e-07


cdef class Screening(Index):
    """The weights as costs: bytes, 64 clusters side by side."""

    def __init__(self):
        self.apart = 1
        self.screens = True
        self.arrays = {}

    cdef int reserve(self, Mixture mixture) except -1:
        cdef Py_ssize_t room = mixture.base.shape[0]
        if not self.arrays:
            self.ceiling = aligned(mixture.features, np.float32)
        if not self.arrays or self.base_costs.shape[0] < room:
            # An odd number of cache lines from block to block: powers of two alias in the cache.
            shape = (room // BLOCK, mixture.features | 1, BLOCK)
            self.costs = grown(self.arrays, "costs", shape, np.uint8)
            self.costs_of = grown(self.arrays, "costs_of", (room, mixture.features), np.uint8)
            self.base_costs = grown(self.arrays, "base_costs", room, np.uint16, 65535)
            self.screened = grown(self.arrays, "screened", room, np.uint16)
            self.candidates = grown(self.arrays, "candidates", room, np.int32)
        return 0

    cdef void start(self, Mixture mixture) noexcept nogil:
        """Write the costs of all clusters, from the greatest weight of each feature and above."""
        cdef Py_ssize_t k, d
        self.ceiling[:] = -INFINITY
        self.top = -INFINITY
        for k in range(mixture.clusters + 1):
            for d in range(mixture.features):
                mixture.weights[k, d] = mixture.log_on[k, d] - mixture.log_off[k, d]
            mixture.simd.take_max(&mixture.weights[k, 0], mixture.features, &self.ceiling[0])
            self.top = max(self.top, mixture.base[k])
        for d in range(mixture.features):
            self.ceiling[d] += 0.5
        self.top += 256.0
        self.base_costs[:] = 65535
        for k in range(mixture.clusters + 1):
            self._write_costs(mixture, k)

    cdef void follow(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        self._write_costs(mixture, k)

    cdef void forget(self, Py_ssize_t k) noexcept nogil:
        self.base_costs[k] = 65535

    cdef void rebase(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        self._write_costs(mixture, k)

    cdef void _write_costs(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        cdef double cost = self.top - mixture.base[k] - mixture.simd.scatter_costs(
            &mixture.weights[k, 0], &self.ceiling[0], STEPS, mixture.features,
            &self.costs_of[k, 0], &self.costs[k // BLOCK, 0, cost_column(k)],
        )
        if cost < 0.0:  # the cluster has outgrown the top
            self.start(mixture)
        else:
            self.base_costs[k] = <uint16_t>min(STEPS * cost, 65535.0)

    cdef Py_ssize_t choose(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, double u
    ) noexcept nogil:
        cdef Py_ssize_t start = mixture.rows.start[i]
        cdef Py_ssize_t n_on = mixture.rows.start[i + 1] - start
        cdef Py_ssize_t blocks = mixture.clusters // BLOCK + 1, k, n, new
        cdef double top = self.top + mixture.sum_on(&self.ceiling[0], i), limit, reach
        cdef double margin = STEPS * MARGIN * mixture.temperature  # `draw` divides scores by it
        cdef float score_own = mixture.score_without(i, own)
        # Rounding makes the least sum too small, by less than one step for each term.
        reach = 1 + n_on + mixture.simd.screen(
            &self.costs[0, 0, 0], self.costs.shape[1] * BLOCK, &mixture.rows.on[start], n_on,
            &self.base_costs[0], blocks, own, &self.screened[0],
        )
        reach = min(reach, STEPS * (top - score_own)) + margin
        self.screened[own] = 0
        while True:
            limit = reach
            n = mixture.simd.below(
                &self.screened[0], blocks, <uint16_t>min(limit, 65535.0), &self.candidates[0]
            )
            # Costs are at most 127, so the least may belong to a cluster far from the best.
            reach = STEPS * (top - self._score(mixture, i, own, score_own, n)) + margin
            if reach <= limit:
                break
        new = self._choose_among(mixture, n, u, mixture.clusters * EXP_MINUS_MARGIN)
        if new == -1:
            n = mixture.clusters + 1
            for k in range(n):
                self.candidates[k] = <int32_t>k
            self._score(mixture, i, own, score_own, n)
            new = self._choose_among(mixture, n, u, 0.0)
        return self.candidates[new]

    cdef float _score(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, float score_own, Py_ssize_t n
    ) noexcept nogil:
        """Score row i for the first n candidates; return the best score."""
        cdef Py_ssize_t j, k
        cdef float best = -INFINITY
        for j in range(n):
            k = self.candidates[j]
            if k == own:
                mixture.scores[j] = score_own
            else:  # base is -inf beyond the empty cluster
                mixture.scores[j] = mixture.score_by_row(i, k)
            best = max(best, mixture.scores[j])
        return best

    cdef Py_ssize_t _choose_among(
        self, Mixture mixture, Py_ssize_t n, double u, double rest
    ) noexcept nogil:
        """Draw one of the first n candidates, which leave out a mass of up to `rest`, or -1."""
        cdef Py_ssize_t j, blocks = (n + LANES - 1) // LANES
        if n == 1:  # the result is as below, in less time; most rows of a settled chain end here
            return 0 if rest <= u and u * (1.0 + rest) < 1.0 else -1
        for j in range(n, blocks * LANES):
            mixture.scores[j] = -INFINITY
        return mixture.draw(blocks, u, rest)
