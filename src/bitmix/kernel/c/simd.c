/* The functions of simd.h for one instruction set, which the compiler's flags choose. */
#include "simd.h"
#include "vecmath.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define LANES BITMIX_LANES
#define NARROW BITMIX_NARROW

INLINE f32x16 load_f32(const float *p)
{
    f32x16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f32(float *p, f32x16 v) { memcpy(p, &v, sizeof v); }

/* Store to p[apart * i], with apart = 1 (a row), NARROW or LANES (a column) */
INLINE void store_apart(float *p, ptrdiff_t apart, f32x16 v)
{
    if (apart == 1) {
        store_f32(p, v);
    } else {
        float lane[LANES];
        store_f32(lane, v);
        for (int i = 0; i < LANES; i++)
            p[i * apart] = lane[i];
    }
}

INLINE i32x16 load_i32(const int32_t *p)
{
    i32x16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_i32(int32_t *p, i32x16 v) { memcpy(p, &v, sizeof v); }

INLINE f64x8 load_f64(const double *p)
{
    f64x8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f64(double *p, f64x8 v) { memcpy(p, &v, sizeof v); }

INLINE f32x16 to_f32(i32x16 v) { return __builtin_convertvector(v, f32x16); }

INLINE f64x8 to_f64(f32x8 v)
{
#if defined(__AVX512F__)
    return (f64x8)_mm512_cvtps_pd((__m256)v); /* GCC 12 converts 4 lanes at a time */
#else
    return __builtin_convertvector(v, f64x8);
#endif
}

INLINE i32x8 load_eight_i32(const int32_t *p)
{
    i32x8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A word holds one bit for each lane. AVX-512 uses it as it is; elsewhere it becomes all ones in the
 * lanes whose bit is set. */
#if !defined(__AVX512F__)
INLINE i32x16 lanes_of(uint16_t word)
{
    const i32x16 bit = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                        1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    return (((int32_t)word - (i32x16){0}) & bit) != 0;
}
#endif

/* a in the lanes whose bit of the word is set, b in the others */
INLINE f32x16 pick_f32(uint16_t word, f32x16 a, f32x16 b)
{
#if defined(__AVX512F__)
    return (f32x16)_mm512_mask_mov_ps((__m512)b, word, (__m512)a);
#else
    return select_f32(lanes_of(word), a, b);
#endif
}

INLINE i32x16 pick_i32(uint16_t word, i32x16 a, i32x16 b)
{
    return (i32x16)pick_f32(word, (f32x16)a, (f32x16)b); /* it moves bits, whatever they mean */
}

/* a + b in the lanes whose bit of the word is set, a in the others */
INLINE f32x16 add_lanes(f32x16 a, uint16_t word, f32x16 b)
{
#if defined(__AVX512F__)
    return (f32x16)_mm512_mask_add_ps((__m512)a, word, (__m512)a, (__m512)b);
#else
    return a + (f32x16)(lanes_of(word) & (i32x16)b);
#endif
}

/* Sums of floats are kept in double, in two vectors, and added up in one fixed order. Features come
 * in pairs of vectors: each pair is added as floats first, with an error of half an ulp. */
typedef struct {
    f64x8 low, high;
} sum_f64;

INLINE void accumulate(sum_f64 *sum, const f32x16 pair[2])
{
    const f32x16 v = pair[0] + pair[1];
    f32x8 half[2];
    memcpy(half, &v, sizeof v);
    sum->low += to_f64(half[0]);
    sum->high += to_f64(half[1]);
}

INLINE double reduce(f64x8 v)
{
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

INLINE double total(sum_f64 sum) { return reduce(sum.low + sum.high); }

#include "scoring.h"

static float sum_on(const float *column, const uint16_t *bits, ptrdiff_t features)
{
    f32x16 sum[2] = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES)
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            sum[i] = add_lanes(sum[i], bits[d / LANES], load_f32(column + d));
        }
    return sum_lanes(sum[0] + sum[1]);
}

static void count(int32_t *counts, const uint16_t *bits, int32_t delta, ptrdiff_t features)
{
    for (ptrdiff_t d = 0; d < features; d += LANES) {
        const i32x16 c = load_i32(counts + d);
        store_i32(counts + d, pick_i32(bits[d / LANES], c + delta, c));
    }
}

static double cluster_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           int32_t lag, ptrdiff_t features, float *log_on, float *log_off,
                           float *weights, ptrdiff_t apart)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES) {
        f32x16 b[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 on = load_i32(counts + d) - lag;
            const i32x16 off = n - on - 2 * lag; /* n - lag - c */
            const f32x16 a = log_f32(load_f32(alpha + d) + to_f32(on & (on > 0)));
            b[i] = log_f32(load_f32(beta + d) + to_f32(off & (off > 0)));
            store_f32(log_on + d, a);
            store_f32(log_off + d, b[i]);
            store_apart(weights + d * apart, apart, a - b[i]);
        }
        accumulate(&sum, b);
    }
    return total(sum);
}

