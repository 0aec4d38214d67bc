from libc.stdint cimport int32_t


cdef class Members:
    cdef int32_t[::1] z                 # (N,) the assignments, which follow the lists
    cdef int32_t[::1] first, following  # first[k], following[first[k]], ..., NONE

    cdef void put(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil
    cdef void clear(self, Py_ssize_t k) noexcept nogil
    cdef Py_ssize_t member(self, Py_ssize_t k, Py_ssize_t rank, Py_ssize_t but) noexcept nogil
    cdef void relabel(self, Py_ssize_t old, Py_ssize_t k) noexcept nogil
