from libc.stdint cimport int32_t, uint8_t

from bitmix.kernel.hyperparameters cimport Hyperparameters
from bitmix.kernel.rows cimport Rows
from bitmix.kernel.simd cimport Simd

cdef enum:
    BLOCK = 64   # room grows in blocks of this many clusters
    NONE = -1    # in place of a cluster


cdef class Index:
    cdef Py_ssize_t apart       # a cluster's weights: 1 if they are a row, else see simd.h
    cdef readonly bint screens  # whether it leaves out clusters that are too improbable

    cdef int reserve(self, Mixture mixture) except -1
    cdef float *weights_of(self, Mixture mixture, Py_ssize_t k) noexcept nogil
    cdef void follow(self, Mixture mixture, Py_ssize_t k) noexcept nogil
    cdef void forget(self, Py_ssize_t k) noexcept nogil
    cdef void rebase(self, Mixture mixture, Py_ssize_t k) noexcept nogil
    cdef Py_ssize_t choose(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, double u
    ) noexcept nogil


cdef class Mixture:
    cdef readonly Rows rows
    cdef const Simd *simd
    cdef Hyperparameters priors
    cdef readonly Py_ssize_t clusters   # K
    cdef int32_t[::1] z                 # (N,)
    cdef Py_ssize_t features, active    # P, A
    cdef Py_ssize_t entries             # weights of a cluster: A, or 2 A if features are missing
    cdef Index index
    cdef object sweeper                 # made by the first sweep, for the next ones

    # by cluster, with room for K + 1 or more
    cdef dict arrays                    # all of these, by name
    cdef int32_t[::1] sizes_
    cdef int32_t[:, ::1] counts_        # c_kd, (room, P)
    cdef float[:, ::1] log_on, log_off  # log(alpha + c) and log(beta + n - c), (room, P)
    cdef double[::1] sum_off            # sum_d log_off
    cdef float[:, ::1] weights          # log_on - log_off, (room, P), if the index wants rows
    cdef float[::1] base
    cdef float[::1] scores, scratch     # of one row for all clusters; scratch of `draw`
    cdef double temperature             # of `draw`
    cdef float[::1] column              # (P,) scratch

    # scores of members for their own cluster, without themselves
    cdef bint settled                   # few rows move, so what is stored stays valid for long
    cdef uint8_t[::1] stored            # 0: stale, 1: asked for since, 2: stored in `without`
    cdef float[:, ::1] without          # (room, P) the weights without one member
    cdef float[::1] base_without
    cdef float[::1] changed             # (P,) scratch: the logs that change when a row leaves

    cdef void set_temperature(self, double temperature)
    cdef void prepare(self, Index index)
    cdef int _reserve(self, Py_ssize_t clusters) except -1
    cdef void _count(self) noexcept nogil
    cdef void add(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil
    cdef void write_cluster(self, Py_ssize_t k) noexcept nogil
    cdef void set_beside(self, Py_ssize_t clusters) noexcept nogil
    cdef float base_of_new(self) noexcept nogil
    cdef void _written(self, Py_ssize_t k) noexcept nogil
    cdef float score_by_row(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil
    cdef float score_without(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil
    cdef void store_without(self, Py_ssize_t own) noexcept nogil
    cdef float score_stored(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil
    cdef float sum_on(self, const float *column, Py_ssize_t i) noexcept nogil
    cdef Py_ssize_t draw(self, Py_ssize_t blocks, double u, double rest) noexcept nogil
    cdef int move(self, Py_ssize_t i, Py_ssize_t own, Py_ssize_t new) except -1 nogil
    cdef void leave(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil
    cdef void change(
        self, Py_ssize_t i, Py_ssize_t k, int32_t delta, const float *changed
    ) noexcept nogil
    cdef int _open(self) except -1 nogil
    cdef void _close(self, Py_ssize_t k) noexcept nogil
    cdef void set_counts(self, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef void members_of_cluster(self, Py_ssize_t k, int32_t[::1] n) noexcept nogil
    cdef void counts_of_features(
        self, Py_ssize_t first, int32_t[:, ::1] on, int32_t[:, ::1] members
    ) noexcept nogil
    cdef bint can_screen(self) noexcept nogil


cdef void set_row(int32_t[:, ::1] rows, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil
