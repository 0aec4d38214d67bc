from libc.stdint cimport int32_t

from bitmix.kernel.rows cimport Rows
from bitmix.kernel.simd cimport Simd


cdef class Hyperparameters:
    cdef const Simd *simd
    cdef Rows rows
    cdef double concentration
    cdef double[::1] alpha, beta        # (D,)
    # in single precision, as the sweep reads them: active features, padded to P, and the others
    cdef float[::1] alpha_f, beta_f, shift_f    # shift: alpha + beta
    cdef float[::1] never_beta_f, never_shift_f
    cdef double[::1] by_size            # (N + 1,) what `log_size` found; nan: not yet

    cdef double log_size(self, int32_t n) noexcept nogil
