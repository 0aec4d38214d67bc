from libc.stdint cimport int32_t

from bitmix.kernel.mixture cimport Mixture


cdef class MaskedMixture(Mixture):
    cdef int32_t[:, ::1] observed_      # n_kd, (room, P)
    cdef float[::1] column_missing      # beside `column`
    cdef float[:, ::1] weights_missing  # beside `weights`
    cdef double column_base

    cdef void _make_column(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil
