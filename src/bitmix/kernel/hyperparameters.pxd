from libc.stdint cimport int32_t

from bitmix.kernel.rows cimport Rows
from bitmix.kernel.simd cimport Simd


cdef class Hyperparameters:
    cdef const Simd *simd
    cdef Rows rows
    cdef double concentration
    cdef readonly str partition_prior
    cdef double prior_factor            # log prior weights are multiplied by it: sqrt(temperature)
    cdef double shift                   # what the weight of a cluster adds to its size
    cdef double log_new                 # the log weight of a new cluster, beside `beside` others
    cdef double[::1] log_news           # by the number of other clusters, if it depends on that
    cdef Py_ssize_t beside
    cdef double[::1] alpha, beta        # (D,)
    # in single precision, as the sweep reads them: active features, padded to P, and the others
    cdef float[::1] alpha_f, beta_f, shift_f    # shift: alpha + beta
    cdef float[::1] never_beta_f, never_shift_f
    cdef double[::1] by_size            # (N + 1,) results of `log_size`; nan: not yet known

    cdef double log_size(self, int32_t n) noexcept nogil
    cdef double log_weight(self, int32_t n) noexcept nogil
    cdef double log_new_beside(self, Py_ssize_t clusters) noexcept nogil
