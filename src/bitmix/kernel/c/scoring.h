/* The functions of simd.h that score a row for all clusters and choose one.
 *
 * This file is a part of simd.c, which defines the vectors. */

/* The most blocks, of floats and of costs, whose sums stay in registers over one pass of a row */
#if defined(__AVX512F__)
#define MAX_BLOCKS 12
#define MAX_NARROW_BLOCKS 16
#define MAX_COST_BLOCKS 6
#elif defined(__AVX2__) || defined(__aarch64__)
#define MAX_BLOCKS 6
#define MAX_NARROW_BLOCKS 12
#define MAX_COST_BLOCKS 2
#else
#define MAX_BLOCKS 3
#define MAX_NARROW_BLOCKS 6
#define MAX_COST_BLOCKS 1
#endif

#define DEFINE_SCORE_BLOCKS(name, vector, lanes)                                                  \
    INLINE void name(const float *weights, ptrdiff_t stride, const uint32_t *on, ptrdiff_t n_on,  \
                     const float *base, float *out, const int blocks)                             \
    {                                                                                            \
        vector sum[16], v;                                                                        \
        _Pragma("GCC unroll 16") for (int b = 0; b < blocks; b++)                                 \
            memcpy(&sum[b], base + b * (lanes), sizeof v);                                       \
        for (ptrdiff_t j = 0; j < n_on; j++) {                                                   \
            const float *row = weights + (ptrdiff_t)on[j] * (lanes);                             \
            _Pragma("GCC unroll 16") for (int b = 0; b < blocks; b++)                             \
            {                                                                                    \
                memcpy(&v, row + b * stride, sizeof v);                                          \
                sum[b] += v;                                                                     \
            }                                                                                    \
        }                                                                                        \
        _Pragma("GCC unroll 16") for (int b = 0; b < blocks; b++)                                 \
            memcpy(out + b * (lanes), &sum[b], sizeof v);                                        \
    }
DEFINE_SCORE_BLOCKS(score_blocks, f32x16, LANES)
DEFINE_SCORE_BLOCKS(score_narrow_blocks, f32x8, NARROW)

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
    CASE(f, m, most, 9) CASE(f, m, most, 10) CASE(f, m, most, 11) CASE(f, m, most, 12)           \
    CASE(f, m, most, 13) CASE(f, m, most, 14) CASE(f, m, most, 15) CASE(f, m, most, 16)

static void score(const float *weights, ptrdiff_t beside, ptrdiff_t stride, const uint32_t *on,
                  ptrdiff_t n_on, const float *base, ptrdiff_t blocks, float *out)
{
    if (beside == NARROW) {
        EACH_WIDTH(score_narrow_blocks, weights, NARROW, MAX_NARROW_BLOCKS)
    } else {
        EACH_WIDTH(score_blocks, weights, LANES, MAX_BLOCKS)
    }
}

typedef float f32x4 __attribute__((vector_size(16)));
typedef uint16_t u16x32 __attribute__((vector_size(64)));
typedef uint8_t u8x64 __attribute__((vector_size(64)));
#define WIDE 32
#define LOW (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) /* place of the low byte in a pair of bytes */

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

/* min(a + b, 65535); compilers do not find the instruction by themselves */
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
            sum[b][LOW] = add_saturated(sum[b][LOW], (u16x32)pairs & 255);
            sum[b][!LOW] = add_saturated(sum[b][!LOW], (u16x32)pairs >> 8);
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
                    columns[n] = (int32_t)k; /* the next one overwrites it unless it is below */
                    n += out[k] <= limit;
                }
    }
    return n;
}

/* Sum of the lanes, by halves; GCC would compile a loop to use memory */
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
    return rest > 0.0 ? -1 : last; /* rounding may leave the sum of the lanes below the target */
}
