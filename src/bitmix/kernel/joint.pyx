"""The log joint probability of rows and assignments."""

import numpy as np

from libc.stdint cimport int32_t

from bitmix.kernel.crew cimport Crew
from bitmix.kernel.simd cimport LANES, Simd, padded, simd_in_use

from bitmix.kernel.finite import log_v as log_v_of


cdef enum:
    WIDTH = 2 * LANES  # features that a thread takes at a time
    LEAST = 100_000    # Fewer counts take less time than to start threads.


def log_joint(
    sizes, counts, alpha, beta, double concentration, observed=None, str partition_prior="dp",
    int threads=1,
):
    """Return log p(x, z | alpha, beta, concentration), in nats.

    With a the concentration, log p(z) is that of the Chinese restaurant process (Antoniak 1974;
    Neal 2000, eq. 2.10), K log a + sum_k lgamma(n_k) + lgamma(a) - lgamma(a + N), or that of the
    mixture of finite mixtures (Miller and Harrison 2018, eq. 3.1),
    log V_N(K) + sum_k lgamma(n_k + a) - lgamma(a). The rows have
    log p(x | z) = sum_kd log B(alpha_d + c_kd, beta_d + n_kd - c_kd) - log B(alpha_d, beta_d),
    where n_kd is n_k unless features are missing.

    Parameters
    ----------
    sizes : (K,) int, IN
        n_k
    counts : (K, D) int, IN
        c_kd
    alpha, beta : (D,) float, IN
    concentration : float
    observed : (K, D) int, IN, optional
        n_kd
    partition_prior : {"dp", "mfm"}
        See `bitmix.model.PARTITION_PRIORS`.
    threads : int
        How many threads may share the work. All numbers give the same bits.
    """
    if observed is None:
        observed = np.broadcast_to(np.asarray(sizes)[:, None], counts.shape)
    by_feature = Features(counts, observed, alpha, beta).log_marginals(threads)
    return _log_joint(
        np.array(sizes, np.float64), by_feature, concentration, partition_prior == "mfm"
    )


cdef class Features:
    """The log marginal likelihood of each feature.

    Parameters
    ----------
    counts, observed : (K, D) int, IN
    alpha, beta : (D,) float, IN
    """

    cdef const Simd *simd
    cdef Py_ssize_t features
    cdef int32_t[:, :, ::1] counts, observed    # (D / WIDTH, K, WIDTH), so that threads share it
    cdef double[::1] alpha, beta, out

    def __init__(self, counts, observed, alpha, beta):
        clusters, self.features = counts.shape
        width = padded(self.features)
        self.simd = simd_in_use()
        self.counts = np.zeros((width // WIDTH, clusters, WIDTH), np.int32)
        self.observed = np.zeros_like(self.counts)
        self.alpha, self.beta, self.out = np.ones(width), np.ones(width), np.empty(width)
        np.asarray(self.alpha)[:self.features] = alpha
        np.asarray(self.beta)[:self.features] = beta
        for block in range(width // WIDTH):
            here = slice(block * WIDTH, min((block + 1) * WIDTH, self.features))
            n = here.stop - here.start
            np.asarray(self.counts)[block, :, :n] = counts[:, here]
            np.asarray(self.observed)[block, :, :n] = observed[:, here]

    def log_marginals(self, int threads):
        """Return log p(feature d of all rows | assignments), (D,) float64."""
        cdef Py_ssize_t blocks = self.counts.shape[0]
        cdef Crew crew
        if threads == 1 or self.counts.size < LEAST:
            with nogil:
                self.share(0, blocks)
        else:
            crew = Crew(min(threads, blocks))
            with nogil:
                crew.run(share_features, <void *>self, blocks, 1)
        return np.asarray(self.out)[:self.features]

    cdef void share(self, Py_ssize_t first, Py_ssize_t past) noexcept nogil:
        """Find what is asked for, for some blocks of features."""
        cdef Py_ssize_t block, d
        for block in range(first, past):
            d = block * WIDTH
            self.simd.log_marginal(
                &self.alpha[d], &self.beta[d], &self.counts[block, 0, 0],
                &self.observed[block, 0, 0], self.counts.shape[1], WIDTH, &self.out[d],
            )


cdef void share_features(
    void *features, Py_ssize_t first, Py_ssize_t past, int thread
) noexcept nogil:
    (<Features>features).share(first, past)


cdef double _log_joint(
    double[::1] n, double[::1] by_feature, double concentration, bint finite
):
    """Return `log_joint` of clusters of n rows, summed over features in order."""
    cdef const Simd *simd = simd_in_use()
    cdef Py_ssize_t d, k, clusters = n.shape[0]
    cdef double value, total = 0.0, log_v = 0.0
    if finite:
        log_v = log_v_of(int(np.sum(n)), clusters, concentration)
    with nogil:
        for k in range(clusters):
            total += n[k]
        if finite:
            value = log_v - clusters * simd.lgamma(concentration)
            value += simd.sum_lgamma(concentration, &n[0], clusters)
        else:
            value = simd.lgamma(concentration) - simd.lgamma(concentration + total)
            value += clusters * simd.log(concentration)
            value += simd.sum_lgamma(0.0, &n[0], clusters)
        for d in range(by_feature.shape[0]):
            value += by_feature[d]
    return value
