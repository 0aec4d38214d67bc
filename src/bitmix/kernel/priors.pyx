"""Slice updates of the hyperparameters."""

import numpy as np

from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int32_t, int64_t
from numpy.random cimport bitgen_t

from bitmix.kernel.draws cimport bitgen_of
from bitmix.kernel.mixture cimport Mixture
from bitmix.kernel.simd cimport LANES, Simd
from bitmix.kernel.sizes cimport Sizes, size_sum, tabulate
from bitmix.kernel.slices cimport slice_sample


def update_priors(
    Mixture mixture, bit_generator, double rate, double power, double low, double high
):
    """Update alpha_d, then beta_d, of each feature by slice sampling (Neal 2003, figures 3, 5).

    Their conditional given the assignments is

        p(alpha, beta) prod_k B(alpha + c_kd, beta + n_k - c_kd) / B(alpha, beta)

    with log p(alpha, beta) = -rate (alpha + beta) - power log(alpha + beta) + const on
    low < alpha, beta < high. The slice is taken in log alpha and log beta, where one width serves
    features whose priors differ by orders of magnitude.

    Parameters
    ----------
    mixture : Mixture, INOUT
    bit_generator : numpy.random.BitGenerator, INOUT
    rate, power, low, high : float
        See `bitmix.model.Hyperprior`.
    """
    cdef bitgen_t *rng = bitgen_of(bit_generator)
    cdef const Simd *simd = mixture.simd
    cdef Py_ssize_t j, d
    cdef int64_t[::1] feature = np.concatenate([mixture.rows.active, mixture.rows.never])
    cdef double[::1] alpha = mixture.priors.alpha, beta = mixture.priors.beta
    cdef double[::1] sizes = np.asarray(mixture.sizes_[:mixture.clusters], np.float64)
    cdef double[:, ::1] large = np.empty((3, mixture.clusters))
    cdef int32_t[:, ::1] on = np.empty((LANES, mixture.clusters), np.int32)
    cdef int32_t[:, ::1] members = np.empty((LANES, mixture.clusters), np.int32)
    cdef bint masked = mixture.entries > mixture.active
    cdef Sizes table
    cdef Terms heads, tails, totals
    cdef Conditional target
    heads.large, tails.large, totals.large = &large[0, 0], &large[1, 0], &large[2, 0]
    target.simd = simd
    target.sizes = &table
    target.rate, target.power = rate, power
    target.low = simd.log(low) if low > 0.0 else -INFINITY
    target.high = simd.log(high) if high < INFINITY else INFINITY
    # Without missing features, the totals of all features are the sizes of the clusters.
    target.totals = &totals if masked else NULL
    with bit_generator.lock, nogil:
        tabulate(&table, simd, &sizes[0], mixture.clusters)
        for j in range(feature.shape[0]):
            if j % LANES == 0:
                mixture.counts_of_features(j, on, members)
            d = feature[j]
            _find_terms(on[j % LANES], members[j % LANES], &heads, &tails)
            if masked:
                _find_totals(members[j % LANES], &totals)
            target.terms = &heads
            target.terms_are_sizes = False
            target.other = beta[d]
            alpha[d] = _slice_of_feature(rng, &target, alpha[d])
            target.terms = &tails
            target.terms_are_sizes = heads.n == 0 and not masked
            target.other = alpha[d]
            beta[d] = _slice_of_feature(rng, &target, beta[d])
    mixture.priors.changed()


def update_concentration(Mixture mixture, bit_generator, double shape, double rate):
    """Update the concentration a by slice sampling of log a (Neal 2003, figures 3 and 5).

    Its conditional depends on the partition through the number of clusters K alone (Antoniak 1974;
    Escobar and West 1995, eq. 10): p(a | z) is proportional to p(a) a^K Gamma(a) / Gamma(a + N),
    with p(a) = Gamma(shape, rate).

    Parameters
    ----------
    mixture : Mixture, INOUT
    bit_generator : numpy.random.BitGenerator, INOUT
    shape, rate : float
        The parameters of the Gamma hyperprior.
    """
    cdef bitgen_t *rng = bitgen_of(bit_generator)
    cdef ConcentrationConditional target
    cdef double found
    if mixture.partition_prior != "dp":
        raise ValueError("a mixture of finite mixtures keeps its concentration: do not update it")
    target.simd = mixture.simd
    target.rows, target.clusters = mixture.z.shape[0], mixture.clusters
    target.shape, target.rate = shape, rate
    with bit_generator.lock, nogil:
        found = slice_sample(
            rng, mixture.simd, _log_concentration, &target, mixture.priors.concentration, 1.0
        )
    mixture.priors.set_concentration(found)


