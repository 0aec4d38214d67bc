"""Dividing rows between two clusters: sequential allocation and restricted Gibbs scans."""

import numpy as np

from bitmix.kernel.draws cimport below, uniform
from bitmix.kernel.mixture cimport NONE

cdef enum:
    SCANS = 3  # that end in a launch state

cdef double CERTAIN = 40.0  # nats: what is less likely is below the resolution of the draws


cdef class Division:
    """Rows that are divided between two clusters, one part with row i and one with row j.

    The clusters are two columns of the mixture that no cluster uses, `slot` and the next.

    Parameters
    ----------
    mixture : Mixture, INOUT
        Only the columns of the slots change.
    """

    def __init__(self, Mixture mixture):
        n = mixture.z.shape[0]
        self.mixture = mixture
        self.row = np.empty(n, np.int32)
        self.current = np.empty(n, np.uint8)
        self.launch = np.empty(n, np.uint8)
        self.proposed = np.empty(n, np.uint8)

    cdef void gather(
        self, Members members, Py_ssize_t k, Py_ssize_t i, Py_ssize_t j, uint8_t part
    ) noexcept nogil:
        """Add the members of cluster k but i and j. They are now in `part`."""
        cdef Py_ssize_t x = members.first[k]
        while x != NONE:
            if x != i and x != j:
                self.row[self.n] = <int32_t>x
                self.current[self.n] = part
                self.n += 1
            x = members.following[x]

    cdef void make_launch_state(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot
    ) noexcept nogil:
        """Divide i, j and the rows gathered between two slots.

        The rows join in random order, each with the probability of restricted Gibbs sampling given
        those before (Dahl 2005, sequential allocation). Restricted Gibbs scans follow.
        """
        cdef Py_ssize_t t, r, x, _scan
        self._alone(i, slot)
        self._alone(j, slot + 1)
        for t in range(self.n):
            r = t + below(rng, self.n - t)
            self.row[t], self.row[r] = self.row[r], self.row[t]
            self.current[t], self.current[r] = self.current[r], self.current[t]
            x = self.row[t]
            self.launch[t] = self._draw_part(
                rng, self.mixture.score_by_row(x, slot + 1) - self.mixture.score_by_row(x, slot)
            )
            self.mixture.change(x, slot + self.launch[t], 1, NULL)
        for _scan in range(SCANS):
            self.scan(rng, slot, self.launch, None)

    cdef void _alone(self, Py_ssize_t i, Py_ssize_t slot) noexcept nogil:
        """Make a cluster of one row."""
        self.mixture.set_counts(slot, NONE, NONE)
        self.mixture.write_cluster(slot)
        self.mixture.change(i, slot, 1, NULL)

    cdef uint8_t _draw_part(self, bitgen_t *rng, double odds) noexcept nogil:
        """Draw 1 by its log odds, or else 0."""
        cdef double u = uniform(rng)
        if odds > CERTAIN or odds < -CERTAIN:
            return odds > 0.0
        return u * (1.0 + self.mixture.simd.exp(-odds)) < 1.0

    cdef double scan(
        self, bitgen_t *rng, Py_ssize_t slot, uint8_t[::1] part, uint8_t[::1] end
    ) noexcept nogil:
        """Reassign each row to one of the two clusters, given all others.

        Parameters
        ----------
        rng : INOUT
            Not used if `end` is given.
        slot : IN
        part : INOUT (N,)
            The parts before, and after.
        end : IN (N,) or None
            The parts to end with. They are drawn if None.

        Returns
        -------
        log_q : double
            The log probability that a scan ends with these parts.
        """
        cdef Py_ssize_t t, x
        cdef uint8_t own, new
        cdef double odds, log_q = 0.0
        for t in range(self.n):
            x, own = self.row[t], part[t]
            odds = self.mixture.score_by_row(x, slot + 1 - own)
            odds -= self.mixture.score_without(x, slot + own)
            new = self._draw_part(rng, -odds if own else odds) if end is None else end[t]
            if new != own:
                odds = -odds
            # These are now the odds against the outcome.
            if odds > CERTAIN:
                log_q -= odds
            elif odds > -CERTAIN:
                log_q -= self.mixture.simd.log(1.0 + self.mixture.simd.exp(odds))
            if new != own:
                self.mixture.leave(x, slot + own)
                self.mixture.change(x, slot + new, 1, NULL)
                part[t] = new
        return log_q
