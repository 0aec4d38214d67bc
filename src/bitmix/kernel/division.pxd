from libc.stdint cimport int32_t, int64_t, uint8_t
from numpy.random cimport bitgen_t

from bitmix.kernel.members cimport Members
from bitmix.kernel.mixture cimport Mixture


cdef class Division:
    cdef Mixture mixture
    cdef bint lazy                      # see __init__
    cdef Py_ssize_t n                   # rows to divide, beside i and j
    cdef int32_t[::1] row               # (N,) which rows; the first n are in use
    cdef uint8_t[::1] current           # (N,) the part in which each is now
    cdef uint8_t[::1] launch, proposed  # (N,) parts in the launch state, and in a proposed one
    cdef int64_t work                   # times that a row read or wrote the weights of a cluster

    cdef void gather(
        self, Members members, Py_ssize_t a, Py_ssize_t b, Py_ssize_t i, Py_ssize_t j
    ) noexcept nogil
    cdef void make_launch_state(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot
    ) noexcept nogil
    cdef void skip_launch_state(self, bitgen_t *rng, Py_ssize_t n) noexcept nogil
    cdef double scan(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end, double least
    ) noexcept nogil
    cdef void begin(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot) noexcept nogil
    cdef double allocate(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end,
        Py_ssize_t first, Py_ssize_t last, double least,
    ) noexcept nogil
    cdef float _score_without(self, Py_ssize_t x, Py_ssize_t own) noexcept nogil
    cdef void _move(self, Py_ssize_t x, Py_ssize_t own, Py_ssize_t new) noexcept nogil
    cdef void _store(self, Py_ssize_t slot) noexcept nogil
    cdef void _write(self, Py_ssize_t slot) noexcept nogil
    cdef void _add_members(
        self, Members members, Py_ssize_t k, Py_ssize_t i, Py_ssize_t j, uint8_t part
    ) noexcept nogil
    cdef void _place(self, bitgen_t *rng, Py_ssize_t t) noexcept nogil
    cdef void _alone(self, Py_ssize_t i, Py_ssize_t slot) noexcept nogil
    cdef uint8_t _draw_part(self, bitgen_t *rng, double odds) noexcept nogil
    cdef double _log_probability(self, double odds) noexcept nogil