# ---------------------------------------------------------------- counts of one feature

# The counts t of one feature in all clusters, as log_rising takes them
cdef struct Terms:
    double[16] more        # the numbers of counts above 0, 1, ..., 15
    double *large          # those that are 16 or more
    Py_ssize_t n, n_large  # the numbers of counts above 0, and of at least 16


cdef inline void no_terms(Terms *terms) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(16):
        terms.more[j] = 0.0
    terms.n = terms.n_large = 0


cdef inline void add_term(Terms *terms, int32_t t) noexcept nogil:
    if t >= 16:
        terms.large[terms.n_large] = t
        terms.n_large += 1
    elif t > 0:
        terms.more[t - 1] += 1.0
        terms.n += 1


cdef inline void end_terms(Terms *terms) noexcept nogil:
    """Sum the numbers of terms equal to 1, 2, ..., 15 to those of terms above 0, 1, ..., 15."""
    cdef Py_ssize_t j
    terms.n += terms.n_large
    terms.more[15] += terms.n_large
    for j in range(14, -1, -1):
        terms.more[j] += terms.more[j + 1]


cdef void _find_terms(
    const int32_t[::1] on, const int32_t[::1] members, Terms *heads, Terms *tails
) noexcept nogil:
    """Set the terms, OUT, from the counts and the observed members of each cluster, IN (K,)."""
    cdef Py_ssize_t k
    no_terms(heads)
    no_terms(tails)
    for k in range(on.shape[0]):
        add_term(heads, on[k])
        add_term(tails, members[k] - on[k])
    end_terms(heads)
    end_terms(tails)


cdef void _find_totals(const int32_t[::1] members, Terms *totals) noexcept nogil:
    """Set the terms, OUT, from the observed members of each cluster, IN (K,)."""
    cdef Py_ssize_t k
    no_terms(totals)
    for k in range(members.shape[0]):
        add_term(totals, members[k])
    end_terms(totals)


# ---------------------------------------------------------------- conditionals

# The conditional of one parameter a (alpha_d or beta_d) given the other, in u = log a. With t_k the
# counts that go with a, c_kd or n_k - c_kd, it is
#   sum_k log (a)_{t_k} - sum_k log (a + other)_{n_k} + log p(a, other) + u,
# where (a)_t = Gamma(a + t) / Gamma(a) is the rising factorial.
cdef struct Conditional:
    const Simd *simd
    double rate, power, low, high  # of the hyperprior, bounds in u
    double other
    const Terms *terms
    bint terms_are_sizes           # then they are in the table
    const Terms *totals            # n_kd where they differ from n_k, or NULL
    const Sizes *sizes             # n_k


cdef double _log_rising(const Conditional *p, const Terms *terms, double a) noexcept nogil:
    return p.simd.log_rising(a, terms.more, terms.large, terms.n_large)


cdef double _log_conditional(const void *conditional, double u) noexcept nogil:
    cdef const Conditional *p = <const Conditional *>conditional
    cdef double a = p.simd.exp(u), s = a + p.other, log_s = p.simd.log(s), value
    if not p.low < u < p.high:
        return -INFINITY
    if p.terms_are_sizes:
        value = size_sum(p.sizes, a) + p.sizes.clusters * u
    else:
        value = _log_rising(p, p.terms, a)
    if p.totals == NULL:
        value -= size_sum(p.sizes, s) + p.sizes.clusters * log_s
    else:
        value -= _log_rising(p, p.totals, s)
    return value - p.rate * a - p.power * log_s + u


cdef double _slice_of_feature(bitgen_t *rng, const Conditional *p, double a) noexcept nogil:
    # about the spread of log a given its terms; the width must not depend on a
    cdef double width = 3.0 / sqrt(1.0 + p.terms.n)
    return slice_sample(rng, p.simd, _log_conditional, p, a, width)


# The conditional of the concentration a in u = log a
cdef struct ConcentrationConditional:
    const Simd *simd
    double rows, clusters, shape, rate


cdef double _log_concentration(const void *conditional, double u) noexcept nogil:
    cdef const ConcentrationConditional *p = <const ConcentrationConditional *>conditional
    cdef double a = p.simd.exp(u)
    if not -600.0 < u < 600.0:
        return -INFINITY
    return (
        (p.clusters + p.shape) * u - p.rate * a
        + p.simd.lgamma(a) - p.simd.lgamma(a + p.rows)
    )
