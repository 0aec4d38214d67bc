"""The hyperparameters of a mixture, and what the scores need of them."""

import numpy as np

from libc.math cimport NAN, isnan

from bitmix.kernel.simd cimport LANES, padded, simd_in_use

from bitmix.kernel.arrays import aligned


cdef class Hyperparameters:
    """The concentration, and alpha and beta of every feature.

    Parameters
    ----------
    rows : Rows
    alpha, beta : (D,) float64, IN, positive
    concentration : float, positive
    """

    def __init__(self, Rows rows, alpha, beta, double concentration):
        width = LANES * rows.bits.shape[1]
        never = padded(len(rows.never))
        self.simd = simd_in_use()
        self.rows = rows
        self.concentration = concentration
        self.alpha = np.array(alpha, np.float64)
        self.beta = np.array(beta, np.float64)
        self.alpha_f = aligned(width, np.float32)
        self.beta_f = aligned(width, np.float32)
        self.shift_f = aligned(width, np.float32)
        self.never_beta_f = aligned(never, np.float32)
        self.never_shift_f = aligned(never, np.float32)
        self.by_size = np.empty(rows.shape[0] + 1)
        self.changed()

    def changed(self):
        """Let what is derived from alpha and beta follow them."""
        active, never = self.rows.active, self.rows.never
        alpha, beta = np.asarray(self.alpha), np.asarray(self.beta)
        # A padding feature has alpha 1 and beta 1 in the logs but shift 1: its terms then cancel.
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
        """Return log n - sum_d log(alpha_d + beta_d + n), for n = 0 with the concentration as n.

        Features that are never on add log(beta_d + n), the same for all clusters of size n.
        """
        cdef double value = self.by_size[n]
        if isnan(value):
            value = self.simd.log(n if n else self.concentration)
            value -= self.simd.sum_log(&self.shift_f[0], n, self.shift_f.shape[0])
            if self.never_beta_f.shape[0]:
                value += self.simd.sum_log(&self.never_beta_f[0], n, self.never_beta_f.shape[0])
                value -= self.simd.sum_log(&self.never_shift_f[0], n, self.never_beta_f.shape[0])
            self.by_size[n] = value
        return value
