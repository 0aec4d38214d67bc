/* The functions of simd.h, for the instruction set that the compiler is told to use. */
#include "simd.h"
#include "vecmath.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define LANES BITMIX_LANES

/* Vectors whose sums stay in registers over one pass of an image's pixels, floats and costs */
#if defined(__AVX512F__)
#define MAX_BLOCKS 12
#define MAX_COST_BLOCKS 6
#elif defined(__AVX2__) || defined(__aarch64__)
#define MAX_BLOCKS 6
#define MAX_COST_BLOCKS 2
#else
#define MAX_BLOCKS 3
#define MAX_COST_BLOCKS 1
#endif

INLINE f32x16 load_f32(const float *p)
{
    f32x16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_f32(float *p, f32x16 v) { memcpy(p, &v, sizeof v); }

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

INLINE f64x8 counts_f64(const int32_t *p)
{
    i32x8 v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, f64x8);
}

/* All ones in the lanes whose bit of the word is set */
INLINE i32x16 lanes_of(uint16_t word)
{
#if defined(__AVX512DQ__)
    return (i32x16)_mm512_movm_epi32(word);
#else
    const i32x16 bit = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                        1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    return (((int32_t)word - (i32x16){0}) & bit) != 0;
#endif
}

/* Sums of floats are kept in double, in two vectors, and added up in one fixed order. Pixels come in
 * pairs of vectors: each pair is added as floats first, at an error of half an ulp. */
typedef struct {
    f64x8 low, high;
} sum_f64;

INLINE void accumulate(sum_f64 *sum, const f32x16 pair[2])
{
    const f32x16 v = pair[0] + pair[1];
    f32x8 half[2];
    memcpy(half, &v, sizeof v);
    sum->low += __builtin_convertvector(half[0], f64x8);
    sum->high += __builtin_convertvector(half[1], f64x8);
}

