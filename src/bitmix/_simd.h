/* What the sweep asks of the vector unit: one table of functions for each instruction set.
 *
 * _simd.c is compiled once for each level (x86-64: baseline, v3 = AVX2, v4 = AVX-512; elsewhere
 * baseline alone) and bitmix_simd_best() picks at run time, so one build runs anywhere. All levels
 * return the same bits.
 *
 * Conventions: pixels are the `pixels` active ones (on in some image, off in none left out), padded
 * to a multiple of LANES; clusters are columns of the weights, padded likewise. An image is the
 * list `on` of its on-pixels, and `bits`, one bit a pixel, least significant first.
 */
#ifndef BITMIX_SIMD_H
#define BITMIX_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define BITMIX_LANES 16

typedef struct {
    const char *name;

    /* out[k] = base[k] + sum over on-pixels d of weights[d * stride + k], for 16 * blocks columns */
    void (*score)(const float *weights, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,
                  const float *base, ptrdiff_t blocks, float *out);

    /* Index k drawn with probability proportional to exp(score[k]) by u in [0, 1) */
    ptrdiff_t (*choose)(const float *score, ptrdiff_t blocks, double u, float *scratch);

    /* Sum of column[d] over the on-pixels */
    float (*gather)(const float *column, const uint32_t *on, ptrdiff_t n_on);

    /* A cluster's log(alpha + c) and log(beta + n - c), each count lessened by `lag` but not below
     * zero, and their difference. Returns the sum of the second. */
    double (*cluster_logs)(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           int32_t lag, ptrdiff_t pixels, float *log_on, float *log_off,
                           float *weights);

    /* The one log of each pixel that changes as an image joins (delta = 1) or leaves (-1) a cluster
     * that will then have n members: log(alpha + c) where it is on, log(beta + n - c) where it is
     * off. Returns their sum. */
    double (*changed_logs)(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           const uint16_t *bits, int32_t delta, ptrdiff_t pixels, float *changed);

    /* Write what changed_logs found to the cluster: counts, both logs, and their difference.
     * Returns the sum of log(beta + n - c). */
    double (*commit)(const float *changed, const uint16_t *bits, int32_t delta, ptrdiff_t pixels,
                     int32_t *counts, float *log_on, float *log_off, float *weights);

    /* weights[d * stride] = column[d] for d < rows */
    void (*scatter)(const float *column, ptrdiff_t rows, float *weights, ptrdiff_t stride);

    /* Sum of log(shift[d] + n) over d < pixels */
    double (*sum_log)(const float *shift, float n, ptrdiff_t pixels);

    /* Sum of lgamma(a + term[i]) over i < n */
    double (*sum_lgamma)(double a, const double *term, ptrdiff_t n);

    /* out[d] = sum over clusters k of log B(alpha + c, beta + n - c) - log B(alpha, beta) */
    void (*log_marginal)(const double *alpha, const double *beta, const int32_t *counts,
                         ptrdiff_t stride, const int32_t *sizes, ptrdiff_t clusters,
                         ptrdiff_t pixels, double *out);

    double (*log)(double);
    double (*exp)(double);
    double (*lgamma)(double);

    /* The arithmetic over arrays, for its tests; n a multiple of LANES */
    void (*array_log_f32)(const float *x, float *out, ptrdiff_t n);
    void (*array_exp_f32)(const float *x, float *out, ptrdiff_t n);
    void (*array_log_f64)(const double *x, double *out, ptrdiff_t n);
    void (*array_exp_f64)(const double *x, double *out, ptrdiff_t n);
    void (*array_lgamma_f64)(const double *x, double *out, ptrdiff_t n);
} bitmix_simd;

/* The level of that name ("baseline", "v3", "v4"), or NULL if this build or machine lacks it */
const bitmix_simd *bitmix_simd_named(const char *name);

/* The widest level that this machine runs */
const bitmix_simd *bitmix_simd_best(void);

#endif
