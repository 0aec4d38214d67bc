"""The hyperparameters of a mixture, and terms of the scores that depend on them."""

import numpy as np

from libc.math cimport NAN, isnan

from bitmix.kernel.simd cimport LANES, padded, simd_in_use

from bitmix.kernel.arrays import aligned
from bitmix.kernel.finite import log_new_cluster


cdef class Hyperparameters:
    """The concentration, and alpha and beta of every feature.

    Parameters
    ----------
    rows : Rows
    alpha, beta : (D,) float64, IN, positive
    concentration : float, positive
    partition_prior : {"dp", "mfm"}
        See `bitmix.model.PARTITION_PRIORS`.
    """

    def __init__(self, Rows rows, alpha, beta, double concentration, str partition_prior):
        width = LANES * rows.bits.shape[1]
        never = padded(len(rows.never))
        self.simd = simd_in_use()
        self.rows = rows
        self.partition_prior = partition_prior
        self.prior_factor = 1.0
        self.alpha = np.array(alpha, np.float64)
        self.beta = np.array(beta, np.float64)
        self.alpha_f = aligned(width, np.float32)
        self.beta_f = aligned(width, np.float32)
        self.shift_f = aligned(width, np.float32)
        self.never_beta_f = aligned(never, np.float32)
        self.never_shift_f = aligned(never, np.float32)
        self.by_size = np.empty(rows.shape[0] + 1)
        self.set_concentration(concentration)
        self.changed()

    def set_concentration(self, double concentration):
        self.concentration = concentration
        if self.partition_prior == "dp":
            self.shift, self.log_new, self.log_news = 0.0, self.simd.log(concentration), None
        else:
            self.shift, self.log_new, self.log_news = concentration, 0.0, np.empty(0)
        self.beside = -1
        self.by_size[0] = NAN

    def set_prior_factor(self, double factor):
        """Multiply the log prior weights of clusters by a factor."""
        self.prior_factor = factor
        self.by_size[:] = NAN

    def reserve(self, clusters):
        """Compute the weight of a new cluster beside 0 to `clusters` others."""
        if self.log_news is not None and len(self.log_news) <= clusters:
            self.log_news = log_new_cluster(self.rows.shape[0], self.concentration, clusters)

    def changed(self):
        """Update everything that is derived from alpha and beta."""
        active, never = self.rows.active, self.rows.never
        alpha, beta = np.asarray(self.alpha), np.asarray(self.beta)
        # A padding feature has alpha 1, beta 1 and shift 1 (not 2), so its terms cancel.
        for copy, values in (
            (self.alpha_f, alpha[active]),
            (self.beta_f, beta[active]),
            (self.shift_f, alpha[active] + beta[active]),
            (self.never_beta_f, beta[never]),
            (self.never_shift_f, alpha[never] + beta[never]),
        ):
            array = np.asarray(copy)
            array[:] = 1
            array[:len(values)] = values
        self.by_size[:] = NAN

    cdef double log_size(self, int32_t n) noexcept nogil:
        """Return log w - sum_d log(alpha_d + beta_d + n), with w the weight of n rows.

        Features that are never on add log(beta_d + n), the same for all clusters of size n.
        """
        cdef double value = self.by_size[n]
        if isnan(value):
            value = self.log_weight(n)
            value -= self.simd.sum_log(&self.shift_f[0], n, self.shift_f.shape[0])
            if self.never_beta_f.shape[0]:
                value += self.simd.sum_log(&self.never_beta_f[0], n, self.never_beta_f.shape[0])
                value -= self.simd.sum_log(&self.never_shift_f[0], n, self.never_beta_f.shape[0])
            self.by_size[n] = value
        return value

    cdef double log_weight(self, int32_t n) noexcept nogil:
        """Return the log prior weight of a cluster of n other rows, times the factor.

        n = 0 is a new cluster.
        """
        return self.prior_factor * (self.simd.log(n + self.shift) if n else self.log_new)

    cdef double log_new_beside(self, Py_ssize_t clusters) noexcept nogil:
        """Return the log prior weight of a new cluster beside `clusters` others."""
        return self.log_new if self.log_news is None else self.log_news[clusters]
