"""The members of each cluster, as linked lists."""

import numpy as np

from bitmix.kernel.mixture cimport NONE


cdef class Members:
    """Lists of the rows in each cluster, the row that joined last at the front.

    Parameters
    ----------
    z : (N,) int32, INOUT
        The assignments, which change with the lists. Before, members rank by their numbers.
    """

    def __init__(self, int32_t[::1] z):
        cdef Py_ssize_t i, n = z.shape[0]
        self.z = z
        self.first = np.full(n + 1, NONE, np.int32)
        self.following = np.empty(n, np.int32)
        for i in range(n - 1, -1, -1):
            self.put(i, z[i])

    cdef void put(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        """Put row i, which is in no list, into cluster k."""
        self.z[i] = <int32_t>k
        self.following[i] = self.first[k]
        self.first[k] = <int32_t>i

    cdef void clear(self, Py_ssize_t k) noexcept nogil:
        """Empty the list of cluster k, whose members are put elsewhere next."""
        self.first[k] = NONE

    cdef Py_ssize_t member(self, Py_ssize_t k, Py_ssize_t rank, Py_ssize_t but) noexcept nogil:
        """Return the member of cluster k of that rank, without counting row `but`."""
        cdef Py_ssize_t i = self.first[k]
        while True:
            if i != but:
                if rank == 0:
                    return i
                rank -= 1
            i = self.following[i]

    cdef void relabel(self, Py_ssize_t old, Py_ssize_t k) noexcept nogil:
        """Put all members of cluster `old` into cluster k."""
        cdef Py_ssize_t i = self.first[old], following
        self.first[old] = NONE
        while i != NONE:
            following = self.following[i]
            self.put(i, k)
            i = following
