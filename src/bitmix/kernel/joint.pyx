"""The log joint probability of rows and assignments."""

import numpy as np

from libc.stdint cimport int32_t

from bitmix.kernel.simd cimport Simd, padded, simd_in_use

from bitmix.kernel.finite import log_v as log_v_of


def log_joint(
    sizes, counts, alpha, beta, double concentration, observed=None, str partition_prior="dp"
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
    """
    clusters, features = counts.shape
    wide = np.zeros((clusters, padded(features)), np.int32)
    members = np.zeros_like(wide)
    wide[:, :features] = counts
    members[:, :features] = np.asarray(sizes)[:, None] if observed is None else observed
    return _log_joint(
        np.array(sizes, np.int32), wide, members, np.array(alpha, np.float64),
        np.array(beta, np.float64), concentration, partition_prior == "mfm",
    )


cdef double _log_joint(
    int32_t[::1] sizes, int32_t[:, ::1] counts, int32_t[:, ::1] members, double[::1] alpha,
    double[::1] beta, double concentration, bint finite,
):
    """Return `log_joint` of counts and members (K, padded D), summed over features in order."""
    cdef const Simd *simd = simd_in_use()
    cdef Py_ssize_t d, k, clusters = counts.shape[0], width = counts.shape[1]
    cdef Py_ssize_t features = alpha.shape[0]
    cdef double[::1] a = np.ones(width), b = np.ones(width), by_feature = np.empty(width)
    cdef double[::1] n = np.array(sizes, np.float64)
    cdef double value, total = 0.0, log_v = 0.0
    if finite:
        log_v = log_v_of(int(np.sum(sizes)), clusters, concentration)
    with nogil:
        a[:features] = alpha
        b[:features] = beta
        simd.log_marginal(
            &a[0], &b[0], &counts[0, 0], &members[0, 0], clusters, width, &by_feature[0]
        )
        for k in range(clusters):
            total += n[k]
        if finite:
            value = log_v - clusters * simd.lgamma(concentration)
            value += simd.sum_lgamma(concentration, &n[0], clusters)
        else:
            value = simd.lgamma(concentration) - simd.lgamma(concentration + total)
            value += clusters * simd.log(concentration)
            value += simd.sum_lgamma(0.0, &n[0], clusters)
        for d in range(features):
            value += by_feature[d]
    return value
