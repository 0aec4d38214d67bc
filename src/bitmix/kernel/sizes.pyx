"""A sum over cluster sizes that the conditionals of all features share, tabulated."""

# cos((2 i + 1) pi / 32)
cdef double[8] COSINES = [
    0.9951847266721969, 0.9569403357322088, 0.8819212643483550, 0.7730104533627370,
    0.6343932841636455, 0.4713967368259976, 0.2902846772544623, 0.0980171403295606,
]


cdef void tabulate(
    Sizes *table, const Simd *simd, const double *sizes, Py_ssize_t clusters
) noexcept nogil:
    """Fill a table, OUT, for the sizes of clusters, IN (K,), which must outlive it."""
    cdef Py_ssize_t piece, i, j
    cdef double low, half, x, value, t0, t1
    table.simd, table.sizes, table.clusters = simd, sizes, clusters
    for piece in range(PIECES):
        half = 0.25 * (1 << (piece // 2))
        low = (4.0 + 2.0 * (piece % 2)) * half - 1.0
        for j in range(NODES):
            table.series[piece][j] = 0.0
        for i in range(NODES):
            x = COSINES[i] if i < 8 else -COSINES[15 - i]
            value = exact_sum(table, low + half + half * x) * (2.0 / NODES)
            t0, t1 = 1.0, x
            for j in range(NODES):
                table.series[piece][j] += value * t0
                t0, t1 = t1, 2.0 * x * t1 - t0
        table.series[piece][0] *= 0.5
