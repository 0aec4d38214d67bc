"""The members of each cluster, as lists."""

import numpy as np


cdef class Members:
    """Lists of the rows in each cluster, the row that joined last at the front.

    A list that changes is written anew, behind all others. When half of the memory is full, the
    lists that are in use move to the other half, where they take at most half of the room.

    Parameters
    ----------
    z : (N,) int32, INOUT
        The assignments, which change with the lists. At first, members are in the order of rows.
    """

    def __init__(self, int32_t[::1] z):
        cdef Py_ssize_t i, n = z.shape[0]
        self.z = z
        self.n = np.zeros(n + 1, np.int32)
        self.first = np.cumsum(np.bincount(z, minlength=n + 1))
        self.item = np.empty(4 * n, np.int32)
        self.end = n
        for i in range(n - 1, -1, -1):
            self.put(i, z[i])

    cdef void renew(
        self, Py_ssize_t a, Py_ssize_t n_a, Py_ssize_t b, Py_ssize_t n_b
    ) noexcept nogil:
        """Empty the lists of clusters a and b. So many rows, and no others, are put there next."""
        self.n[a] = self.n[b] = 0
        self._make_room(n_a + n_b)
        self._open(a, n_a)
        self._open(b, n_b)

    cdef void put(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        """Put row i, which is in no list, at the front of cluster k, which has room."""
        self.z[i] = <int32_t>k
        self.first[k] -= 1
        self.n[k] += 1
        self.item[self.first[k]] = <int32_t>i

    cdef Py_ssize_t member(self, Py_ssize_t k, Py_ssize_t rank, Py_ssize_t but) noexcept nogil:
        """Return the member of cluster k at `rank` in its list, without counting row `but`."""
        cdef Py_ssize_t t, before = 0
        cdef int64_t first = self.first[k]
        for t in range(rank + 1):
            before += self.item[first + t] == but
        return self.item[first + rank + before]

    cdef void join(self, Py_ssize_t b, Py_ssize_t a) noexcept nogil:
        """Put all members of cluster b into cluster a."""
        cdef Py_ssize_t t, n = self.n[a]
        cdef int64_t first
        self._make_room(n + self.n[b])
        first = self.first[a]
        self._open(a, n + self.n[b])
        for t in range(n - 1, -1, -1):
            self.put(self.item[first + t], a)
        for t in range(self.n[b]):
            self.put(self.item[self.first[b] + t], a)
        self.n[b] = 0

    cdef void relabel(self, Py_ssize_t old, Py_ssize_t k) noexcept nogil:
        """Put all members of cluster `old` into cluster k, which is empty."""
        cdef Py_ssize_t t, n = self.n[old]
        self._make_room(n)
        self._open(k, n)
        for t in range(n):
            self.put(self.item[self.first[old] + t], k)
        self.n[old] = 0

    cdef void _open(self, Py_ssize_t k, Py_ssize_t n) noexcept nogil:
        """Begin a new list of cluster k with room for n rows."""
        self.n[k] = 0
        self.end += n
        self.first[k] = self.end

    cdef void _make_room(self, Py_ssize_t n) noexcept nogil:
        """Make room for n more rows."""
        cdef Py_ssize_t k, t, half = self.item.shape[0] // 2
        cdef bint second = self.end > half
        if self.end + n <= half * (1 + second):
            return
        self.end = 0 if second else half
        for k in range(self.n.shape[0]):
            for t in range(self.n[k]):
                self.item[self.end + t] = self.item[self.first[k] + t]
            self.first[k] = self.end
            self.end += self.n[k]
