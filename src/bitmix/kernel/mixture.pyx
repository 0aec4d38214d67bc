"""The state of a chain: assignments, sufficient statistics, and weights derived from them.

Take row x out of cluster k. Of the n members that are left, c have feature d on. Then

    log p(x | k) = sum_on log(alpha + c) + sum_off log(beta + n - c) - sum_d log(alpha + beta + n)

The kernel evaluates this as base_k + sum_on w_kd, with w_kd = log(alpha + c) - log(beta + n - c).
Scores are single precision, within 1e-3 nats. The log joint and the hyperparameters are double
precision. All arithmetic is that of vecmath.h, so a chain has the same bits on every machine.
"""

import numpy as np

from libc.math cimport INFINITY, NAN, sqrt

from bitmix.kernel.simd cimport LANES, simd_in_use

from bitmix.kernel.arrays import aligned, grown
from bitmix.kernel.joint import log_joint


cdef class Index:
    """A layout of the weights for one kind of scoring. It follows every change.

    This base class adds no layout: split-merge scores by rows and needs none.
    """

    def __init__(self):
        self.apart = 1
        self.screens = False

    cdef int reserve(self, Mixture mixture) except -1:
        """Make room for as many columns as the mixture."""
        return 0

    cdef float *weights_of(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        """Return where to write the weights of cluster k."""
        return &mixture.weights[k, 0]

    cdef void follow(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        """Follow cluster k after its weights were written."""

    cdef void forget(self, Py_ssize_t k) noexcept nogil:
        """Forget column k, which is no cluster any more."""

    cdef void rebase(self, Mixture mixture, Py_ssize_t k) noexcept nogil:
        """Follow cluster k after only its base changed."""

    cdef Py_ssize_t choose(
        self, Mixture mixture, Py_ssize_t i, Py_ssize_t own, double u
    ) noexcept nogil:
        """Draw a cluster for row i of cluster `own`, given all other rows; K is a new one.

        `u` is the uniform random number of the draw.
        """
        return NONE


cdef void set_row(int32_t[:, ::1] rows, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """Set rows[k], INOUT, to rows[a] + rows[b]; a row NONE counts as zero."""
    cdef Py_ssize_t d
    for d in range(rows.shape[1]):
        rows[k, d] = (rows[a, d] if a >= 0 else 0) + (rows[b, d] if b >= 0 else 0)


cdef class Mixture:
    """The state of one chain.

    Clusters are numbered 0..K-1 and none is empty. Column K of the weights always holds the empty
    cluster, so that a new cluster is scored like any other.

    Parameters
    ----------
    rows : Rows
    assignments : (N,) int32, IN
        Every number of 0..K-1 is used.
    alpha, beta : (D,) float64, IN, positive
    concentration : float, positive
    partition_prior : {"dp", "mfm"}
        See `bitmix.model.PARTITION_PRIORS`.
    """

    def __init__(
        self, Rows rows, assignments, alpha, beta, double concentration, str partition_prior="dp"
    ):
        self.rows = rows
        self.simd = simd_in_use()
        self.priors = Hyperparameters(rows, alpha, beta, concentration, partition_prior)
        self.z = np.array(assignments, np.int32)
        self.clusters = int(np.max(assignments)) + 1
        self.temperature = 1.0
        self.features = LANES * rows.bits.shape[1]
        self.active = len(rows.active)
        self.entries = self.active if rows.missing is None else 2 * self.active
        self.changed = aligned(self.features, np.float32)
        self.column = aligned(self.features, np.float32)
        self.arrays = {}
        self.index = Index()
        self._reserve(self.clusters + 1)
        self._count()

    cdef int _reserve(self, Py_ssize_t clusters) except -1:
        """Make room for `clusters` columns and at least a quarter more."""
        cdef Py_ssize_t room = ((clusters + clusters // 4) // BLOCK + 1) * BLOCK
        wide = (room, self.features)
        self.priors.reserve(room)
        self.sizes_ = grown(self.arrays, "sizes", room, np.int32)
        self.counts_ = grown(self.arrays, "counts", wide, np.int32)
        self.log_on = grown(self.arrays, "log_on", wide, np.float32)
        self.log_off = grown(self.arrays, "log_off", wide, np.float32)
        self.sum_off = grown(self.arrays, "sum_off", room, np.float64)
        self.weights = grown(self.arrays, "weights", wide, np.float32)
        self.base = grown(self.arrays, "base", room, np.float32, -np.inf)
        self.scores = grown(self.arrays, "scores", room, np.float32)
        self.scratch = grown(self.arrays, "scratch", room, np.float32)
        self.stored = grown(self.arrays, "stored", room, np.uint8)
        self.without = grown(self.arrays, "without", wide, np.float32)
        self.base_without = grown(self.arrays, "base_without", room, np.float32)
        return self.index.reserve(self)

    cdef void _count(self) noexcept nogil:
        """Set sizes and counts from the assignments."""
        cdef Py_ssize_t i
        for i in range(self.z.shape[0]):
            self.add(i, self.z[i], 1)

    cdef void add(self, Py_ssize_t i, Py_ssize_t k, int32_t delta) noexcept nogil:
        """Add row i to the statistics of cluster k (delta = 1), or take it away (-1).

        The weights stay as they are.
        """
        cdef Py_ssize_t j, start = self.rows.start[i], end = self.rows.start[i + 1]
        self.sizes_[k] += delta
        if end - start > self.rows.bits.shape[1]:  # one by one would take longer
            self.simd.count(&self.counts_[k, 0], &self.rows.bits[i, 0], delta, self.features)
        else:
            for j in range(start, end):
                self.counts_[k, self.rows.on[j]] += delta

    # ------------------------------------------------------------ what Python sees

    @property
    def assignments(self):
        """(N,) int32"""
        return np.array(self.z)

    @property
    def sizes(self):
        """(K,) int64"""
        return np.array(self.sizes_[:self.clusters], np.int64)

    @property
    def counts(self):
        """(K, D) int32, the number of members of each cluster that have each feature on"""
        return self._all_features(self.counts_)

    @property
    def observed(self):
        """(K, D) int32, the number of members with each feature observed; None if it is all"""
        return None

    def _all_features(self, array):
        """Return an array (room, P) as (K, D), with zeros for features that are never on."""
        active = self.rows.active
        full = np.zeros((self.clusters, self.rows.shape[1]), np.int32)
        full[:, active] = np.asarray(array)[:self.clusters, :len(active)]
        return full

    @property
    def alpha(self):
        """(D,) float64"""
        return np.array(self.priors.alpha)

    @property
    def beta(self):
        """(D,) float64"""
        return np.array(self.priors.beta)

    @property
    def concentration(self):
        return self.priors.concentration

    @property
    def partition_prior(self):
        return self.priors.partition_prior

    @property
    def screening(self):
        """Whether the last sweep screened clusters in the end."""
        return self.index.screens

    def log_joint(self):
        """Return log p(x, z | alpha, beta, concentration), in nats."""
        return log_joint(
            self.sizes, self.counts, self.alpha, self.beta, self.concentration, self.observed,
            self.priors.partition_prior,
        )

    # ------------------------------------------------------------ clusters

    cdef void set_temperature(self, double temperature):
        """Set the temperature of `draw`. Call `prepare` before the next draw."""
        if temperature != self.temperature:
            self.temperature = temperature
            self.priors.set_prior_factor(sqrt(temperature))

    cdef void prepare(self, Index index):
        """Write the weights of all clusters, and of the empty one, for an index."""
        cdef Py_ssize_t k
        self.index = index
        index.reserve(self)
        self.base[:] = -INFINITY
        for k in range(self.clusters + 1):
            self.write_cluster(k)
        self.set_beside(self.clusters)

    cdef void write_cluster(self, Py_ssize_t k) noexcept nogil:
        """Write the logs and weights of cluster k from its counts."""
        self.sum_off[k] = self.simd.cluster_logs(
            &self.priors.alpha_f[0], &self.priors.beta_f[0], &self.counts_[k, 0], self.sizes_[k],
            0, self.features, &self.log_on[k, 0], &self.log_off[k, 0],
            self.index.weights_of(self, k), self.index.apart,
        )
        self._written(k)

    cdef void _written(self, Py_ssize_t k) noexcept nogil:
        """Update everything that depends on the weights of cluster k."""
        self.base[k] = <float>(self.sum_off[k] + self.priors.log_size(self.sizes_[k]))
        self.stored[k] = 0
        self.index.follow(self, k)

    cdef void set_beside(self, Py_ssize_t clusters) noexcept nogil:
        """Give the empty cluster the weight of a new cluster beside `clusters` others."""
        if self.priors.log_news is None or self.priors.beside == clusters:
            return
        self.priors.beside = clusters
        self.priors.log_new = self.priors.log_news[clusters]
        self.priors.by_size[0] = NAN
        self.base[self.clusters] = self.base_of_new()
        self.index.rebase(self, self.clusters)

    cdef float base_of_new(self) noexcept nogil:
        """Return the base of the empty cluster."""
        return <float>(self.sum_off[self.clusters] + self.priors.log_size(0))

    # ------------------------------------------------------------ scores

    cdef float score_by_row(self, Py_ssize_t i, Py_ssize_t k) noexcept nogil:
        """Return the score of row i for another cluster than its own, from the weights as rows."""
        return self.base[k] + self.sum_on(&self.weights[k, 0], i)

    cdef float score_without(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """Return the score of row i for its own cluster without the row."""
        cdef int32_t n = self.sizes_[own] - 1
        if n == 0:
            return -INFINITY
        if self.stored[own] == 0 and not self.settled:
            # The cluster has just changed and may soon change again: compute one log per feature.
            self.stored[own] = 1
            return <float>(self.priors.log_size(n) + self.simd.changed_logs(
                &self.priors.alpha_f[0], &self.priors.beta_f[0], &self.counts_[own, 0], n,
                &self.rows.bits[i, 0], -1, self.features, &self.changed[0],
            ))
        if self.stored[own] < 2:
            self.store_without(own)
        return self.score_stored(i, own)

    cdef void store_without(self, Py_ssize_t own) noexcept nogil:
        """Store the weights of a cluster without one of its members."""
        self.stored[own] = 2
        self.base_without[own] = <float>(
            self.priors.log_size(self.sizes_[own] - 1) + self.simd.cluster_logs(
                &self.priors.alpha_f[0], &self.priors.beta_f[0], &self.counts_[own, 0],
                self.sizes_[own], 1, self.features, &self.changed[0], &self.column[0],
                &self.without[own, 0], 1,
            )
        )

    cdef float score_stored(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """Return the score of row i for its own cluster without the row, from what is stored."""
        return self.base_without[own] + self.sum_on(&self.without[own, 0], i)

    cdef float sum_on(self, const float *column, Py_ssize_t i) noexcept nogil:
        """Return the sum of column[d], IN (P,), over the features d that row i has on."""
        return self.simd.sum_on(column, &self.rows.bits[i, 0], self.features)

    cdef bint can_screen(self) noexcept nogil:
        """Return whether the weights alone decide the scores, as screening needs."""
        return True

    cdef Py_ssize_t draw(self, Py_ssize_t blocks, double u, double rest) noexcept nogil:
        """Draw a column with a probability proportional to exp(score / temperature).

        See simd.h, choose.
        """
        cdef float inverse = <float>(1.0 / self.temperature)
        cdef Py_ssize_t k
        if self.temperature != 1.0:
            for k in range(blocks * LANES):
                self.scores[k] *= inverse
        return self.simd.choose(&self.scores[0], blocks, u, rest, &self.scratch[0])

    # ------------------------------------------------------------ changes

    cdef int move(self, Py_ssize_t i, Py_ssize_t own, Py_ssize_t new) except -1 nogil:
        """Move row i from its cluster to another, K for a new one."""
        if new == self.clusters:
            self._open()
        self.leave(i, own)
        self.change(i, new, 1, NULL)
        self.z[i] = <int32_t>new
        if self.sizes_[own] == 0:
            self._close(own)
        return 0

    cdef void leave(self, Py_ssize_t i, Py_ssize_t own) noexcept nogil:
        """Let row i leave its cluster. Call `score_without` for the row just before."""
        # If `stored` is 1, `score_without` has just computed the changes.
        self.change(i, own, -1, &self.changed[0] if self.stored[own] == 1 else NULL)

    cdef void change(
        self, Py_ssize_t i, Py_ssize_t k, int32_t delta, const float *changed
    ) noexcept nogil:
        """Let row i join (delta = 1) or leave (-1) cluster k."""
        self.sizes_[k] += delta
        self.sum_off[k] = self.simd.change(
            &self.priors.alpha_f[0], &self.priors.beta_f[0], &self.counts_[k, 0], self.sizes_[k],
            &self.rows.bits[i, 0], delta, self.features, changed,
            &self.log_on[k, 0], &self.log_off[k, 0], self.index.weights_of(self, k),
            self.index.apart,
        )
        self._written(k)

    cdef int _open(self) except -1 nogil:
        """Make the empty cluster, column K, a cluster with rows, and prepare the next column."""
        self.clusters += 1
        if self.clusters == self.base.shape[0]:
            with gil:
                self._reserve(self.clusters + 1)
        self.write_cluster(self.clusters)
        return 0

    cdef void _close(self, Py_ssize_t k) noexcept nogil:
        """Give the number of the empty cluster k to the last cluster."""
        cdef Py_ssize_t last = self.clusters - 1, i
        if k != last:
            self.set_counts(k, last, NONE)
            self.set_counts(last, NONE, NONE)
            for i in range(self.z.shape[0]):
                if self.z[i] == last:
                    self.z[i] = <int32_t>k
            self.write_cluster(k)
            self.write_cluster(last)
        self.base[self.clusters] = -INFINITY
        self.index.forget(self.clusters)
        self.clusters = last

    cdef void set_counts(self, Py_ssize_t k, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        """Give cluster k the statistics of clusters a and b together. Either may be NONE."""
        self.sizes_[k] = (self.sizes_[a] if a >= 0 else 0) + (self.sizes_[b] if b >= 0 else 0)
        set_row(self.counts_, k, a, b)

    # ------------------------------------------------------------ statistics by feature

    cdef void members_of_cluster(self, Py_ssize_t k, int32_t[::1] n) noexcept nogil:
        """Set n, OUT (P,), to the number of members of cluster k with each feature observed."""
        n[:] = self.sizes_[k]

    cdef void counts_of_features(
        self, Py_ssize_t first, int32_t[:, ::1] on, int32_t[:, ::1] members
    ) noexcept nogil:
        """Set the counts, OUT (LANES, K), and the observed members, OUT, of features from `first`.

        Features are active ones, in their order, then those that are never on.
        """
        cdef Py_ssize_t k, lane
        for k in range(self.clusters):
            for lane in range(LANES):
                on[lane, k] = self.counts_[k, first + lane] if first + lane < self.active else 0
                members[lane, k] = self.sizes_[k]
