from libc.stdint cimport int32_t, int64_t, uint16_t

from bitmix.kernel.crew cimport Crew
from bitmix.kernel.mixture cimport Mixture
from bitmix.kernel.screening cimport Desk, Screening

cdef enum:
    AHEAD = 1024  # the most rows of a block
    KEPT = 13     # the most clusters of a proposal, which then fills a cache line

# What a row does in its turn, unless another row changes that before
cdef struct Proposal:
    int32_t new             # its cluster, or NONE: it chooses in its turn
    int32_t likely          # the number of likely clusters
    float best              # the best score
    int32_t[KEPT] clusters  # the likely ones, in the sense of Screening.propose


cdef class Proposals:
    cdef readonly Py_ssize_t made, kept
    cdef Mixture mixture
    cdef Screening screening
    cdef Crew crew
    cdef double worth                   # the least work of a block that has proposals
    cdef double on                      # the mean number of features that a row has on
    cdef bint pays                      # whether the rows of the block have proposals
    # the block
    cdef const int32_t *order
    cdef const double *uniforms
    cdef Py_ssize_t size, turn, clusters
    cdef Proposal[AHEAD] proposals
    # the clusters that have changed since the block began
    cdef int64_t block                  # its number
    cdef int64_t[::1] changed_in        # the last block in which a cluster changed
    cdef int32_t[::1] changed
    cdef Py_ssize_t changes
    # the clusters whose weights without a member are to be stored
    cdef int32_t[AHEAD] stale
    cdef Py_ssize_t n_stale
    # scratch of each thread
    cdef uint16_t[:, ::1] screened
    cdef int32_t[:, ::1] candidates
    cdef float[:, ::1] scores, p, logs

    cdef int _reserve(self) except -1
    cdef bint ended(self) noexcept nogil
    cdef int make(
        self, const int32_t *order, const double *uniforms, Py_ssize_t most, Py_ssize_t t,
        Py_ssize_t moved,
    ) except -1 nogil
    cdef bint _will_pay(self, Py_ssize_t t, Py_ssize_t moved) noexcept nogil
    cdef void _prepare(self) noexcept nogil
    cdef void store(self, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil
    cdef void propose(self, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil
    cdef void _propose(self, Py_ssize_t i, double u, Desk *desk, Proposal *to) noexcept nogil
    cdef Py_ssize_t take(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil
    cdef bint _holds(
        self, const Proposal *proposal, Py_ssize_t i, Py_ssize_t own
    ) noexcept nogil
    cdef void follow(self, Py_ssize_t own, Py_ssize_t new) noexcept nogil
    cdef void _mark(self, Py_ssize_t k) noexcept nogil
