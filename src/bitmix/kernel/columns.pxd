from libc.stdint cimport uint8_t

from bitmix.kernel.mixture cimport Index, Mixture


cdef class Columns(Index):
    cdef dict arrays
    cdef float[:, :, ::1] weights   # (room / 16, at least entries, 16), see simd.h, score
    cdef Py_ssize_t stride          # from block to block

    cdef void lay_out(self, Mixture mixture) noexcept

    cdef Py_ssize_t count_likely(self, Mixture mixture, double least) noexcept nogil
