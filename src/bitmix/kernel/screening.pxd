from libc.stdint cimport int32_t, uint8_t, uint16_t

from bitmix.kernel.mixture cimport Index, Mixture

cdef enum:
    MARGIN = 16  # in nats

cdef double EXP_MINUS_MARGIN

# Where one thread scores a row, and what it finds
cdef struct Desk:
    uint16_t *screened      # the cost of the row for each cluster, (room,)
    int32_t *candidates     # the clusters that are scored, (room,)
    float *scores           # theirs
    float *p                # scratch
    Py_ssize_t likely       # OUT: the first of the candidates are likely
    float best              # OUT: the best score


cdef class Screening(Index):
    cdef dict arrays
    cdef uint8_t[:, :, ::1] costs       # STEPS (ceiling - weights), (room / 64, entries | 1, 64)
    cdef uint16_t[::1] base_costs       # STEPS (top - base), room
    cdef float[::1] ceiling             # (P,)
    cdef double top
    cdef uint16_t[::1] screened
    cdef int32_t[::1] candidates

    cdef void start(self, Mixture mixture) noexcept nogil
    cdef void _write_costs(self, Mixture mixture, Py_ssize_t k) noexcept nogil
    cdef Py_ssize_t propose(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, float score_own, double u, Desk *desk
    ) noexcept nogil
