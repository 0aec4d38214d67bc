from libc.math cimport frexp

from bitmix.kernel.simd cimport Simd

cdef enum:
    NODES = 16
    PIECES = 12

# sum_k lgamma(s + n_k) - lgamma(s + 1), which all features share, as piecewise Chebyshev series in
# s: two pieces to each doubling of s + 1, up to 64. The relative error is below 1e-14: the nearest
# singularity is s = -1, at 5 half-widths from the centre of a piece, and 9.9^-16 = 1e-16.
cdef struct Sizes:
    const Simd *simd
    const double *sizes
    Py_ssize_t clusters
    double[PIECES][NODES] series

cdef void tabulate(
    Sizes *table, const Simd *simd, const double *sizes, Py_ssize_t clusters
) noexcept nogil


cdef inline double exact_sum(const Sizes *table, double s) noexcept nogil:
    return (
        table.simd.sum_lgamma(s, table.sizes, table.clusters)
        - table.clusters * table.simd.lgamma(s + 1.0)
    )


cdef inline double size_sum(const Sizes *table, double s) noexcept nogil:
    """Return sum_k lgamma(s + n_k) - lgamma(s + 1) for s > 0."""
    cdef int exponent
    cdef double mantissa = frexp(s + 1.0, &exponent)
    cdef Py_ssize_t j, piece = 2 * (exponent - 1) + (mantissa >= 0.75)
    cdef double half, x, b0 = 0.0, b1 = 0.0, b2
    if piece >= PIECES:
        return exact_sum(table, s)
    half = 0.25 * (1 << (piece // 2))
    x = (s + 1.0) / half - (5.0 + 2.0 * (piece % 2))
    for j in range(NODES - 1, 0, -1):  # Clenshaw's recurrence
        b2 = b1
        b1 = b0
        b0 = table.series[piece][j] + 2.0 * x * b1 - b2
    return table.series[piece][0] + x * b0 - b1
