"""Proposals: rows of a sweep choose ahead of their turn, in several threads.

The result is that of one thread, bit for bit. The next rows of a sweep, a block, all choose from
the state before the block, and nothing is written. Then they have their turn one by one. A row
keeps its choice unless a cluster that has changed since could matter for it:

- its own cluster,
- one of its likely clusters, whose scores are within MARGIN of the best one,
- any other cluster that is likely by now.

A row that has to choose again does so as without threads. The choice was drawn as in screening: it
holds for any mass of up to K exp(-MARGIN) in the clusters that are not likely, wherever it lies.
"""

import numpy as np

from bitmix.kernel.crew cimport Crew
from bitmix.kernel.mixture cimport NONE, Mixture
from bitmix.kernel.screening cimport MARGIN, Desk, Screening

from bitmix.kernel.arrays import aligned

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) noexcept nogil

cdef enum:
    MOVES = 4            # A block has as many rows as it takes for so many of them to move.
    GRAIN = 4            # the rows that a thread takes at a time
    THREADS = 16         # More have too little to do in a block.


cdef class Proposals:
    """The proposals of one sweep.

    Parameters
    ----------
    mixture : Mixture
    screening : Screening
        The index of the mixture.
    worth : float
        See `sweep`.

    Attributes
    ----------
    made, kept : int
        The number of rows that had a proposal, and that kept it.
    """

    def __init__(self, Mixture mixture, Screening screening, double worth):
        self.mixture = mixture
        self.screening = screening
        self.worth = worth
        self.on = len(mixture.rows.on) / mixture.rows.shape[0]

    cdef int _reserve(self) except -1:
        """Start the threads, and make room for as many columns as the mixture."""
        if self.crew is None:
            self.crew = Crew(min(self.mixture.threads, THREADS))
        by_thread = self.crew.threads, self.mixture.base.shape[0]
        self.screened = aligned(by_thread, np.uint16)
        self.candidates = aligned(by_thread, np.int32)
        self.scores = aligned(by_thread, np.float32)
        self.p = aligned(by_thread, np.float32)
        self.logs = aligned((by_thread[0], 2 * self.mixture.features), np.float32)
        self.changed = np.empty(by_thread[1], np.int32)
        self.changed_in = np.zeros(by_thread[1], np.int64)
        return 0

    # ------------------------------------------------------------ in all threads

    cdef bint ended(self) noexcept nogil:
        """Return whether the block has ended."""
        return self.turn == self.size

    cdef int make(
        self, const int32_t *order, const double *uniforms, Py_ssize_t most, Py_ssize_t t,
        Py_ssize_t moved,
    ) except -1 nogil:
        """Begin a block of at most `most` rows, IN, with their random numbers, IN.

        `moved` of the first t rows have moved. That decides how many rows the block has.
        """
        self.order, self.uniforms = order, uniforms
        self.turn, self.changes, self.clusters = 0, 0, self.mixture.clusters
        self.block += 1
        self.size = min(most, MOVES * t // (moved + 1) + 1)
        self.pays = self._will_pay(t, moved)
        if not self.pays:
            return 0
        if self.crew is None or self.changed.shape[0] < self.mixture.base.shape[0]:
            with gil:
                self._reserve()
        self._prepare()
        self.crew.run(store, <void *>self, self.n_stale, 1)
        self.crew.run(propose, <void *>self, self.size, GRAIN)
        self.made += self.size
        return 0

    cdef bint _will_pay(self, Py_ssize_t t, Py_ssize_t moved) noexcept nogil:
        """Return whether proposals for the block save time, and whether they are possible."""
        # Proposals score rows for their own cluster as it is done while few rows move. Bits would
        # differ if many moved before the block ends.
        if 3 * (moved + self.size) > t:
            return False
        return self.on * self.size * self.clusters >= self.worth

    cdef void _prepare(self) noexcept nogil:
        """Find what is to be stored before rows choose, because it is for several of them."""
        cdef Py_ssize_t row, own
        self.mixture.set_beside(self.clusters)
        self.n_stale = 0
        for row in range(self.size):
            own = self.mixture.z[self.order[row]]
            if self.mixture.sizes_[own] == 1:
                continue
            self.mixture.priors.log_size(self.mixture.sizes_[own] - 1)
            if self.mixture.stored[own] < 2:
                self.mixture.stored[own] = 2  # as it soon is
                self.stale[self.n_stale] = <int32_t>own
                self.n_stale += 1

    cdef void store(self, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil:
        """Store the weights of some clusters without a member."""
        cdef Py_ssize_t j
        for j in range(first, past):
            self.mixture.store_without(
                self.stale[j], &self.logs[thread, 0], &self.logs[thread, self.mixture.features]
            )

    cdef void propose(self, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil:
        """Let some rows of the block choose."""
        cdef Desk desk
        cdef Py_ssize_t row
        desk.screened, desk.candidates = &self.screened[thread, 0], &self.candidates[thread, 0]
        desk.scores, desk.p = &self.scores[thread, 0], &self.p[thread, 0]
        for row in range(first, past):
            if row + 1 < past:
                self.mixture.rows.prefetch(self.order[row + 1])
            self._propose(self.order[row], self.uniforms[row], &desk, &self.proposals[row])

    cdef void _propose(self, Py_ssize_t i, double u, Desk *desk, Proposal *to) noexcept nogil:
        """Let row i choose, and write its proposal."""
        cdef Py_ssize_t j, own = self.mixture.z[i]
        to.new = NONE
        if self.mixture.sizes_[own] == 1:  # The weight of a new cluster may differ for it.
            return
        to.new = <int32_t>self.screening.propose(
            self.mixture, i, own, self.mixture.score_stored(i, own), u, desk
        )
        if desk.likely > KEPT:
            to.new = NONE
            return
        to.likely, to.best = <int32_t>desk.likely, desk.best
        for j in range(desk.likely):
            to.clusters[j] = desk.candidates[j]

    # ------------------------------------------------------------ in one thread

    cdef Py_ssize_t take(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """Return the cluster of row i, whose turn it is, or NONE: it has to choose."""
        cdef const Proposal *proposal = &self.proposals[self.turn]
        self.turn += 1
        if self.turn < self.size:  # the next row may be compared with clusters that have changed
            prefetch(&self.mixture.rows.bits[self.order[self.turn], 0])
        if not self._holds(proposal, i, own):
            return NONE
        self.kept += 1
        return proposal.new

    cdef bint _holds(
        self, const Proposal *proposal, Py_ssize_t i, Py_ssize_t own
    ) noexcept nogil:
        """Return whether row i would choose what it has proposed."""
        cdef Py_ssize_t j
        if not self.pays or proposal.new == NONE:
            return False
        if self.changes == 0:
            return True
        # The next loops nearly always find that too. But a row that is alone by now may give a new
        # cluster another weight.
        if self.changed_in[own] == self.block:
            return False
        for j in range(proposal.likely):
            if self.changed_in[proposal.clusters[j]] == self.block:
                return False
        for j in range(self.changes):
            if self.mixture.score_by_row(i, self.changed[j]) >= proposal.best - MARGIN:
                return False
        return True

    cdef void follow(self, Py_ssize_t own, Py_ssize_t new) noexcept nogil:
        """Follow the move of a row from its cluster to a new one."""
        if not self.pays:
            return
        self._mark(own)
        self._mark(new)
        if self.mixture.clusters != self.clusters:  # and numbers of clusters may have changed
            self.turn = self.size

    cdef void _mark(self, Py_ssize_t k) noexcept nogil:
        """Note that cluster k has changed."""
        if self.changed_in[k] != self.block:
            self.changed_in[k] = self.block
            self.changed[self.changes] = <int32_t>k
            self.changes += 1


cdef void store(void *proposals, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil:
    (<Proposals>proposals).store(first, past, thread)


cdef void propose(void *proposals, Py_ssize_t first, Py_ssize_t past, int thread) noexcept nogil:
    (<Proposals>proposals).propose(first, past, thread)
