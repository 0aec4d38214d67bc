from libc.stdint cimport int32_t, uint8_t, uint16_t

from bitmix.kernel.mixture cimport Index, Mixture

cdef enum:
    MARGIN = 16  # in nats

cdef double EXP_MINUS_MARGIN


cdef class Screening(Index):
    cdef dict arrays
    cdef uint8_t[:, :, ::1] costs       # STEPS (ceiling - weights), (room / 64, P | 1, 64)
    cdef uint8_t[:, ::1] costs_of       # the same, one cluster after the other, (room, P)
    cdef uint16_t[::1] base_costs       # STEPS (top - base), room
    cdef float[::1] ceiling             # (P,)
    cdef double top
    cdef uint16_t[::1] screened         # the cost of one row for each cluster
    cdef int32_t[::1] candidates        # the clusters that are scored

    cdef void start(self, Mixture mixture) noexcept nogil
    cdef void _write_costs(self, Mixture mixture, Py_ssize_t k) noexcept nogil
    cdef float _score(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, float score_own, Py_ssize_t n
    ) noexcept nogil
    cdef Py_ssize_t _choose_among(
        self, Mixture mixture, Py_ssize_t n, double u, double rest
    ) noexcept nogil
