"""The C functions of c/simd.h: one table of them for each instruction set."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

cdef extern from "simd.h":
    enum:
        LANES "BITMIX_LANES"
        NARROW "BITMIX_NARROW"
    Py_ssize_t cost_column "BITMIX_COST_COLUMN"(Py_ssize_t) noexcept nogil
    ctypedef struct Simd "bitmix_simd":
        const char *name
        void (*score)(const float *, Py_ssize_t, Py_ssize_t, const uint32_t *, Py_ssize_t,
                      const float *, Py_ssize_t, float *) noexcept nogil
        uint16_t (*screen)(const uint8_t *, Py_ssize_t, const uint32_t *, Py_ssize_t,
                           const uint16_t *, Py_ssize_t, Py_ssize_t, uint16_t *) noexcept nogil
        Py_ssize_t (*below)(const uint16_t *, Py_ssize_t, uint16_t, int32_t *) noexcept nogil
        Py_ssize_t (*choose)(const float *, Py_ssize_t, double, double, float *) noexcept nogil
        float (*sum_on)(const float *, const uint16_t *, Py_ssize_t) noexcept nogil
        void (*count)(int32_t *, const uint16_t *, int32_t, Py_ssize_t) noexcept nogil
        double (*cluster_logs)(const float *, const float *, const int32_t *, int32_t, int32_t,
                               Py_ssize_t, float *, float *, float *, Py_ssize_t) noexcept nogil
        double (*changed_logs)(const float *, const float *, const int32_t *, int32_t,
                               const uint16_t *, int32_t, Py_ssize_t, float *) noexcept nogil
        double (*change)(const float *, const float *, int32_t *, int32_t, const uint16_t *,
                         int32_t, Py_ssize_t, const float *, float *, float *,
                         float *, Py_ssize_t) noexcept nogil
        void (*scatter)(const float *, Py_ssize_t, float *) noexcept nogil
        double (*scatter_costs)(const float *, const float *, float, Py_ssize_t, uint8_t *,
                                uint8_t *) noexcept nogil
        void (*take_max)(const float *, Py_ssize_t, float *) noexcept nogil
        double (*sum_log)(const float *, float, Py_ssize_t) noexcept nogil
        double (*sum_lgamma)(double, const double *, Py_ssize_t) noexcept nogil
        double (*log_rising)(double, const double *, const double *, Py_ssize_t) noexcept nogil
        double (*masked_logs)(const float *, const float *, const float *, const int32_t *,
                              const int32_t *, const uint16_t *, const uint16_t *, int32_t,
                              Py_ssize_t, float *, float *) noexcept nogil
        void (*log_marginal)(const double *, const double *, const int32_t *, const int32_t *,
                             Py_ssize_t, Py_ssize_t, double *) noexcept nogil
        double (*log)(double) noexcept nogil
        double (*exp)(double) noexcept nogil
        double (*lgamma)(double) noexcept nogil
        void (*array_log_f32)(const float *, float *, Py_ssize_t) noexcept nogil
        void (*array_exp_f32)(const float *, float *, Py_ssize_t) noexcept nogil
        void (*array_log_f64)(const double *, double *, Py_ssize_t) noexcept nogil
        void (*array_exp_f64)(const double *, double *, Py_ssize_t) noexcept nogil
        void (*array_lgamma_f64)(const double *, double *, Py_ssize_t) noexcept nogil

cdef const Simd *simd_in_use() noexcept nogil


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """Round up to pairs of vectors, as the C functions take them."""
    return (n + 2 * LANES - 1) // (2 * LANES) * (2 * LANES)
