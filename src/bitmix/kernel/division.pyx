"""Dividing rows between two clusters: sequential allocation and restricted Gibbs scans."""

import numpy as np

from libc.math cimport INFINITY

from bitmix.kernel.draws cimport below, uniform
from bitmix.kernel.mixture cimport NONE

cdef enum:
    SCANS = 3  # the restricted Gibbs scans that make a launch state
    AHEAD = 16   # rows whose places are drawn together, as it takes a while to fetch a row
    ALLOCATE = 12  # Allocating a row takes as long as to add up the weights of a cluster so often,
    LAZILY = 3     # and as part of a launch state or scan that is lazy, so often.
    COPIES = 16  # Copying so many numbers of rows takes as long as to add up weights once.
    WRITE = 8  # To rewrite the weights of a cluster takes as long as to add them up so many times.
    REWRITES = 8  # in a lazy scan

cdef double CERTAIN = 40.0  # nats; draws cannot resolve probabilities below exp(-CERTAIN)


cdef class Division:
    """Rows that are divided between two clusters, one part with row i and one with row j.

    The clusters are two columns of the mixture that no cluster uses, `slot` and the next.

    Parameters
    ----------
    mixture : Mixture, INOUT
        Only the columns of the slots change.
    lazy : bool
        Whether scans write the weights of the clusters a few times only, and launch states once.
        This saves nearly all the time if rows have few of very many features on.
    """

    def __init__(self, Mixture mixture, bint lazy):
        n = mixture.z.shape[0]
        self.mixture = mixture
        self.lazy = lazy
        self.row = np.empty(n, np.int32)
        self.current = np.empty(n, np.uint8)
        self.launch = np.empty(n, np.uint8)
        self.proposed = np.empty(n, np.uint8)

    cdef void gather(
        self, Members members, Py_ssize_t a, Py_ssize_t b, Py_ssize_t i, Py_ssize_t j
    ) noexcept nogil:
        """Take the members of clusters a and b, which may be NONE, but i and j."""
        self.n = 0
        self._add_members(members, a, i, j, 0)
        if b != NONE:
            self._add_members(members, b, i, j, 1)
        self.work += self.n // COPIES

    cdef void _add_members(
        self, Members members, Py_ssize_t k, Py_ssize_t i, Py_ssize_t j, uint8_t part
    ) noexcept nogil:
        cdef Py_ssize_t t
        cdef int32_t x
        for t in range(members.n[k]):
            x = members.item[members.first[k] + t]
            if x != i and x != j:
                self.row[self.n] = x
                self.current[self.n] = part
                self.n += 1

    cdef void make_launch_state(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot
    ) noexcept nogil:
        """Divide i, j and the rows between two slots.

        The rows join one by one, each with the probability of restricted Gibbs sampling given those
        before (Dahl 2005, sequential allocation), or, lazily, given i and j alone. Otherwise one
        part would get nearly all rows: with many features that are mostly off, a part that is ahead
        by a row predicts them so much better. Restricted Gibbs scans follow.
        """
        cdef Py_ssize_t t, x, _scan
        self.begin(i, j, slot)
        for t in range(self.n):
            self._place(rng, t)
            x = self.row[t]
            self.launch[t] = self._draw_part(
                rng, self.mixture.score_by_row(x, slot + 1) - self.mixture.score_by_row(x, slot)
            )
            if self.lazy:
                self.mixture.add(x, slot + self.launch[t], 1)
            else:
                self.mixture.change(x, slot + self.launch[t], 1, NULL)
        self.work += self.n * (LAZILY if self.lazy else 2 + WRITE)
        for _scan in range(SCANS):
            self.scan(rng, slot, self.launch, None, -INFINITY)

    cdef void skip_launch_state(self, bitgen_t *rng, Py_ssize_t n) noexcept nogil:
        """Draw the random numbers of a launch state of n rows, of which none is needed."""
        cdef Py_ssize_t _draw
        for _draw in range((2 + SCANS) * n):
            uniform(rng)

    cdef void _place(self, bitgen_t *rng, Py_ssize_t t) noexcept nogil:
        """Draw which of the rows from place t on comes next (Fisher and Yates)."""
        cdef Py_ssize_t r = t + below(rng, self.n - t)
        self.row[t], self.row[r] = self.row[r], self.row[t]
        self.current[t], self.current[r] = self.current[r], self.current[t]

    cdef void begin(self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot) noexcept nogil:
        """Put i and j alone into the slots."""
        self._alone(i, slot)
        self._alone(j, slot + 1)

    cdef void _alone(self, Py_ssize_t i, Py_ssize_t slot) noexcept nogil:
        """Make a cluster of one row."""
        self.mixture.set_counts(slot, NONE, NONE)
        self.mixture.write_cluster(slot)
        self.mixture.change(i, slot, 1, NULL)

    cdef uint8_t _draw_part(self, bitgen_t *rng, double odds) noexcept nogil:
        """Draw 1 or 0, given the log odds of 1."""
        cdef double u = uniform(rng)
        if odds > CERTAIN or odds < -CERTAIN:
            return odds > 0.0
        return u * (1.0 + self.mixture.simd.exp(-odds)) < 1.0

    cdef double _log_probability(self, double odds) noexcept nogil:
        """Return the log probability of an outcome by the log odds against it."""
        if odds > CERTAIN:
            return -odds
        if odds > -CERTAIN:
            return -self.mixture.simd.log(1.0 + self.mixture.simd.exp(odds))
        return 0.0

    cdef double scan(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end, double least
    ) noexcept nogil:
        """Reassign each row of the launch state to one of the two clusters, given all others.

        A lazy scan knows the counts of the others as they were when it last wrote the weights.

        Parameters
        ----------
        rng : INOUT
            Not used if `end` is given.
        slot : IN
        part : INOUT (N,)
            The parts before, and after.
        end : IN (N,) or None
            The parts to end with. They are drawn if None.
        least : IN
            If `end` is given: where a scan can stop, as its log probability is too low.

        Returns
        -------
        log_q : double
            The log probability that a scan ends with these parts, or a number up to `least`.
        """
        cdef Py_ssize_t t, x
        cdef uint8_t own, new
        cdef double odds, log_q = 0.0
        for t in range(self.n):
            if self.lazy and t % (2 + self.n // REWRITES) == 0:
                self._store(slot)
            x, own = self.row[t], part[t]
            odds = self.mixture.score_by_row(x, slot + 1 - own)
            odds -= self._score_without(x, slot + own)
            new = self._draw_part(rng, -odds if own else odds) if end is None else end[t]
            log_q += self._log_probability(odds if new == own else -odds)
            self.work += LAZILY if self.lazy else 2 + WRITE
            if new != own:
                self._move(x, slot + own, slot + new)
                part[t] = new
            if log_q <= least and end is not None:
                return log_q
        if self.lazy:
            self._write(slot)
        return log_q

    cdef float _score_without(self, Py_ssize_t x, Py_ssize_t own) noexcept nogil:
        """Return the score of row x for its own cluster without the row."""
        if self.lazy:
            return self.mixture.score_stored(x, own)
        return self.mixture.score_without(x, own)

    cdef void _move(self, Py_ssize_t x, Py_ssize_t own, Py_ssize_t new) noexcept nogil:
        """Move row x to the other cluster."""
        if self.lazy:
            self.mixture.add(x, own, -1)
            self.mixture.add(x, new, 1)
            return
        self.mixture.leave(x, own)
        self.mixture.change(x, new, 1, NULL)
        self.work += 2 * WRITE

    cdef void _store(self, Py_ssize_t slot) noexcept nogil:
        """Write the weights of both clusters, also those without one of their members."""
        self._write(slot)
        self.mixture.store_without(slot)
        self.mixture.store_without(slot + 1)
        self.work += 2 * WRITE

    cdef double allocate(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end,
        Py_ssize_t first, Py_ssize_t last, double least,
    ) noexcept nogil:
        """Let the rows at places `first` to `last` - 1 of a random order join those before.

        The places are drawn some at a time. Each row joins with the probability of restricted Gibbs
        sampling given those before, as they were when the weights were last written, which is when
        the clusters had grown by an eighth. So most rows cost two sums of weights and no logarithm.

        The other parameters and the result are those of `scan`.
        """
        cdef Py_ssize_t t, x, written = 0
        cdef uint8_t new
        cdef double odds, log_q = 0.0
        for t in range(first, last):
            if 8 * (t + 2) >= 9 * written:
                self._write(slot)
                written = t + 2
            if (t - first) % AHEAD == 0:
                for x in range(t, min(t + AHEAD, last)):
                    self._place(rng, x)
                    self.mixture.rows.prefetch(self.row[x])
            x = self.row[t]
            odds = self.mixture.score_by_row(x, slot + 1) - self.mixture.score_by_row(x, slot)
            new = self._draw_part(rng, odds) if end is None else end[t]
            log_q += self._log_probability(-odds if new else odds)
            self.work += ALLOCATE
            self.mixture.add(x, slot + new, 1)
            part[t] = new
            if log_q <= least and end is not None:
                return log_q
        self._write(slot)
        return log_q

    cdef void _write(self, Py_ssize_t slot) noexcept nogil:
        """Write the weights of both clusters."""
        self.mixture.write_cluster(slot)
        self.mixture.write_cluster(slot + 1)
        self.work += 2 * WRITE