INLINE double reduce(f64x8 v)
{
    return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

INLINE double total(sum_f64 sum) { return reduce(sum.low + sum.high); }

INLINE void score_blocks(const float *weights, ptrdiff_t stride, const uint32_t *on,
                         ptrdiff_t n_on, const float *base, float *out, const int blocks)
{
    f32x16 sum[MAX_BLOCKS];
#pragma GCC unroll 12
    for (int b = 0; b < blocks; b++)
        sum[b] = load_f32(base + b * LANES);
    for (ptrdiff_t j = 0; j < n_on; j++) {
        const float *row = weights + (ptrdiff_t)on[j] * LANES;
#pragma GCC unroll 12
        for (int b = 0; b < blocks; b++)
            sum[b] += load_f32(row + b * stride);
    }
#pragma GCC unroll 12
    for (int b = 0; b < blocks; b++)
        store_f32(out + b * LANES, sum[b]);
}

/* Columns in as few passes as registers allow, of nearly equal width */
#define EACH_WIDTH(function, matrix, lanes, most)                                                 \
    for (ptrdiff_t done = 0; done < blocks;) {                                                   \
        const ptrdiff_t passes = (blocks - done + (most) - 1) / (most);                          \
        const ptrdiff_t width = (blocks - done + passes - 1) / passes;                           \
        const ptrdiff_t k = done * (lanes);                                                      \
        switch (width) {                                                                         \
            CASES(function, matrix, most)                                                           \
        }                                                                                        \
        done += width;                                                                           \
    }
#define CASE(function, matrix, most, n)                                                           \
    case n:                                                                                      \
        if (n <= (most))                                                                         \
            function(matrix + done * stride, stride, on, n_on, base + k, out + k,                \
                     n <= (most) ? n : 1);                                                       \
        break;
#define CASES(f, m, most)                                                                         \
    CASE(f, m, most, 1) CASE(f, m, most, 2) CASE(f, m, most, 3) CASE(f, m, most, 4)              \
    CASE(f, m, most, 5) CASE(f, m, most, 6) CASE(f, m, most, 7) CASE(f, m, most, 8)              \
    CASE(f, m, most, 9) CASE(f, m, most, 10) CASE(f, m, most, 11) CASE(f, m, most, 12)

static void score(const float *weights, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,
                  const float *base, ptrdiff_t blocks, float *out)
{
    EACH_WIDTH(score_blocks, weights, LANES, MAX_BLOCKS)
}

typedef float f32x4 __attribute__((vector_size(16)));
typedef uint16_t u16x32 __attribute__((vector_size(64)));
typedef uint8_t u8x64 __attribute__((vector_size(64)));
#define WIDE 32

INLINE u16x32 load_u16(const uint16_t *p)
{
    u16x32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE u8x64 load_u8(const uint8_t *p)
{
    u8x64 v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store_u16(uint16_t *p, u16x32 v) { memcpy(p, &v, sizeof v); }

/* a + b, held at 65535; no compiler finds the instruction by itself */
INLINE u16x32 add_saturated(u16x32 a, u16x32 b)
{
#if defined(__AVX512BW__)
    return (u16x32)_mm512_adds_epu16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    __m256i x[2], y[2];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    for (int i = 0; i < 2; i++)
        x[i] = _mm256_adds_epu16(x[i], y[i]);
    memcpy(&a, x, sizeof x);
    return a;
#elif defined(__SSE2__)
    __m128i x[4], y[4];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    for (int i = 0; i < 4; i++)
        x[i] = _mm_adds_epu16(x[i], y[i]);
    memcpy(&a, x, sizeof x);
    return a;
#else
    const u16x32 sum = a + b;
    return sum | (u16x32)(sum < a);
#endif
}

/* A block is 64 columns of bytes below 128. Two rows are added as bytes, then as 32 pairs: the first
 * of a pair goes to sum[b][0], the second to sum[b][1], so that the column BITMIX_COST_COLUMN(k)
 * ends at out[k]. */
INLINE void screen_blocks(const uint8_t *costs, ptrdiff_t stride, const uint32_t *on,
                          ptrdiff_t n_on, const uint16_t *base, uint16_t *out, const int blocks)
{
    u16x32 sum[MAX_COST_BLOCKS][2];
#pragma GCC unroll 12
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < 2; i++)
            sum[b][i] = load_u16(base + (2 * b + i) * WIDE);
    for (ptrdiff_t j = 0; j < n_on; j += 2) {
        const uint8_t *row = costs + (ptrdiff_t)on[j] * 2 * WIDE;
        const uint8_t *next = j + 1 < n_on ? costs + (ptrdiff_t)on[j + 1] * 2 * WIDE : NULL;
#pragma GCC unroll 12
        for (int b = 0; b < blocks; b++) {
            u8x64 pairs = load_u8(row + b * stride);
            if (next)
                pairs += load_u8(next + b * stride);
            sum[b][0] = add_saturated(sum[b][0], (u16x32)pairs & 255);
            sum[b][1] = add_saturated(sum[b][1], (u16x32)pairs >> 8);
        }
    }
#pragma GCC unroll 12
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < 2; i++)
            store_u16(out + (2 * b + i) * WIDE, sum[b][i]);
}

static uint16_t screen(const uint8_t *costs, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,
                       const uint16_t *base, ptrdiff_t blocks, ptrdiff_t but, uint16_t *out)
{
    EACH_WIDTH(screen_blocks, costs, 2 * WIDE, MAX_COST_BLOCKS)
    const uint16_t kept = out[but];
    out[but] = 65535;
    u16x32 least = load_u16(out);
    for (ptrdiff_t b = 1; b < 2 * blocks; b++) {
        const u16x32 v = load_u16(out + b * WIDE);
        const u16x32 less = (u16x32)(v < least);
        least = (v & less) | (least & ~less);
    }
    out[but] = kept;
    uint16_t min = 65535;
    for (int i = 0; i < WIDE; i++)
        min = least[i] < min ? least[i] : min;
    return min;
}

static ptrdiff_t below(const uint16_t *out, ptrdiff_t blocks, uint16_t limit, int32_t *columns)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t b = 0; b < 2 * blocks; b++) {
        const u16x32 found = (u16x32)(load_u16(out + b * WIDE) <= limit);
        int64_t four[WIDE / 4];
        memcpy(four, &found, sizeof four);
        for (int i = 0; i < WIDE / 4; i++)
            if (four[i])
                for (ptrdiff_t k = b * WIDE + 4 * i; k < b * WIDE + 4 * i + 4; k++) {
                    columns[n] = (int32_t)k; /* overwritten by the next unless it is below */
                    n += out[k] <= limit;
                }
    }
    return n;
}