INLINE f32x16 changed_log(const float *alpha, const float *beta, i32x16 c, int32_t n,
                          uint16_t on, int32_t delta)
{
    const f32x16 prior = pick_f32(on, load_f32(alpha), load_f32(beta));
    return log_f32(prior + to_f32(pick_i32(on, c + delta, n - c)));
}

static double changed_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           const uint16_t *bits, int32_t delta, ptrdiff_t features, float *changed)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES) {
        f32x16 l[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const uint16_t on = bits[d / LANES];
            l[i] = changed_log(alpha + d, beta + d, load_i32(counts + d), n, on, delta);
            store_f32(changed + d, l[i]);
        }
        accumulate(&sum, l);
    }
    return total(sum);
}

static double change(const float *alpha, const float *beta, int32_t *counts, int32_t n,
                     const uint16_t *bits, int32_t delta, ptrdiff_t features, const float *changed,
                     float *log_on, float *log_off, float *weights, ptrdiff_t apart)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES) {
        f32x16 b[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const uint16_t on = bits[d / LANES];
            const i32x16 c = load_i32(counts + d);
            const f32x16 l = changed ? load_f32(changed + d)
                                     : changed_log(alpha + d, beta + d, c, n, on, delta);
            const f32x16 a = pick_f32(on, l, load_f32(log_on + d));
            b[i] = pick_f32(on, load_f32(log_off + d), l);
            store_i32(counts + d, pick_i32(on, c + delta, c));
            store_f32(log_on + d, a);
            store_f32(log_off + d, b[i]);
            store_apart(weights + d * apart, apart, a - b[i]);
        }
        accumulate(&sum, b);
    }
    return total(sum);
}

static double masked_logs(const float *alpha, const float *beta, const float *shift,
                          const int32_t *counts, const int32_t *members, const uint16_t *bits,
                          const uint16_t *missing, int32_t delta, ptrdiff_t features, float *weights,
                          float *weights_missing)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES) {
        f32x16 base[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 before = load_i32(counts + d), all = load_i32(members + d);
            const i32x16 c = pick_i32(bits[d / LANES], before + delta, before);
            const i32x16 n = pick_i32(missing[d / LANES], all, all + delta);
            const f32x16 on = log_f32(load_f32(alpha + d) + to_f32(c));
            const f32x16 off = log_f32(load_f32(beta + d) + to_f32(n - c));
            const f32x16 both = log_f32(load_f32(shift + d) + to_f32(n));
            store_f32(weights + d, on - off);
            store_f32(weights_missing + d, both - off);
            base[i] = off - both;
        }
        accumulate(&sum, base);
    }
    return total(sum);
}

static void scatter(const float *column, ptrdiff_t rows, float *weights)
{
    for (ptrdiff_t d = 0; d < rows; d++) {
        weights[d * LANES] = column[d];
    }
}

