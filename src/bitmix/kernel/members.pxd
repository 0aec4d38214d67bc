from libc.stdint cimport int32_t, int64_t


cdef class Members:
    cdef int32_t[::1] z         # (N,) the assignments, which follow the lists
    cdef int64_t[::1] first     # (N + 1,) where the list of a cluster begins in `item`
    cdef int32_t[::1] n         # (N + 1,) how long it is
    cdef int32_t[::1] item      # (4 N,) the lists are all in the first or in the second half
    cdef Py_ssize_t end         # of the lists

    cdef void renew(
        self, Py_ssize_t a, Py_ssize_t n_a, Py_ssize_t b, Py_ssize_t n_b
    ) noexcept nogil
    cdef void put(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil
    cdef Py_ssize_t member(self, Py_ssize_t k, Py_ssize_t rank, Py_ssize_t but) noexcept nogil
    cdef void join(self, Py_ssize_t b, Py_ssize_t a) noexcept nogil
    cdef void relabel(self, Py_ssize_t old, Py_ssize_t k) noexcept nogil
    cdef void _open(self, Py_ssize_t k, Py_ssize_t n) noexcept nogil
    cdef void _make_room(self, Py_ssize_t n) noexcept nogil
