/* The functions of _simd.h, for the instruction set that the compiler is told to use. */
#include "_simd.h"
#include "_vecmath.h"

#define LANES BITMIX_LANES

/* Vectors of 16 floats whose sums stay in registers over one pass of an image's pixels */
#if defined(__AVX512F__)
#define MAX_BLOCKS 12
#elif defined(__AVX2__) || defined(__aarch64__)
#define MAX_BLOCKS 6
#else
#define MAX_BLOCKS 3
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
    const i32x16 bit = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                        1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    return (((int32_t)word - (i32x16){0}) & bit) != 0;
}

/* Sums of floats are kept in double, in two vectors, and added up in one fixed order */
typedef struct {
    f64x8 low, high;
} sum_f64;

INLINE void accumulate(sum_f64 *sum, f32x16 v)
{
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
        const float *row = weights + on[j] * stride;
#pragma GCC unroll 12
        for (int b = 0; b < blocks; b++)
            sum[b] += load_f32(row + b * LANES);
    }
#pragma GCC unroll 12
    for (int b = 0; b < blocks; b++)
        store_f32(out + b * LANES, sum[b]);
}

static void score(const float *weights, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,
                  const float *base, ptrdiff_t blocks, float *out)
{
    while (blocks > 0) {
        /* as few passes as registers allow, of nearly equal width */
        const ptrdiff_t passes = (blocks + MAX_BLOCKS - 1) / MAX_BLOCKS;
        const ptrdiff_t width = (blocks + passes - 1) / passes;
        switch (width) {
#define CASE(n)                                                                                  \
    case n:                                                                                      \
        score_blocks(weights, stride, on, n_on, base, out, n);                                   \
        break;
            CASE(1)
            CASE(2)
            CASE(3)
#if MAX_BLOCKS > 3
            CASE(4)
            CASE(5)
            CASE(6)
#endif
#if MAX_BLOCKS > 6
            CASE(7)
            CASE(8)
            CASE(9)
            CASE(10)
            CASE(11)
            CASE(12)
#endif
#undef CASE
        }
        weights += width * LANES;
        base += width * LANES;
        out += width * LANES;
        blocks -= width;
    }
}

INLINE double sum_lanes(f32x16 v)
{
    sum_f64 sum = {{0}, {0}};
    accumulate(&sum, v);
    return total(sum);
}

static ptrdiff_t choose(const float *score, ptrdiff_t blocks, double u, float *scratch)
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
        const f32x16 p = exp_f32(load_f32(score + b * LANES) - max);
        store_f32(scratch + b * LANES, p);
        sum += sum_lanes(p);
    }

    /* The first index whose cumulative probability exceeds u; rounding never ends on a zero */
    double left = u * sum;
    ptrdiff_t b = 0, last = 0;
    for (; b < blocks - 1; b++) {
        const double block = sum_lanes(load_f32(scratch + b * LANES));
        if (left < block)
            break;
        left -= block;
    }
    for (ptrdiff_t k = b * LANES; k < blocks * LANES; k++) {
        if (scratch[k] > 0.0f) {
            last = k;
            if (left < (double)scratch[k])
                return k;
        }
        left -= (double)scratch[k];
    }
    return last;
}

static float gather(const float *column, const uint32_t *on, ptrdiff_t n_on)
{
    float sum[8] = {0};
    ptrdiff_t j = 0;
    for (; j + 8 <= n_on; j += 8)
        for (int i = 0; i < 8; i++)
            sum[i] += column[on[j + i]];
    for (int i = 0; j < n_on; i++, j++)
        sum[i] += column[on[j]];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static double cluster_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           int32_t lag, ptrdiff_t pixels, float *log_on, float *log_off,
                           float *weights)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < pixels; d += LANES) {
        const i32x16 on = load_i32(counts + d) - lag;
        const i32x16 off = n - on - 2 * lag; /* n - lag - c */
        const f32x16 a = log_f32(load_f32(alpha + d) + to_f32(on & (on > 0)));
        const f32x16 b = log_f32(load_f32(beta + d) + to_f32(off & (off > 0)));
        store_f32(log_on + d, a);
        store_f32(log_off + d, b);
        store_f32(weights + d, a - b);
        accumulate(&sum, b);
    }
    return total(sum);
}

static double changed_logs(const float *alpha, const float *beta, const int32_t *counts, int32_t n,
                           const uint16_t *bits, int32_t delta, ptrdiff_t pixels, float *changed)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < pixels; d += LANES) {
        const i32x16 on = lanes_of(bits[d / LANES]);
        const i32x16 c = load_i32(counts + d);
        const f32x16 prior = select_f32(on, load_f32(alpha + d), load_f32(beta + d));
        const f32x16 l = log_f32(prior + to_f32(select_i32(on, c + delta, n - c)));
        store_f32(changed + d, l);
        accumulate(&sum, l);
    }
    return total(sum);
}

static double commit(const float *changed, const uint16_t *bits, int32_t delta, ptrdiff_t pixels,
                     int32_t *counts, float *log_on, float *log_off, float *weights)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < pixels; d += LANES) {
        const i32x16 on = lanes_of(bits[d / LANES]);
        const f32x16 l = load_f32(changed + d);
        const f32x16 a = select_f32(on, l, load_f32(log_on + d));
        const f32x16 b = select_f32(on, load_f32(log_off + d), l);
        store_i32(counts + d, load_i32(counts + d) + (on & delta));
        store_f32(log_on + d, a);
        store_f32(log_off + d, b);
        store_f32(weights + d, a - b);
        accumulate(&sum, b);
    }
    return total(sum);
}

static void scatter(const float *column, ptrdiff_t rows, float *weights, ptrdiff_t stride)
{
    for (ptrdiff_t d = 0; d < rows; d++)
        weights[d * stride] = column[d];
}

static double sum_log(const float *shift, float n, ptrdiff_t pixels)
{
    sum_f64 sum = {{0}, {0}};
    for (ptrdiff_t d = 0; d < pixels; d += LANES)
        accumulate(&sum, log_f32(load_f32(shift + d) + n));
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

static void log_marginal(const double *alpha, const double *beta, const int32_t *counts,
                         ptrdiff_t stride, const int32_t *sizes, ptrdiff_t clusters,
                         ptrdiff_t pixels, double *out)
{
    for (ptrdiff_t d = 0; d < pixels; d += 8) {
        const f64x8 a = load_f64(alpha + d), b = load_f64(beta + d);
        const f64x8 prior = lgamma_f64(a) + lgamma_f64(b) - lgamma_f64(a + b);
        f64x8 sum = {0};
        for (ptrdiff_t k = 0; k < clusters; k++) {
            const f64x8 c = counts_f64(counts + k * stride + d);
            const double n = sizes[k];
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
    .choose = choose,
    .gather = gather,
    .cluster_logs = cluster_logs,
    .changed_logs = changed_logs,
    .commit = commit,
    .scatter = scatter,
    .sum_log = sum_log,
    .sum_lgamma = sum_lgamma,
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