/* The lanes that are all ones, one bit each */
INLINE uint32_t bits_of(u8x16 mask)
{
#if defined(__SSE2__)
    return (uint32_t)_mm_movemask_epi8((__m128i)mask);
#else
    uint32_t bits = 0;
    for (int i = 0; i < LANES; i++)
        bits |= (uint32_t)(mask[i] & 1) << i;
    return bits;
#endif
}

static double scatter_costs(const float *column, const float *ceiling, float scale,
                            ptrdiff_t features, uint8_t *row, uint8_t *costs)
{
    const f32x16 none = {0};
    f32x16 excess = {0};
    for (ptrdiff_t pair = 0; pair < features; pair += 2 * LANES) {
        uint32_t changed = 0;
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const f32x16 room = load_f32(ceiling + d) - load_f32(column + d);
            const f32x16 cost = room * scale;
            const f32x16 held = select_f32(cost > 127.0f, none + 127.0f,
                                           select_f32(room < 0.0f, none, cost));
            excess += select_f32(room < 0.0f, -room, none);
            const u8x16 now = __builtin_convertvector(__builtin_convertvector(held, i32x16), u8x16);
            u8x16 before;
            memcpy(&before, row + d, sizeof before);
            memcpy(row + d, &now, sizeof now);
            changed |= bits_of((u8x16)(now != before)) << i * LANES;
        }
        for (; changed; changed &= changed - 1) {
            const ptrdiff_t d = pair + __builtin_ctz(changed);
            costs[d * 2 * WIDE] = row[d];
        }
    }
    return (double)sum_lanes(excess);
}

static void take_max(const float *column, ptrdiff_t features, float *top)
{
    for (ptrdiff_t d = 0; d < features; d += LANES) {
        const f32x16 a = load_f32(column + d), b = load_f32(top + d);
        store_f32(top + d, select_f32(a > b, a, b));
    }
}

static double sum_log(const float *shift, float n, ptrdiff_t features)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < features; d += 2 * LANES) {
        const f32x16 l[2] = {log_f32(load_f32(shift + d) + n),
                             log_f32(load_f32(shift + d + LANES) + n)};
        accumulate(&sum, l);
    }
    return total(sum);
}

static double sum_lgamma(double a, const double *term, ptrdiff_t n)
{
    f64x8 sum = {0};
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        sum += lgamma_f64(a + load_f64(term + i));
    if (i < n) {
        double rest[8] = {1, 1, 1, 1, 1, 1, 1, 1};
        i64x8 kept = {0};
        for (int lane = 0; i < n; i++, lane++) {
            rest[lane] = a + term[i];
            kept[lane] = -1;
        }
        sum += select_f64(kept, lgamma_f64(load_f64(rest)), (f64x8){0});
    }
    return reduce(sum);
}

/* (a)_t = (a)_16 Gamma(a + t) / Gamma(a + 16) if t >= 16, else a (a + 1) ... (a + t - 1) */
static double log_rising(double a, const double *more, const double *large, ptrdiff_t n_large)
{
    const f64x8 j = {0, 1, 2, 3, 4, 5, 6, 7};
    f64x8 sum = load_f64(more) * log_f64(a + j) + load_f64(more + 8) * log_f64((a + 8.0) + j);
    const double from = n_large ? stirling_f64(splat_f64(a + 16.0))[0] : 0.0;
    ptrdiff_t i = 0;
    for (; i + 8 <= n_large; i += 8)
        sum += stirling_f64(a + load_f64(large + i)) - from;
    if (i < n_large) {
        double rest[8] = {16, 16, 16, 16, 16, 16, 16, 16};
        memcpy(rest, large + i, (size_t)(n_large - i) * sizeof(double));
        sum += stirling_f64(a + load_f64(rest)) - from; /* the padding adds nothing */
    }
    return reduce(sum);
}

/* lgamma(x + t) of counts t. With many clusters, most counts are small: a table has theirs. It takes
 * at most an eighth of the time that it may save. */
#define MOST_TABULATED 64
typedef struct {
    f64x8 x;
    int32_t tabulated; /* a power of two, or 0 */
    double table[MOST_TABULATED][8];
} lgammas;

