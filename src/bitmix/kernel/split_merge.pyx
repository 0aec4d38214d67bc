"""Proposals to split, merge and repartition clusters."""

import numpy as np

from libc.math cimport INFINITY, NAN, isnan, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t
from numpy.random cimport bitgen_t

from bitmix.kernel.division cimport Division
from bitmix.kernel.draws cimport below, bitgen_of, uniform
from bitmix.kernel.members cimport Members
from bitmix.kernel.mixture cimport NONE, Index, Mixture
from bitmix.kernel.simd cimport LANES, Simd, padded

#: The most rows of a launch state. For more rows there is a first test on as many.
LAUNCH = 256

#: The least features that are wide: few rows then do not tell clusters apart, and to write the
#: weights of a cluster takes much longer than to read those of the features that a row has on.
WIDE = 4096

cdef enum:
    SPLIT, MERGE, REPARTITION  # kinds of proposals
    TEST = 32    # Log m takes as long as to add up the weights of a cluster so many times.
    SLOTS = 5    # columns at the end of the room, for clusters that are only proposed:
    # two of a launch state, the same two again, and the union of two clusters


def split_merge(
    Mixture mixture, bit_generator, Py_ssize_t proposals, *, Py_ssize_t launch=LAUNCH,
    Py_ssize_t wide=WIDE,
):
    """Propose to split clusters and to merge them; see `SplitMerge`.

    Parameters
    ----------
    mixture : Mixture, INOUT
    bit_generator : numpy.random.BitGenerator, INOUT
    proposals : int
    launch : int
        The most rows of a launch state, where there are fewer than `wide` features.
    wide : int
        From so many features on, a launch state takes all rows, lazily; see `Division`.

    Returns
    -------
    tally : (3, 2) int64
        The number of splits, merges and repartitions that were proposed and accepted.
    gain : float
        What the accepted ones added to the log joint, in nats.
    work : int
        How often the weights of a cluster were added up for a row; other work counts as well.
    """
    return SplitMerge(mixture, launch, wide).run(bit_generator, proposals)


