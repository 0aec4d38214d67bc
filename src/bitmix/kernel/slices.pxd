"""Slice sampling (Neal 2003, "Slice sampling", Annals of Statistics 31)."""

from numpy.random cimport bitgen_t

from bitmix.kernel.draws cimport uniform
from bitmix.kernel.simd cimport Simd

ctypedef double (*LogDensity)(const void *, double) noexcept nogil


cdef inline double slice_sample(
    bitgen_t *rng, const Simd *simd, LogDensity log_density, const void *p, double a, double width
) noexcept nogil:
    """Return a new value of a > 0, sampled in u = log a (Neal 2003, figures 3 and 5).

    Parameters
    ----------
    rng, simd : IN
    log_density : IN
        log_density(p, u) is the log density of u, up to a constant.
    p : IN
    a : IN
        The present value.
    width : IN
        The first width of the slice. It must not depend on a. The slice steps out, then shrinks.
    """
    cdef double start = simd.log(a)
    cdef double height = log_density(p, start) + simd.log(1.0 - uniform(rng))
    cdef double left = start - width * uniform(rng)
    cdef double right = left + width
    cdef double u
    while log_density(p, left) > height:
        left -= width
    while log_density(p, right) > height:
        right += width
    while True:
        u = left + (right - left) * uniform(rng)
        if log_density(p, u) >= height:
            return simd.exp(u)
        if u < start:
            left = u
        else:
            right = u