static void tabulate(lgammas *of, f64x8 x, ptrdiff_t clusters)
{
    of->x = x;
    of->tabulated = MOST_TABULATED;
    while (of->tabulated * 8 > clusters)
        of->tabulated /= 2;
    for (int32_t t = 0; t < of->tabulated; t++)
        store_f64(of->table[t], lgamma_f64(x + (double)t));
}

INLINE f64x8 lgamma_of(const lgammas *of, i32x8 t)
{
    /* below a power of two if each count is */
    const int32_t any = (t[0] | t[1]) | (t[2] | t[3]) | (t[4] | t[5]) | (t[6] | t[7]);
    if (any >= of->tabulated)
        return lgamma_f64(of->x + __builtin_convertvector(t, f64x8));
    double value[8];
    for (int i = 0; i < 8; i++)
        value[i] = of->table[t[i]][i];
    return load_f64(value);
}

static void log_marginal(const double *alpha, const double *beta, const int32_t *counts,
                         const int32_t *members, ptrdiff_t clusters, ptrdiff_t features, double *out)
{
    lgammas heads, tails, totals;
    for (ptrdiff_t d = 0; d < features; d += 8) {
        const f64x8 a = load_f64(alpha + d), b = load_f64(beta + d);
        const f64x8 prior = lgamma_f64(a) + lgamma_f64(b) - lgamma_f64(a + b);
        tabulate(&heads, a, clusters), tabulate(&tails, b, clusters);
        tabulate(&totals, a + b, clusters);
        f64x8 sum = {0};
        for (ptrdiff_t k = 0; k < clusters; k++) {
            const i32x8 c = load_eight_i32(counts + k * features + d);
            const i32x8 n = load_eight_i32(members + k * features + d);
            sum += (lgamma_of(&heads, c) + lgamma_of(&tails, n - c) - lgamma_of(&totals, n)) - prior;
        }
        store_f64(out + d, sum);
    }
}

static double log1(double x) { return log_f64(splat_f64(x))[0]; }
static double exp1(double x) { return exp_f64(splat_f64(x))[0]; }
static double lgamma1(double x) { return lgamma_f64(splat_f64(x))[0]; }

#define OVER_ARRAY(function, type, load, store, lanes)                                           \
    static void array_##function(const type *x, type *out, ptrdiff_t n)                          \
    {                                                                                            \
        for (ptrdiff_t i = 0; i < n; i += lanes)                                                 \
            store(out + i, function(load(x + i)));                                               \
    }
OVER_ARRAY(log_f32, float, load_f32, store_f32, 16)
OVER_ARRAY(exp_f32, float, load_f32, store_f32, 16)
OVER_ARRAY(log_f64, double, load_f64, store_f64, 8)
OVER_ARRAY(exp_f64, double, load_f64, store_f64, 8)
OVER_ARRAY(lgamma_f64, double, load_f64, store_f64, 8)

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

const bitmix_simd PASTE(bitmix_simd_, BITMIX_LEVEL) = {
    .name = TEXT(BITMIX_LEVEL),
    .score = score,
    .screen = screen,
    .below = below,
    .choose = choose,
    .sum_on = sum_on,
    .count = count,
    .cluster_logs = cluster_logs,
    .changed_logs = changed_logs,
    .change = change,
    .masked_logs = masked_logs,
    .scatter = scatter,
    .scatter_costs = scatter_costs,
    .take_max = take_max,
    .sum_log = sum_log,
    .sum_lgamma = sum_lgamma,
    .log_rising = log_rising,
    .log_marginal = log_marginal,
    .log = log1,
    .exp = exp1,
    .lgamma = lgamma1,
    .array_log_f32 = array_log_f32,
    .array_exp_f32 = array_exp_f32,
    .array_log_f64 = array_log_f64,
    .array_exp_f64 = array_exp_f64,
    .array_lgamma_f64 = array_lgamma_f64,
};