cdef class SplitMerge:
    """Metropolis-Hastings proposals to split, merge and repartition clusters of a mixture.

    The frame is that of Jain and Neal (2004), "A split-merge Markov chain Monte Carlo procedure for
    the Dirichlet process mixture model", J. Comput. Graph. Stat. 13. One proposal:

    1. Draw a row i uniformly; a is its cluster. Propose a split with probability 0.4, a merge with
       0.4, a repartition with 0.2.
    2. For a split, draw a row j uniformly from the rest of a. For a merge or a repartition, draw a
       cluster b other than a with probability s(b), proportional to exp(score / temperature). The
       score is that of row i for b in a Gibbs sweep. The temperature is sqrt(D) / 3, at least 1,
       because scores differ more if there are more features. Draw j uniformly from b.
    3. Divide the rows S of a (and b) into a launch state, one part with i, one with j: see
       `Division.make_launch_state` (Dahl 2005).
    4. One more scan from the launch state makes the parts a', b' of a split or repartition; q is
       the product of its probabilities. For a merge, and for the reverse of a repartition, q is
       that of the scan that leads from the launch state to a and b as they are.
    5. Let m(c) be n_c! / n_c times the marginal likelihood of the rows in c: the factor of c in
       the posterior. (In a mixture of finite mixtures, m(c) has Gamma(n_c + g) / Gamma(1 + g), and
       the weight of a new cluster stands for the concentration: see finite.py.)
       Accept with probability min(1, ratio), where ratio is

           split        concentration m(a') m(b') / m(a)  x  s'(b') (n_a - 1) / (n_b' q)
           merge        m(a + b) / (concentration m(a) m(b))  x  n_b q / (s(b) (n_a + n_b - 1))
           repartition  m(a') m(b') / (m(a) m(b))  x  s'(b') n_b q(a, b) / (s(b) n_b' q(a', b'))

       Here s' is s in the proposed state. Launch states have the same distribution either way.

    A merge that would fail even if q were 1 is rejected before any member is read.

    With `wide` features, launch states and scans take the counts of the parts as they were some
    rows before. That is exact too: any q serves that a proposal and its reverse share.

    More than `launch` rows S (beside i and j) are too many to read for every proposal, and a launch
    state would tell little of them. Steps 3 to 5 are then:

    3. The rows join i and j one by one in random order, and q is the product of the probabilities:
       see `Division.allocate` (Dahl 2005). For a merge, they join as they are in a and b.
    4. After so many rows, let r be concentration m(a') m(b') / (m(a' + b') q) of the rows so far.
       Let g be r after `launch` rows, divided by r after half of them, but at most 1. It is small
       if these rows are better explained by one cluster. A split goes on with probability g.
    5. Accept a split with probability min(1, ratio / g), a merge with min(1, ratio g).

    As a split and the merge that undoes it have the same g, this leaves the posterior invariant
    (Christen and Fox 2005, "Markov chain Monte Carlo using an approximation", J. Comput. Graph.
    Stat. 14). Repartitions of so many rows are rejected at once.

    Jain and Neal draw i and j uniformly. That rarely finds two clusters that should be one. Here
    the pair depends on the state, so s and the sizes are part of the ratio.

    A chain is a function of its random numbers in this order: the kind, the threshold of the ratio,
    i, b if there is one, the rank of j among the members of its cluster, then the launch state
    (for each row its place in the order and its part), its scans, and the last scan. For more than
    `launch` rows, places and parts follow the rank of j, as far as they are needed, and the
    threshold of the second test of a split follows the parts that the first test reads. Members
    rank by when they joined in these proposals, the latest first, and before them by number.

    Parameters
    ----------
    mixture : Mixture, INOUT
    launch, wide : int
        See `split_merge`.
    """

    cdef Mixture mixture
    cdef const Simd *simd
    cdef Members members
    cdef Division division
    cdef float temperature
    cdef int64_t[:, ::1] tally
    cdef double gain
    cdef Py_ssize_t launch              # the most rows of a launch state
    # all features, active ones first, padded
    cdef double[::1] alpha, beta, by_feature
    cdef int32_t[::1] on, observed
    cdef double[::1] log_m              # log m of cluster k, nan: not yet known
    cdef double log_one                 # lgamma(1 + shift)

    def __init__(self, Mixture mixture, Py_ssize_t launch, Py_ssize_t wide):
        features = np.concatenate([mixture.rows.active, mixture.rows.never])
        width = padded(len(features))
        self.mixture = mixture
        self.simd = mixture.simd
        is_wide = len(features) >= wide
        self.launch = mixture.z.shape[0] if is_wide else launch
        self.division = Division(mixture, is_wide and mixture.rows.missing is None)
        self.temperature = max(1.0, sqrt(len(features)) / 3.0)
        self.tally = np.zeros((3, 2), np.int64)
        self.alpha, self.beta = np.ones(width), np.ones(width)
        np.asarray(self.alpha)[:len(features)] = mixture.alpha[features]
        np.asarray(self.beta)[:len(features)] = mixture.beta[features]
        self.by_feature = np.empty(width)
        self.on, self.observed = np.zeros(width, np.int32), np.zeros(width, np.int32)
        self.log_one = self.simd.lgamma(1.0 + mixture.priors.shift)
        self.log_m = np.full(mixture.z.shape[0] + 1, np.nan)

    def run(self, bit_generator, Py_ssize_t proposals):
        """Make so many proposals; return the tally, the gain and the work."""
        cdef bitgen_t *rng = bitgen_of(bit_generator)
        cdef Py_ssize_t _proposal
        self._make_room()
        self.mixture.prepare(Index())
        self.mixture.settled = False
        self.members = Members(self.mixture.z)
        self.division.work += self.mixture.z.shape[0] // 4
        with bit_generator.lock, nogil:
            for _proposal in range(proposals):
                self._make_room()
                self._propose(rng)
            self._clear_slots()
        return np.asarray(self.tally), self.gain, self.division.work

    cdef int _make_room(self) except -1 nogil:
        """Make room for one more cluster, the empty one, and the slots."""
        if self.mixture.clusters + 2 + SLOTS > self.mixture.base.shape[0]:
            self._clear_slots()
            with gil:
                self.mixture._reserve(self.mixture.clusters + 2 + SLOTS)
        return 0

    cdef void _clear_slots(self) noexcept nogil:
        """Empty all unused columns, because one of them becomes the empty cluster."""
        cdef Py_ssize_t k
        for k in range(self.mixture.clusters, self.mixture.base.shape[0]):
            self.mixture.set_counts(k, NONE, NONE)

    # ------------------------------------------------------------ proposals

    cdef void _propose(self, bitgen_t *rng) noexcept nogil:
        cdef double u = uniform(rng), threshold = self._draw_threshold(rng)
        cdef Py_ssize_t i = below(rng, self.mixture.z.shape[0]), a = self.mixture.z[i]
        cdef int kind = SPLIT if u < 0.4 else MERGE if u < 0.8 else REPARTITION
        cdef bint accepted = False
        if kind == SPLIT:
            if self.mixture.sizes_[a] > 1:
                accepted = self._propose_split(rng, threshold, i, a)
        elif self.mixture.clusters > 1:
            accepted = self._propose_pair(rng, threshold, i, a, kind)
        self.tally[kind, 0] += 1
        self.tally[kind, 1] += accepted

    cdef bint _propose_split(
        self, bitgen_t *rng, double threshold, Py_ssize_t i, Py_ssize_t a
    ) noexcept nogil:
        cdef Py_ssize_t slot = self.mixture.base.shape[0] - SLOTS, new = self.mixture.clusters
        cdef Py_ssize_t n = self.mixture.sizes_[a]
        cdef Py_ssize_t j = self.members.member(a, below(rng, n - 1), i)
        cdef double log_new = self.mixture.priors.log_new_beside(new), log_q, gain, ratio
        self.division.gather(self.members, a, NONE, i, j)
        log_q = self._log_q(rng, i, j, slot, None, INFINITY, &threshold)
        if threshold == INFINITY:
            return False
        gain = self._log_m(slot) + self._log_m(slot + 1) - self._log_m(a) + log_new
        ratio = gain - log_q
        # s' is at most 1: a proposal that fails without it also fails with it.
        if ratio + self.simd.log(n - 1) <= threshold:
            return False
        self._choose(i, a, new, slot + 1, 0.0)
        ratio += self._log_s(new) + self.simd.log(n - 1)
        ratio -= self.simd.log(self.mixture.sizes_[slot + 1])
        if ratio <= threshold:
            return False
        self.gain += gain
        self.mixture.clusters += 1
        self._accept(i, j, a, new, slot, self.division.launch)
        return True

    cdef bint _propose_pair(
        self, bitgen_t *rng, double threshold, Py_ssize_t i, Py_ssize_t a, int kind
    ) noexcept nogil:
        """Propose a merge or a repartition."""
        cdef Py_ssize_t b = self._choose(i, a, NONE, NONE, uniform(rng)), j, n
        cdef double ratio = self.simd.log(self.mixture.sizes_[b]) - self._log_s(b)
        n = self.mixture.sizes_[a] + self.mixture.sizes_[b]
        j = self.members.member(b, below(rng, self.mixture.sizes_[b]), NONE)
        if kind == MERGE:
            return self._propose_merge(rng, threshold, ratio, i, j, a, b)
        if self._is_large(n):
            return False
        return self._propose_repartition(rng, threshold, ratio, i, j, a, b)

    cdef bint _propose_merge(
        self, bitgen_t *rng, double threshold, double ratio,
        Py_ssize_t i, Py_ssize_t j, Py_ssize_t a, Py_ssize_t b,
    ) noexcept nogil:
        cdef Py_ssize_t slot = self.mixture.base.shape[0] - SLOTS, both = slot + 4, n
        cdef Py_ssize_t last = self.mixture.clusters - 1
        cdef double log_new = self.mixture.priors.log_new_beside(last), gain
        self.mixture.set_counts(both, a, b)
        n = self.mixture.sizes_[both]
        gain = self._log_m(both) - self._log_m(a) - self._log_m(b) - log_new
        ratio += gain - self.simd.log(n - 1)
        # q is a probability. If the proposal fails without it, no member needs to be read.
        if ratio <= threshold:
            if not self._is_large(n):
                self.division.skip_launch_state(rng, n - 2)
            return False
        self.division.gather(self.members, a, b, i, j)
        ratio += self._log_q(rng, i, j, slot, self.division.current, ratio, &threshold)
        if ratio <= threshold:
            return False
        self.gain += gain
        self.mixture.set_counts(both, a, b)
        self._take(a, both)
        self.members.join(b, a)
        if b != last:
            self._take(b, last)
            self.members.relabel(last, b)
        self.mixture.set_counts(last, NONE, NONE)
        self.mixture.clusters = last
        return True

    cdef bint _propose_repartition(
        self, bitgen_t *rng, double threshold, double ratio,
        Py_ssize_t i, Py_ssize_t j, Py_ssize_t a, Py_ssize_t b,
    ) noexcept nogil:
        cdef Py_ssize_t slot = self.mixture.base.shape[0] - SLOTS, again = slot + 2, part
        cdef double gain
        self.division.gather(self.members, a, b, i, j)
        self.division.make_launch_state(rng, i, j, slot)
        self.division.proposed[:self.division.n] = self.division.launch[:self.division.n]
        for part in range(2):
            self.mixture.set_counts(again + part, slot + part, NONE)
            self.mixture.write_cluster(again + part)
        ratio -= self.division.scan(rng, again, self.division.proposed, None, -INFINITY)
        gain = self._log_m(again) + self._log_m(again + 1) - self._log_m(a) - self._log_m(b)
        ratio += gain - self.simd.log(self.mixture.sizes_[again + 1])
        if ratio <= threshold:  # The rest are probabilities.
            return False
        ratio += self.division.scan(
            NULL, slot, self.division.launch, self.division.current, threshold - ratio
        )
        if ratio <= threshold:
            return False
        self._choose(i, a, b, again + 1, 0.0)
        ratio += self._log_s(b)
        if ratio <= threshold:
            return False
        self.gain += gain
        self._accept(i, j, a, b, again, self.division.proposed)
        return True

    # ------------------------------------------------------------ divisions

    cdef double _log_q(
        self, bitgen_t *rng, Py_ssize_t i, Py_ssize_t j, Py_ssize_t slot, uint8_t[::1] end,
        double best, double *threshold,
    ) noexcept nogil:
        """Divide i, j and the rows gathered, and return log q.

        Parameters
        ----------
        end : IN (N,) or None
            The parts, for a merge. For a split they are drawn.
        best : IN
            The log ratio if q were 1. It may be INFINITY.
        threshold : INOUT
            Of the ratio. A first test changes it; INFINITY: the test fails.
        """
        cdef uint8_t[::1] part = self.division.launch
        cdef Py_ssize_t n = self.division.n, half = self.launch // 2
        cdef double log_q, first
        if not self._is_large(n + 2):
            self.division.make_launch_state(rng, i, j, slot)
            return self.division.scan(rng, slot, part, end, threshold[0] - best)
        self.division.begin(i, j, slot)
        log_q = self.division.allocate(rng, slot, part, end, 0, half, -INFINITY)
        first = self._log_joined(slot) + log_q
        log_q += self.division.allocate(rng, slot, part, end, half, self.launch, -INFINITY)
        first = min(0.0, first - self._log_joined(slot) - log_q)
        if end is not None:
            threshold[0] -= first
        elif first <= threshold[0]:
            threshold[0] = INFINITY
        else:
            threshold[0] = first + self._draw_threshold(rng)
        if best + log_q <= threshold[0]:
            return log_q
        return log_q + self.division.allocate(
            rng, slot, part, end, self.launch, n, threshold[0] - best - log_q
        )

    cdef double _log_joined(self, Py_ssize_t slot) noexcept nogil:
        """Return log m of the union of two slots, less log m of each."""
        cdef Py_ssize_t both = slot + 4
        self.mixture.set_counts(both, slot, slot + 1)
        return self._log_m(both) - self._log_m(slot) - self._log_m(slot + 1)

    cdef bint _is_large(self, Py_ssize_t n) noexcept nogil:
        """Return whether n rows are too many for a launch state."""
        return n - 2 > self.launch

    cdef double _draw_threshold(self, bitgen_t *rng) noexcept nogil:
        """Draw the threshold of a test: the ratio is large enough if its log is greater."""
        return self.simd.log(1.0 - uniform(rng))

    cdef void _accept(
        self, Py_ssize_t i, Py_ssize_t j, Py_ssize_t a, Py_ssize_t b, Py_ssize_t slot,
        uint8_t[::1] part,
    ) noexcept nogil:
        """Copy the two slots to clusters a and b, and assign the rows by `part`, IN (N,)."""
        cdef Py_ssize_t t
        self._take(a, slot)
        self._take(b, slot + 1)
        self.members.renew(a, self.mixture.sizes_[a], b, self.mixture.sizes_[b])
        self.members.put(i, a)
        self.members.put(j, b)
        for t in range(self.division.n):
            self.members.put(self.division.row[t], b if part[t] else a)

    cdef void _take(self, Py_ssize_t k, Py_ssize_t source) noexcept nogil:
        """Give cluster k the statistics of another cluster or of a slot."""
        self.mixture.set_counts(k, source, NONE)
        self.mixture.write_cluster(k)
        self.log_m[k] = NAN

    # ------------------------------------------------------------ the choice of b

    cdef Py_ssize_t _choose(
        self, Py_ssize_t i, Py_ssize_t a, Py_ssize_t b, Py_ssize_t slot, double u
    ) noexcept nogil:
        """Draw a cluster other than a by s. The mixture's scratch then holds s, not normalised.

        For cluster b, the statistics in the slot count. It may be a new cluster, with the number K.
        """
        cdef float[::1] scores = self.mixture.scores
        cdef Py_ssize_t k, n = max(self.mixture.clusters, b + 1), blocks = (n + LANES - 1) // LANES
        for k in range(n):
            scores[k] = self.mixture.score_by_row(i, slot if k == b else k) / self.temperature
        self.division.work += n
        scores[a] = -INFINITY
        for k in range(n, blocks * LANES):
            scores[k] = -INFINITY
        return self.simd.choose(&scores[0], blocks, u, 0.0, &self.mixture.scratch[0])

    cdef double _log_s(self, Py_ssize_t b) noexcept nogil:
        """Return log s(b) after `_choose`."""
        cdef Py_ssize_t k
        cdef double total = 0.0
        if self.mixture.scratch[b] == 0.0:
            return -INFINITY
        for k in range(max(self.mixture.clusters, b + 1)):
            total += self.mixture.scratch[k]
        return self.simd.log(self.mixture.scratch[b] / total)

    cdef double _log_m(self, Py_ssize_t k) noexcept nogil:
        """Return log m of a cluster or a slot. Those of clusters are remembered."""
        cdef bint remembered = k < self.mixture.clusters
        cdef Py_ssize_t d
        cdef double value
        if remembered and not isnan(self.log_m[k]):
            return self.log_m[k]
        self.division.work += TEST
        value = self.simd.lgamma(self.mixture.sizes_[k] + self.mixture.priors.shift)
        value -= self.log_one
        for d in range(self.mixture.active):
            self.on[d] = self.mixture.counts_[k, d]
        self.mixture.members_of_cluster(k, self.observed)
        self.simd.log_marginal(
            &self.alpha[0], &self.beta[0], &self.on[0], &self.observed[0], 1,
            self.by_feature.shape[0], &self.by_feature[0],
        )
        for d in range(self.mixture.priors.alpha.shape[0]):
            value += self.by_feature[d]
        if remembered:
            self.log_m[k] = value
        return value
