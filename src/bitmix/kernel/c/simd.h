/* The vector functions of the kernel: one table of functions for each instruction set.
 *
 * simd.c is compiled once for each level (x86-64: baseline, v3 = AVX2, v4 = AVX-512; elsewhere
 * baseline only). bitmix_simd_best() chooses at run time, so one build runs anywhere. All levels
 * return the same bits.
 *
 * Conventions: only active features are used, those that are on in some row. `features` is their
 * number, padded to a multiple of 32. `rows` is not padded. A row is given twice: as the list `on`
 * of the features that it has on, and as `bits`, one bit per feature, least significant first.
 */
#ifndef BITMIX_SIMD_H
#define BITMIX_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define BITMIX_LANES 16

/* The weights of a feature lie side by side for as many clusters, or, where clusters are few, for
 * half as many. A cluster that changes then writes to half as many cache lines. */
#define BITMIX_NARROW 8

/* The column of cluster k in its block of 64 costs: bytes are summed as pairs, see screen_blocks */
#define BITMIX_COST_COLUMN(k) ((k) % 32 * 2 + (k) / 32 % 2)

typedef struct {
    const char *name;

    /* out[k] = base[k] + sum over on-features d of the weight of feature d in cluster k, which is
     * weights[k / beside * stride + beside * d + k % beside], for beside * blocks clusters. `beside`
     * is BITMIX_LANES or BITMIX_NARROW. */
    void (*score)(const float *weights, ptrdiff_t beside, ptrdiff_t stride, const uint32_t *on,
                  ptrdiff_t n_on, const float *base, ptrdiff_t blocks, float *out);

    /* out[k] = base[k] + sum over on-features d of the cost of feature d in cluster k, which is
     * costs[k / 64 * stride + 64 d + BITMIX_COST_COLUMN(k)], for 64 * blocks clusters, at most
     * 65535. Returns the least of all except out[but]. */
    uint16_t (*screen)(const uint8_t *costs, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,
                       const uint16_t *base, ptrdiff_t blocks, ptrdiff_t but, uint16_t *out);

    /* The k of screen's `out` that are at most `limit`, ascending; returns how many */
    ptrdiff_t (*below)(const uint16_t *out, ptrdiff_t blocks, uint16_t limit, int32_t *columns);

    /* Index drawn with probability proportional to p = exp(score - greatest score), by inversion of
     * the cumulative sum at u in [0, 1). The scores leave out an unknown mass of up to `rest`. It
     * may lie anywhere between them. Returns -1 if it could matter. Writes p to `p`. */
    ptrdiff_t (*choose)(const float *score, ptrdiff_t blocks, double u, double rest, float *p);

    /* Sum of column[d] over the on-features */
    float (*sum_on)(const float *column, const uint16_t *bits, ptrdiff_t features);

    /* Add delta to counts[d] for the on-features d */
    void (*count)(int32_t *counts, const uint16_t *bits, int32_t delta, ptrdiff_t features);

    /* A cluster's log(alpha + c) and log(beta + n - c), and their difference, which goes to
     * weights[apart * d]: `apart` is 1, BITMIX_NARROW or BITMIX_LANES. Each count is lowered by
     * `lag`, but not below zero. Returns the sum of log(beta + n - c). */
    double (*cluster_logs)(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           int32_t lag, ptrdiff_t features, float *log_on, float *log_off,
                           float *weights, ptrdiff_t apart);

    /* The one log of each feature that changes if a row joins (delta = 1) or leaves (-1) a cluster
     * that then has n members: log(alpha + c) where it is on, log(beta + n - c) where it is
     * off. Returns their sum. */
    double (*changed_logs)(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           const uint16_t *bits, int32_t delta, ptrdiff_t features, float *changed);

    /* Let the row join or leave: counts, logs, and their difference. `changed` is what
     * changed_logs found, or NULL. Weights and what it returns are as for cluster_logs. */
    double (*change)(const float *alpha, const float *beta, int32_t *counts, int32_t n,
                     const uint16_t *bits, int32_t delta, ptrdiff_t features, const float *changed,
                     float *log_on, float *log_off, float *weights, ptrdiff_t apart);

    /* The weights of a cluster some of whose members lack some features, after a row joins (delta =
     * 1), leaves (-1) or neither (0): log(alpha + c) - log(beta + n - c), and for a row that
     * lacks the feature log(alpha + beta + n) - log(beta + n - c), n differing between features.
     * `missing` has the padding set. Returns minus the sum of the latter. */
    double (*masked_logs)(const float *alpha, const float *beta, const float *shift,
                          const int32_t *counts, const int32_t *members, const uint16_t *bits,
                          const uint16_t *missing, int32_t delta, ptrdiff_t features, float *weights,
                          float *weights_missing);

    /* Column of the transposed weights: weights[16 d] = column[d] for d < rows */
    void (*scatter)(const float *column, ptrdiff_t rows, float *weights);

    /* Column of the costs: costs[64 d] = scale * (ceiling[d] - column[d]), rounded down and limited
     * to 0..127, for d < features. `row` holds the column as it is, INOUT: only costs that differ
     * are written, as each is in a cache line of its own. Returns the sum of the amounts by which
     * the column exceeds the ceiling. */
    double (*scatter_costs)(const float *column, const float *ceiling, float scale,
                            ptrdiff_t features, uint8_t *row, uint8_t *costs);

    /* top[d] = max(top[d], column[d]) for d < features */
    void (*take_max)(const float *column, ptrdiff_t features, float *top);

    /* Sum of log(shift[d] + n) over d < features */
    double (*sum_log)(const float *shift, float n, ptrdiff_t features);

    /* Sum of lgamma(a + term[i]) over i < n */
    double (*sum_lgamma)(double a, const double *term, ptrdiff_t n);

    /* Sum of log Gamma(a + t) / Gamma(a) over counts t. They are given as more[j], the number of
     * counts above j, for j < 16, and as `large`, the counts of at least 16 */
    double (*log_rising)(double a, const double *more, const double *large, ptrdiff_t n_large);

    /* out[d] = sum over clusters k of log B(alpha + c, beta + n - c) - log B(alpha, beta), with
     * c = counts[k * features + d] and n = members[k * features + d] */
    void (*log_marginal)(const double *alpha, const double *beta, const int32_t *counts,
                         const int32_t *members, ptrdiff_t clusters, ptrdiff_t features, double *out);

    double (*log)(double);
    double (*exp)(double);
    double (*lgamma)(double);

    /* The arithmetic over arrays, for its tests; n is a multiple of LANES */
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
