"""The collapsed Gibbs sweep."""

import numpy as np

from libc.stdint cimport int32_t
from numpy.random cimport bitgen_t

from bitmix.kernel.columns cimport Columns
from bitmix.kernel.draws cimport bitgen_of, permute, uniform
from bitmix.kernel.mixture cimport NONE, Mixture
from bitmix.kernel.proposals cimport AHEAD, Proposals
from bitmix.kernel.screening cimport EXP_MINUS_MARGIN, Screening

#: The number of rows that a sweep scores for all clusters before it decides whether to screen.
PROBE = 256

#: The least work of a block of rows that threads share, as rows x clusters x features that a row
#: has on. With less work, one thread is as fast.
WORTH = 3_000_000

cdef enum:
    FEW = 16  # screening saves time if fewer than one in FEW clusters is likely


def sweep(
    Mixture mixture, bit_generator, *, Py_ssize_t probe=PROBE, double worth=WORTH
):
    """Reassign every row once, in a fresh random order.

    This is algorithm 3 of Neal (2000), "Markov chain sampling methods for Dirichlet process mixture
    models", J. Comput. Graph. Stat. 9. It consumes N - 1 doubles of the generator for the order and
    N for the rows.

    Parameters
    ----------
    mixture : Mixture, INOUT
        If the sweep screens, its `threads` share the work; see `Proposals`.
    bit_generator : numpy.random.BitGenerator, INOUT
    probe : int
        The number of rows after which the sweep decides whether to screen.
    worth : float
        The least work that threads share. Neither `probe` nor `worth` nor the number of threads
        changes a result.

    Returns
    -------
    moved : int
        The number of rows that changed cluster.
    """
    if mixture.sweeper is None:
        mixture.sweeper = Sweep(mixture.z.shape[0])
    try:
        return mixture.sweeper.run(mixture, bit_generator, probe, worth)
    finally:
        mixture.sweeper.end()


cdef class Sweep:
    """The working memory of the sweeps of a mixture.

    Parameters
    ----------
    n : int
        The number of rows.
    """

    cdef int32_t[::1] order
    cdef double[AHEAD] uniforms     # of the next rows
    cdef Columns columns
    cdef Screening screening
    cdef Proposals proposals        # or None
    cdef readonly tuple proposed    # see Mixture.proposed

    def __init__(self, n):
        self.order = np.empty(n, np.int32)
        self.columns = Columns()
        self.screening = Screening()

    def run(self, Mixture mixture, bit_generator, Py_ssize_t probe, double worth):
        """Make a sweep; see `sweep`."""
        cdef bitgen_t *rng = bitgen_of(bit_generator)
        cdef Py_ssize_t i, t, own, new, moved = 0, likely = 0
        if not mixture.can_screen():
            probe = self.order.shape[0]
        mixture.prepare(self.columns)
        with bit_generator.lock, nogil:
            permute(rng, self.order)
            for t in range(self.order.shape[0]):
                if t % AHEAD == 0:
                    self._draw(rng, t)
                if t == probe and likely * FEW <= t * mixture.clusters:
                    with gil:
                        self._screen(mixture, worth)
                i = self.order[t]
                own = mixture.z[i]
                mixture.settled = moved * 3 < t
                new = self._choose(mixture, t, moved)
                if t < probe:
                    likely += self.columns.count_likely(mixture, EXP_MINUS_MARGIN)
                if new == own or (new == mixture.clusters and mixture.sizes_[own] == 1):
                    continue
                mixture.move(i, own, new)
                moved += 1
                if self.proposals is not None:
                    self.proposals.follow(own, new)
        return moved

    cdef void _draw(self, bitgen_t *rng, Py_ssize_t t) noexcept nogil:
        """Draw the random numbers of rows t, t + 1, ... in the order."""
        cdef Py_ssize_t ahead
        for ahead in range(min(AHEAD, self.order.shape[0] - t)):
            self.uniforms[ahead] = uniform(rng)

    cdef int _screen(self, Mixture mixture, double worth) except -1:
        """Screen clusters from now on."""
        self.screening.reserve(mixture)
        mixture.index = self.screening
        self.screening.start(mixture)
        if mixture.threads > 1:
            self.proposals = Proposals(mixture, self.screening, worth)
        return 0

    cdef Py_ssize_t _choose(
        self, Mixture mixture, Py_ssize_t t, Py_ssize_t moved
    ) except -2 nogil:
        """Return the cluster of row t in the order, before which so many rows have moved."""
        cdef Py_ssize_t n = self.order.shape[0], ahead = t % AHEAD, i = self.order[t]
        cdef Py_ssize_t own = mixture.z[i], new = NONE
        if self.proposals is not None and self.proposals.ended():
            self.proposals.make(
                &self.order[t], &self.uniforms[ahead], min(AHEAD - ahead, n - t), t, moved
            )
        if t + 1 < n and (self.proposals is None or not self.proposals.pays):
            mixture.rows.prefetch(self.order[t + 1])
        mixture.set_beside(mixture.clusters - (mixture.sizes_[own] == 1))
        if self.proposals is not None:
            new = self.proposals.take(i, own)
        if new == NONE:
            new = mixture.index.choose(mixture, i, own, self.uniforms[ahead])
        return new

    def end(self):
        """End the threads of the last sweep."""
        self.proposed = 0, 0
        if self.proposals is not None:
            self.proposed = self.proposals.made, self.proposals.kept
            self.proposals = None
