"""Overlaps between the clusters of partitions, compiled.

Entropies come from a table of f(n) = n log n that the caller passes, as integers in a small unit.
Their sums are exact in any order, so a search that only lowers the cost cannot go in circles.
"""

import numpy as np

from libc.stdint cimport INT64_MAX, int32_t, int64_t


def overlaps(const int32_t[::1] first, const int32_t[:, ::1] others, const int64_t[::1] f):
    """Sum over the contingency tables of a partition with others.

    Parameters
    ----------
    first : (N,) int32, IN
        A partition, its clusters numbered from 0.
    others : (T, N) int32, IN
        Other partitions, likewise.
    f : (N + 1,) int64, IN
        n log n.

    Returns
    -------
    sums : (T, 2) int64
        The sums of f(n_ab), and of the pairs n_ab (n_ab - 1) / 2, over cells of n_ab rows.
    """
    order = np.argsort(first, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(first))
    sums = np.zeros((others.shape[0], 2), np.int64)
    cdef const int32_t[::1] rows = order
    cdef const int64_t[::1] end = ends
    cdef int64_t[:, ::1] total = sums
    cdef int32_t[::1] cell = np.zeros(np.max(others, initial=0) + 1, np.int32)
    cdef Py_ssize_t t, a, j, start
    cdef int32_t b
    with nogil:
        for t in range(others.shape[0]):
            start = 0
            for a in range(end.shape[0]):  # a row of the table, from and back to zeros
                for j in range(start, end[a]):
                    b = others[t, rows[j]]
                    total[t, 0] += f[cell[b] + 1] - f[cell[b]]
                    total[t, 1] += cell[b]
                    cell[b] += 1
                for j in range(start, end[a]):
                    cell[others[t, rows[j]]] = 0
                start = end[a]
    return sums


