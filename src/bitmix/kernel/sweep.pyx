"""The collapsed Gibbs sweep."""

import numpy as np

from libc.stdint cimport int32_t
from numpy.random cimport bitgen_t

from bitmix.kernel.columns cimport Columns
from bitmix.kernel.draws cimport bitgen_of, permute, uniform
from bitmix.kernel.mixture cimport Mixture
from bitmix.kernel.rows cimport prefetch
from bitmix.kernel.screening cimport EXP_MINUS_MARGIN, Screening

#: The number of rows that a sweep scores for all clusters before it decides whether to screen.
PROBE = 256

cdef enum:
    FEW = 16  # screening saves time if fewer than one in FEW clusters is likely


def sweep(
    Mixture mixture, bit_generator, *, double temperature=1.0, Py_ssize_t probe=PROBE
):
    """Reassign every row once, in a fresh random order.

    At temperature 1, it is algorithm 3 of Neal (2000), "Markov chain sampling methods for Dirichlet
    process mixture models", J. Comput. Graph. Stat. 9. It consumes N - 1 doubles of the generator
    for the order and N for the rows.

    Parameters
    ----------
    mixture : Mixture, INOUT
    bit_generator : numpy.random.BitGenerator, INOUT
    temperature : float
        The temperature T. With T = 1, a sweep leaves the posterior invariant. With a higher T, a
        row goes to cluster k with a probability proportional to w_k^(1 / sqrt(T)) p(x | k)^(1 / T),
        where w_k is the prior weight of the cluster. See `bitmix.sampling.annealing`.
    probe : int
        The number of rows after which the sweep decides whether to screen. It changes the time that
        a sweep takes, but no result.

    Returns
    -------
    moved : int
        The number of rows that changed cluster.
    """
    if mixture.sweeper is None:
        mixture.sweeper = Sweep(mixture.z.shape[0])
    return mixture.sweeper.run(mixture, bit_generator, temperature, probe)


cdef class Sweep:
    """The working memory of the sweeps of a mixture.

    Parameters
    ----------
    n : int
        The number of rows.
    """

    cdef int32_t[::1] order
    cdef Columns columns
    cdef Screening screening

    def __init__(self, n):
        self.order = np.empty(n, np.int32)
        self.columns = Columns()
        self.screening = Screening()

    def run(self, Mixture mixture, bit_generator, double temperature, Py_ssize_t probe):
        """Make a sweep; see `sweep`."""
        cdef bitgen_t *rng = bitgen_of(bit_generator)
        cdef Py_ssize_t i, t, own, new, moved = 0, likely = 0
        if not mixture.can_screen():
            probe = self.order.shape[0]
        mixture.set_temperature(temperature)
        self.columns.lay_out(mixture)
        mixture.prepare(self.columns)
        with bit_generator.lock, nogil:
            permute(rng, self.order)
            for t in range(self.order.shape[0]):
                self._prefetch(mixture, t)
                if t == probe and likely * FEW <= t * mixture.clusters:
                    with gil:
                        self._screen(mixture)
                i = self.order[t]
                own = mixture.z[i]
                mixture.settled = moved * 3 < t
                mixture.set_beside(mixture.clusters - (mixture.sizes_[own] == 1))
                new = mixture.index.choose(mixture, i, own, uniform(rng))
                if t < probe:
                    likely += self.columns.count_likely(mixture, EXP_MINUS_MARGIN)
                if new == own or (new == mixture.clusters and mixture.sizes_[own] == 1):
                    continue
                mixture.move(i, own, new)
                moved += 1
        mixture.set_temperature(1.0)
        return moved

    cdef void _prefetch(self, Mixture mixture, Py_ssize_t t) noexcept nogil:
        """Fetch row t + 1 of the order into the cache, and where row t + 3 starts."""
        cdef Py_ssize_t n = self.order.shape[0], later
        if t + 3 < n:
            later = self.order[t + 3]
            prefetch(&mixture.rows.start[later])
            prefetch(&mixture.z[later])
        if t + 1 < n:
            mixture.rows.prefetch(self.order[t + 1])

    cdef void _screen(self, Mixture mixture):
        """Screen clusters from now on."""
        self.screening.reserve(mixture)
        mixture.index = self.screening
        self.screening.start(mixture)
