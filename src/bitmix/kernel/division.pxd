from libc.stdint cimport int32_t, uint8_t
from numpy.random cimport bitgen_t

from bitmix.kernel.members cimport Members
from bitmix.kernel.mixture cimport Mixture


cdef class Division:
    cdef Mixture mixture
    cdef readonly Py_ssize_t n          # rows to divide, beside i and j
    cdef int32_t[::1] row               # (N,) which rows; the first n are in use
    cdef uint8_t[::1] current           # (N,) the part in which each is now
    cdef uint8_t[::1] launch, proposed  # (N,) parts in the launch state, and in a second one

    cdef void gather(
        self, Members members, Py_ssize_t k, Py_ssize_t i, Py_ssize_t j, uint8_t part
    ) noexcept nogil
    cdef void make_launch_state(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot
    ) noexcept nogil
    cdef double scan(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end
    ) noexcept nogil
    cdef void _alone(self, Py_ssize_t i, Py_ssize_t slot) noexcept nogil
    cdef uint8_t _draw_part(self, bitgen_t *rng, double odds) noexcept nogil