cdef class Search:
    """A partition under search, and its overlaps with the clusters of S given partitions.

    The cost of a partition with clusters a of n_a rows, of which n_ag are in cluster g of a
    given partition, is ``S sum_a f(n_a) - 2 sum_g sum_a f(n_ag)``: S N times its mean variation of
    information from the given ones, up to a constant.

    A cluster of m rows overlaps with at most m clusters of another partition. So all overlaps
    fit into S N cells, m in a row for each given cluster, of which the first few are in use.

    Parameters
    ----------
    labels : (S, N) int32
        The given partitions, their clusters numbered from 0.
    f : (N + 1,) int64
        n log n.

    Attributes
    ----------
    assignments : (N,) int32
        The cluster of each row, -1 for none, from which it starts.
    """

    cdef readonly object assignments
    cdef const int64_t[::1] f
    cdef int32_t[:, ::1] given      # (N, S) a row's cluster in each given partition
    cdef int64_t[::1] start         # (G,) where the row of a given cluster starts
    cdef int32_t[::1] used          # (G,) how many cells of it are in use
    cdef int32_t[::1] cluster       # (S N,) which cluster a cell counts rows of
    cdef int32_t[::1] count         # (S N,) how many
    cdef int32_t[::1] z             # (N,) the assignments
    cdef int32_t[::1] size          # (N,) of each cluster
    cdef int32_t vacant             # no cluster below it is empty
    cdef int64_t[::1] shared        # (N,) -1, but for the clusters at hand
    cdef int32_t[::1] touched       # (N,) the clusters at hand

    def __init__(self, labels, f):
        given, rows = labels.shape
        clusters = labels.max(axis=1) + 1
        offsets = np.cumsum(clusters) - clusters
        numbered = labels + offsets[:, None]
        sizes = np.bincount(numbered.ravel())
        self.assignments = np.full(rows, -1, np.int32)
        self.f = f
        self.given = np.ascontiguousarray(numbered.T, np.int32)
        self.start = np.cumsum(sizes) - sizes
        self.used = np.zeros(len(sizes), np.int32)
        self.cluster = np.empty(given * rows, np.int32)
        self.count = np.empty(given * rows, np.int32)
        self.z = self.assignments
        self.size = np.zeros(rows, np.int32)
        self.shared = np.full(rows, -1, np.int64)
        self.touched = np.empty(rows, np.int32)

    def place(self, const int32_t[::1] rows, const int32_t[::1] clusters):
        """Move each row to its cluster; return the change in cost."""
        cdef int64_t change = 0
        cdef Py_ssize_t j
        with nogil:
            for j in range(rows.shape[0]):
                change += self._move(rows[j], clusters[j])
        return change

    def remove(self, const int32_t[::1] rows):
        """Take each row out of its cluster; return the change in cost."""
        cdef int64_t change = 0
        cdef Py_ssize_t j
        with nogil:
            for j in range(rows.shape[0]):
                change += self._remove(rows[j])
        return change

    def reallocate(self, const int32_t[::1] rows):
        """Move each row in turn to the cluster with the least cost; return the change in cost.

        That may be a new cluster. In a tie, the row stays, or else goes to the lowest cluster.
        """
        cdef int64_t change = 0
        cdef Py_ssize_t j
        with nogil:
            for j in range(rows.shape[0]):
                change += self._move(rows[j], self._best(rows[j]))
        return change

    cdef int32_t _best(self, Py_ssize_t i) noexcept nogil:
        """Return the cluster with the least cost for row i."""
        cdef int64_t cost, least = INT64_MAX
        cdef int32_t a = self.z[i], b, n, g, best = a
        cdef Py_ssize_t s, cell, number = 0
        for s in range(self.given.shape[1]):
            g = self.given[i, s]
            for cell in range(self.start[g], self.start[g] + self.used[g]):
                b = self.cluster[cell]
                n = self.count[cell] - (b == a)
                if self.shared[b] < 0:
                    self.shared[b] = 0
                    self.touched[number] = b
                    number += 1
                self.shared[b] += self._step(n)
        for s in range(number):
            b = self.touched[s]
            n = self.size[b] - (b == a)
            cost = self.given.shape[1] * self._step(n) - 2 * self.shared[b]
            self.shared[b] = -1
            if cost < least or cost == least and (b == a or b < best and best != a):
                least, best = cost, b
        if least > 0:  # more than alone
            while self.size[self.vacant] > 0:
                self.vacant += 1
            best = self.vacant
        return best

    cdef int64_t _step(self, int32_t n) noexcept nogil:
        """Return what one more row adds to f(n)."""
        return self.f[n + 1] - self.f[n]

    cdef int64_t _move(self, Py_ssize_t i, int32_t b) noexcept nogil:
        """Move row i to cluster b, from its own or from none; return the change in cost."""
        cdef int64_t change = 0
        if b == self.z[i]:
            return 0
        if self.z[i] >= 0:
            change = self._remove(i)
        return change + self._add(i, b)

    cdef int64_t _add(self, Py_ssize_t i, int32_t b) noexcept nogil:
        cdef int64_t change = 0
        cdef Py_ssize_t s, cell, end
        cdef int32_t g, n
        for s in range(self.given.shape[1]):
            g = self.given[i, s]
            end = self.start[g] + self.used[g]
            cell = self._find(g, b)
            if cell == end:
                self.cluster[cell] = b
                self.count[cell] = 0
                self.used[g] += 1
            n = self.count[cell]
            self.count[cell] = n + 1
            change -= 2 * self._step(n)
        n = self.size[b]
        self.size[b] = n + 1
        self.z[i] = b
        return change + self.given.shape[1] * self._step(n)

    cdef int64_t _remove(self, Py_ssize_t i) noexcept nogil:
        cdef int64_t change = 0
        cdef Py_ssize_t s, cell, last
        cdef int32_t g, n, b = self.z[i]
        for s in range(self.given.shape[1]):
            g = self.given[i, s]
            cell = self._find(g, b)
            n = self.count[cell] - 1
            self.count[cell] = n
            if n == 0:
                self.used[g] -= 1
                last = self.start[g] + self.used[g]
                self.cluster[cell], self.count[cell] = self.cluster[last], self.count[last]
            change += 2 * self._step(n)
        n = self.size[b] - 1
        self.size[b] = n
        if n == 0 and b < self.vacant:
            self.vacant = b
        self.z[i] = -1
        return change - self.given.shape[1] * self._step(n)

    cdef Py_ssize_t _find(self, int32_t g, int32_t b) noexcept nogil:
        """Return the cell of cluster b in the row of given cluster g, or the first unused one."""
        cdef Py_ssize_t cell = self.start[g], end = cell + self.used[g]
        while cell < end and self.cluster[cell] != b:
            cell += 1
        return cell