/* Sum of the lanes, by halves; as a loop, GCC goes through memory */
INLINE float sum_lanes(f32x16 v)
{
    f32x8 half[2];
    memcpy(half, &v, sizeof half);
    const f32x8 eight = half[0] + half[1];
    f32x4 quarter[2];
    memcpy(quarter, &eight, sizeof quarter);
    const f32x4 four = quarter[0] + quarter[1];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

static ptrdiff_t choose(const float *score, ptrdiff_t blocks, double u, double rest, float *p)
{
    f32x16 top = load_f32(score);
    for (ptrdiff_t b = 1; b < blocks; b++) {
        const f32x16 s = load_f32(score + b * LANES);
        top = select_f32(s > top, s, top);
    }
    float max = top[0];
    for (int i = 1; i < LANES; i++)
        max = top[i] > max ? top[i] : max;

    double sum = 0.0;
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const f32x16 e = exp_f32(load_f32(score + b * LANES) - max);
        store_f32(p + b * LANES, e);
        sum += (double)sum_lanes(e);
    }

    /* Skip whole blocks while their sum leaves the cumulative sum below the target */
    const double target = u * (sum + rest);
    double before = 0.0;
    ptrdiff_t b = 0;
    for (; b < blocks - 1; b++) {
        const double after = before + (double)sum_lanes(load_f32(p + b * LANES));
        if (after > target)
            break;
        before = after;
    }
    ptrdiff_t last = -1;
    for (ptrdiff_t k = b * LANES; k < blocks * LANES; k++) {
        const double after = before + (double)p[k];
        if (p[k] > 0.0f) {
            last = k;
            if (after > target)
                return rest > 0.0 && u * sum < before + rest ? -1 : k;
        }
        before = after;
    }
    return rest > 0.0 ? -1 : last; /* rounding may leave the sum of the lanes short of the target */
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

static float sum_on(const float *column, const uint16_t *bits, ptrdiff_t pixels)
{
    f32x16 sum[2] = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < pixels; pair += 2 * LANES)
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            sum[i] = add_lanes(sum[i], bits[d / LANES], load_f32(column + d));
        }
    return sum_lanes(sum[0] + sum[1]);
}

static double cluster_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           int32_t lag, ptrdiff_t pixels, float *log_on, float *log_off,
                           float *weights)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < pixels; pair += 2 * LANES) {
        f32x16 b[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 on = load_i32(counts + d) - lag;
            const i32x16 off = n - on - 2 * lag; /* n - lag - c */
            const f32x16 a = log_f32(load_f32(alpha + d) + to_f32(on & (on > 0)));
            b[i] = log_f32(load_f32(beta + d) + to_f32(off & (off > 0)));
            store_f32(log_on + d, a);
            store_f32(log_off + d, b[i]);
            store_f32(weights + d, a - b[i]);
        }
        accumulate(&sum, b);
    }
    return total(sum);
}

INLINE f32x16 changed_log(const float *alpha, const float *beta, i32x16 c, int32_t n, i32x16 on,
                          int32_t delta)
{
    const f32x16 prior = select_f32(on, load_f32(alpha), load_f32(beta));
    return log_f32(prior + to_f32(select_i32(on, c + delta, n - c)));
}

static double changed_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           const uint16_t *bits, int32_t delta, ptrdiff_t pixels, float *changed)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < pixels; pair += 2 * LANES) {
        f32x16 l[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 on = lanes_of(bits[d / LANES]);
            l[i] = changed_log(alpha + d, beta + d, load_i32(counts + d), n, on, delta);
            store_f32(changed + d, l[i]);
        }
        accumulate(&sum, l);
    }
    return total(sum);
}

