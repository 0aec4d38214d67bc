"""Mixtures of rows with missing features."""

import numpy as np

from libc.math cimport INFINITY

from bitmix.kernel.mixture cimport set_row
from bitmix.kernel.rows cimport Rows
from bitmix.kernel.simd cimport LANES

from bitmix.kernel.arrays import grown


cdef class MaskedMixture(Mixture):
    """A mixture of rows with missing features, which are left out of counts and scores.

    Of n_k members only n_kd have feature d. base_k counts all features as observed. The weights of
    a row's missing features correct that: log(alpha + beta + n_kd) - log(beta + n_kd - c_kd). The
    code is simpler and slower than that for complete rows.
    """

    def __init__(
        self, Rows rows, assignments, alpha, beta, double concentration, str partition_prior="dp"
    ):
        super().__init__(rows, assignments, alpha, beta, concentration, partition_prior)

    cdef int _reserve(self, Py_ssize_t clusters) except -1:
        Mixture._reserve(self, clusters)
        wide = (self.base.shape[0], self.features)
        self.observed_ = grown(self.arrays, "observed", wide, np.int32)
        self.column_missing = grown(self.arrays, "column_missing", self.features, np.float32)
        self.weights_missing = grown(self.arrays, "weights_missing", wide, np.float32)
        return 0

    @property
    def observed(self):
        """(K, D) int32, the number of members that have each feature observed"""
        return self._all_features(self.observed_)

    cdef void add(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil:
        cdef Py_ssize_t d
        cdef int32_t has
        self.sizes_[k] += delta
        for d in range(self.features):
            has = 1 - (self.rows.missing[i, d // LANES] >> d % LANES & 1)
            self.observed_[k, d] += delta * has
            self.counts_[k, d] += delta * (self.rows.bits[i, d // LANES] >> d % LANES & 1)

    cdef void _make_column(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil:
        """Make the weights of cluster k after row i joins (delta = 1), leaves (-1) or neither."""
        self.column_base = self.simd.masked_logs(
            &self.priors.alpha_f[0], &self.priors.beta_f[0], &self.priors.shift_f[0],
            &self.counts_[k, 0], &self.observed_[k, 0], &self.rows.bits[i, 0],
            &self.rows.missing[i, 0], delta, self.features, &self.column[0],
            &self.column_missing[0],
        )

    cdef void write_cluster(self, Py_ssize_t k) noexcept nogil:
        cdef int32_t n = self.sizes_[k]
        cdef float *to = self.index.weights_of(self, k)
        self._make_column(0, k, 0)
        self.sum_off[k] = self.column_base
        self.base[k] = <float>(self.column_base + self.priors.log_weight(n))
        if self.index.apart == 1:
            self.weights[k] = self.column
            self.weights_missing[k] = self.column_missing
        else:
            self.simd.scatter(&self.column[0], self.active, to)
            self.simd.scatter(&self.column_missing[0], self.active, to + self.active * LANES)
        self.index.follow(self, k)

    cdef float score_by_row(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        return Mixture.score_by_row(self, i, k) + self.simd.sum_on(
            &self.weights_missing[k, 0], &self.rows.missing[i, 0], self.features
        )

    cdef float score_without(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        cdef int32_t n = self.sizes_[own] - 1
        if n == 0:
            return -INFINITY
        self._make_column(i, own, -1)
        return (
            <float>(self.column_base + self.priors.log_weight(n)) + self.sum_on(&self.column[0], i)
            + self.simd.sum_on(
                &self.column_missing[0], &self.rows.missing[i, 0], self.features
            )
        )

    cdef float base_of_new(self) noexcept nogil:
        return <float>(self.sum_off[self.clusters] + self.priors.log_weight(0))

    cdef bint can_screen(self) noexcept nogil:
        return False

    cdef void change(
        self, Py_ssize_t i, Py_ssize_t k, int32_t delta, const float *changed
    ) noexcept nogil:
        self.add(i, k, delta)
        self.write_cluster(k)

    cdef void set_counts(self, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        Mixture.set_counts(self, k, a, b)
        set_row(self.observed_, k, a, b)

    cdef void members_of_cluster(self, Py_ssize_t k, int32_t[::1] n) noexcept nogil:
        cdef Py_ssize_t d
        for d in range(self.active):
            n[d] = self.observed_[k, d]

    cdef void counts_of_features(
        self, Py_ssize_t first, int32_t[:, ::1] on, int32_t[:, ::1] members
    ) noexcept nogil:
        cdef Py_ssize_t k, lane
        for k in range(self.clusters):
            for lane in range(min(LANES, self.active - first)):
                on[lane, k] = self.counts_[k, first + lane]
                members[lane, k] = self.observed_[k, first + lane]


def mixture_of(Rows rows, assignments, alpha, beta, double concentration, partition_prior="dp"):
    """Return the state of a chain on these rows, a `Mixture` or a `MaskedMixture`."""
    kind = Mixture if rows.missing is None else MaskedMixture
    return kind(rows, assignments, alpha, beta, concentration, partition_prior)