static double change(const float *alpha, const float *beta, int32_t *counts, int32_t n,
                     const uint16_t *bits, int32_t delta, ptrdiff_t pixels, const float *changed,
                     float *log_on, float *log_off, float *weights)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < pixels; pair += 2 * LANES) {
        f32x16 b[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 on = lanes_of(bits[d / LANES]);
            const i32x16 c = load_i32(counts + d);
            const f32x16 l = changed ? load_f32(changed + d)
                                     : changed_log(alpha + d, beta + d, c, n, on, delta);
            const f32x16 a = select_f32(on, l, load_f32(log_on + d));
            b[i] = select_f32(on, load_f32(log_off + d), l);
            store_i32(counts + d, c + (on & delta));
            store_f32(log_on + d, a);
            store_f32(log_off + d, b[i]);
            store_f32(weights + d, a - b[i]);
        }
        accumulate(&sum, b);
    }
    return total(sum);
}

static double masked_logs(const float *alpha, const float *beta, const float *shift,
                          const int32_t *counts, const int32_t *members, const uint16_t *bits,
                          const uint16_t *missing, int32_t delta, ptrdiff_t pixels, float *weights,
                          float *weights_missing)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t pair = 0; pair < pixels; pair += 2 * LANES) {
        f32x16 base[2];
        for (int i = 0; i < 2; i++) {
            const ptrdiff_t d = pair + i * LANES;
            const i32x16 c = load_i32(counts + d) + (lanes_of(bits[d / LANES]) & delta);
            const i32x16 n = load_i32(members + d) + (~lanes_of(missing[d / LANES]) & delta);
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

static double scatter_costs(const float *column, const float *ceiling, float scale, ptrdiff_t rows,
                            uint8_t *costs)
{
    const f32x16 none = {0};
    f32x16 excess = {0};
    for (ptrdiff_t d = 0; d < rows; d += LANES) {
        const f32x16 room = load_f32(ceiling + d) - load_f32(column + d);
        const f32x16 cost = room * scale;
        const f32x16 held = select_f32(cost > 127.0f, none + 127.0f,
                                       select_f32(room < 0.0f, none, cost));
        int32_t lane[LANES];
        store_i32(lane, __builtin_convertvector(held, i32x16));
        excess += select_f32(room < 0.0f, -room, none);
        const ptrdiff_t n = rows - d < LANES ? rows - d : LANES;
        for (ptrdiff_t i = 0; i < n; i++)
            costs[(d + i) * 2 * WIDE] = (uint8_t)lane[i];
    }
    return (double)sum_lanes(excess);
}

static void take_max(const float *column, ptrdiff_t pixels, float *top)
{
    for (ptrdiff_t d = 0; d < pixels; d += LANES) {
        const f32x16 a = load_f32(column + d), b = load_f32(top + d);
        store_f32(top + d, select_f32(a > b, a, b));
    }
}

static double sum_log(const float *shift, float n, ptrdiff_t pixels)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < pixels; d += 2 * LANES) {
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

/* (a)_t = (a)_16 Gamma(a + t) / Gamma(a + 16) where t >= 16, else a (a + 1) ... (a + t - 1) */
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

static void log_marginal(const double *alpha, const double *beta, const int32_t *counts,
                         const int32_t *members, ptrdiff_t clusters, ptrdiff_t pixels, double *out)
{
    for (ptrdiff_t d = 0; d < pixels; d += 8) {
        const f64x8 a = load_f64(alpha + d), b = load_f64(beta + d);
        const f64x8 prior = lgamma_f64(a) + lgamma_f64(b) - lgamma_f64(a + b);
        f64x8 sum = {0};
        for (ptrdiff_t k = 0; k < clusters; k++) {
            const f64x8 c = counts_f64(counts + k * pixels + d);
            const f64x8 n = counts_f64(members + k * pixels + d);
            sum += (lgamma_f64(a + c) + lgamma_f64(b + (n - c)) - lgamma_f64((a + b) + n)) - prior;
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
