/* Calls every function of simd.h on pseudo-random inputs and prints a hash of what each returns and
 * writes, so that builds can be compared: by compiler, by level, by machine.
 *
 *     driver LEVEL          prints "function hash" lines; status 2 if the level is not available
 *
 * Inputs are made with integers and exact divisions alone: they are the same on any machine. Arrays
 * have exactly the size that simd.h states, so AddressSanitizer reports any access beyond it. */
#include "simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES BITMIX_LANES

static uint64_t hash; /* FNV-1a */

/* The bytes of each item, the least significant first on any machine */
static void take_items(const void *items, ptrdiff_t n, size_t size)
{
    const int big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    for (const unsigned char *item = items; n > 0; n--, item += size)
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ item[big ? size - 1 - i : i]) * 0x100000001b3;
}

#define take(items, n) take_items(items, n, sizeof *(items))

static void take_double(double x) { take(&x, 1); }
static void take_float(float x) { take(&x, 1); }
static void take_int(int64_t x) { take(&x, 1); }

static void begin(void) { hash = 0xcbf29ce484222325; }
static void end(const char *function) { printf("%s %016llx\n", function, (unsigned long long)hash); }

static uint64_t state = 1; /* splitmix64 */

static uint64_t draw(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int64_t below(int64_t n) { return (int64_t)(draw() % (uint64_t)n); }

/* A multiple of 2^-20 in [low, low + width) */
static double number(double low, double width)
{
    return low + width * (double)(draw() >> 44) / 1048576.0;
}

static void *array(size_t n, size_t size)
{
    void *p = calloc(n, size); /* AddressSanitizer knows its end; the kernel's loads need no alignment */
    if (!p && n)
        abort();
    return p;
}

static float *floats(ptrdiff_t n, double low, double width)
{
    float *p = array((size_t)n, sizeof *p);
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = (float)number(low, width);
    return p;
}

static double *doubles(ptrdiff_t n, double low, double width)
{
    double *p = array((size_t)n, sizeof *p);
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = number(low, width);
    return p;
}

static int32_t *counts(ptrdiff_t n, int32_t most)
{
    int32_t *p = array((size_t)n, sizeof *p);
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = (int32_t)below(most + 1);
    return p;
}

/* Distinct on-features of `rows`, ascending, about one in `every` */
static uint32_t *on_pixels(ptrdiff_t rows, int64_t every, ptrdiff_t *n)
{
    uint32_t *on = array((size_t)rows, sizeof *on);
    *n = 0;
    for (ptrdiff_t d = 0; d < rows; d++)
        if (below(every) == 0)
            on[(*n)++] = (uint32_t)d;
    return on;
}

static uint16_t *bits_of(ptrdiff_t features)
{
    uint16_t *bits = array((size_t)(features / 16), sizeof *bits);
    for (ptrdiff_t d = 0; d < features / 16; d++)
        bits[d] = (uint16_t)draw();
    return bits;
}

/* ---------------------------------------------------------------- the sweep's functions */

static void drive_score(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t blocks = 1; blocks <= 34; blocks++)
        for (int64_t every = 1; every <= 9; every += 4) {
            const ptrdiff_t beside = blocks % 2 ? LANES : BITMIX_NARROW;
            const ptrdiff_t rows = 50 + blocks, stride = rows * beside;
            ptrdiff_t n_on;
            uint32_t *on = on_pixels(rows, every, &n_on);
            float *weights = floats(blocks * stride, -8.0, 16.0);
            float *base = floats(blocks * beside, -500.0, 100.0);
            float *out = floats(blocks * beside, 0.0, 1.0);
            simd->score(weights, beside, stride, on, n_on, base, blocks, out);
            take(out, blocks * beside);
            simd->score(weights, beside, stride, on, 0, base, blocks, out);
            take(out, blocks * beside);
            free(on), free(weights), free(base), free(out);
        }
    end("score");
}

static void drive_screen(const bitmix_simd *simd)
{
    uint64_t screened, listed;
    begin();
    screened = hash, listed = hash;
    for (ptrdiff_t blocks = 1; blocks <= 13; blocks++)
        for (int64_t every = 1; every <= 9; every += 4) {
            const ptrdiff_t rows = 600, stride = rows * 64, columns = blocks * 64;
            ptrdiff_t n_on;
            uint32_t *on = on_pixels(rows, every, &n_on);
            uint8_t *costs = array((size_t)(blocks * stride), 1);
            for (ptrdiff_t i = 0; i < blocks * stride; i++)
                costs[i] = (uint8_t)below(128);
            uint16_t *base = array((size_t)columns, sizeof *base);
            for (ptrdiff_t k = 0; k < columns; k++) /* some near 65535, the limit */
                base[k] = (uint16_t)(below(3) ? below(4096) : 65535 - below(4096));
            uint16_t *out = array((size_t)columns, sizeof *out);
            int32_t *found = array((size_t)columns, sizeof *found);
            hash = screened;
            const uint16_t least =
                simd->screen(costs, stride, on, n_on, base, blocks, below(columns), out);
            take(&least, 1);
            take(out, columns);
            screened = hash, hash = listed;
            const uint16_t limits[] = {0, least, (uint16_t)(least / 2 + 32767), 65535};
            for (int i = 0; i < 4; i++) {
                const ptrdiff_t n = simd->below(out, blocks, limits[i], found);
                take_int(n);
                take(found, n);
            }
            listed = hash;
            free(on), free(costs), free(base), free(out), free(found);
        }
    hash = screened;
    end("screen");
    hash = listed;
    end("below");
}

static void drive_choose(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t blocks = 1; blocks <= 9; blocks++)
        for (int i = 0; i < 300; i++) {
            float *score = floats(blocks * LANES, -20.0, 20.0);
            float *p = floats(blocks * LANES, 0.0, 1.0);
            for (ptrdiff_t k = 1; k < blocks * LANES; k++)
                if (below(4) == 0)
                    score[k] = -INFINITY;
            const double u = i ? number(0.0, 1.0) : 0.0, rest = below(2) ? number(0.0, 0.01) : 0.0;
            take_int(simd->choose(score, blocks, u, rest, p));
            take(p, blocks * LANES);
            free(score), free(p);
        }
    end("choose");
}

/* The functions of one cluster and one row, over the same inputs */
static void drive_cluster(const bitmix_simd *simd)
{
    const char *names[] = {"sum_on", "cluster_logs", "changed_logs", "change", "take_max",
                           "sum_log", "count"};
    uint64_t hashes[7];
    begin();
    for (int f = 0; f < 7; f++)
        hashes[f] = hash;
    for (ptrdiff_t features = 32; features <= 800; features += 64) {
        const int32_t most = 1 << below(20);
        float *alpha = floats(features, 1e-4, 3.0), *beta = floats(features, 1e-4, 3.0);
        int32_t *c = counts(features, most);
        uint16_t *bits = bits_of(features);
        float *log_on = floats(features, 0.0, 1.0), *log_off = floats(features, 0.0, 1.0);
        float *weights = floats(features, -8.0, 16.0), *changed = floats(features, 0.0, 1.0);
        float *top = floats(features, -8.0, 16.0);
        const ptrdiff_t length = LANES * (features - 1) + 1; /* of one column of LANES */
        float *column = array((size_t)length, sizeof *column);

        hash = hashes[0];
        take_float(simd->sum_on(weights, bits, features));
        hashes[0] = hash, hash = hashes[4];
        simd->take_max(weights, features, top);
        take(top, features);
        hashes[4] = hash, hash = hashes[5];
        take_double(simd->sum_log(alpha, (float)most, features));
        hashes[5] = hash, hash = hashes[1];
        for (int32_t lag = 1; lag >= 0; lag--) {
            take_double(simd->cluster_logs(alpha, beta, c, most + lag, lag, features, log_on,
                                           log_off, lag ? weights : column, lag ? 1 : LANES));
            take(log_on, features), take(log_off, features), take(weights, features);
            take(column, length);
        }
        hashes[1] = hash;
        /* all counts are at most `most`: the row joins, then leaves */
        for (int32_t delta = 1; delta >= -1; delta -= 2) {
            const int32_t n = delta > 0 ? most + 1 : most;
            hash = hashes[2];
            take_double(simd->changed_logs(alpha, beta, c, n, bits, delta, features, changed));
            take(changed, features);
            hashes[2] = hash, hash = hashes[3];
            take_double(simd->change(alpha, beta, c, n, bits, delta, features,
                                     delta > 0 ? NULL : changed, log_on, log_off,
                                     delta > 0 ? weights : column, delta > 0 ? 1 : LANES));
            take(c, features), take(log_on, features), take(log_off, features), take(weights, features);
            take(column, length);
            hashes[3] = hash, hash = hashes[6];
            simd->count(c, bits, delta, features), take(c, features);
            simd->count(c, bits, -delta, features), take(c, features);
            hashes[6] = hash;
        }
        free(alpha), free(beta), free(c), free(bits), free(log_on), free(log_off);
        free(weights), free(changed), free(top), free(column);
    }
    for (int f = 0; f < 7; f++) {
        hash = hashes[f];
        end(names[f]);
    }
}

static void drive_masked(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t features = 32; features <= 672; features += 128) {
        float *alpha = floats(features, 1e-4, 3.0), *beta = floats(features, 1e-4, 3.0);
        float *shift = floats(features, 1e-4, 6.0), *weights = floats(features, 0.0, 1.0);
        float *weights_missing = floats(features, 0.0, 1.0);
        int32_t *c = counts(features, 100), *members = counts(features, 100);
        for (ptrdiff_t d = 0; d < features; d++) /* one row can leave, one stays */
            c[d]++, members[d] += c[d] + 1;
        uint16_t *bits = bits_of(features), *missing = bits_of(features);
        for (ptrdiff_t i = 0; i < features / 16; i++)
            bits[i] &= (uint16_t)~missing[i];
        for (int32_t delta = -1; delta <= 1; delta++) {
            take_double(simd->masked_logs(alpha, beta, shift, c, members, bits, missing, delta,
                                          features, weights, weights_missing));
            take(weights, features), take(weights_missing, features);
        }
        free(alpha), free(beta), free(shift), free(weights), free(weights_missing);
        free(c), free(members), free(bits), free(missing);
    }
    end("masked_logs");
}

static void drive_scatter(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t rows = 1; rows <= 97; rows += 3) {
        float *column = floats(rows, -8.0, 16.0);
        /* the last row ends with the column that is written */
        float *weights = array((size_t)(LANES * (rows - 1) + 1), sizeof *weights);
        simd->scatter(column, rows, weights);
        take(weights, LANES * (rows - 1) + 1);
        free(column), free(weights);
    }
    end("scatter");
}

static void drive_scatter_costs(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t features = 32; features <= 160; features += 32) {
        float *ceiling = floats(features, 4.0, 5.0);
        uint8_t *row = array((size_t)features, 1);
        uint8_t *costs = array((size_t)(64 * (features - 1) + 1), 1);
        for (int change = 0; change < 8; change++) { /* some costs stay, some change */
            float *column = floats(features, change % 2 ? -8.0 : 3.0, change % 2 ? 16.0 : 0.1);
            take_double(simd->scatter_costs(column, ceiling, 16.0f, features, row, costs));
            take(row, features), take(costs, 64 * (features - 1) + 1);
            free(column);
        }
        free(ceiling), free(row), free(costs);
    }
    end("scatter_costs");
}

/* ---------------------------------------------------------------- the feature priors' functions */

static void drive_sums(const bitmix_simd *simd)
{
    uint64_t gammas, rising;
    begin();
    gammas = hash, rising = hash;
    for (ptrdiff_t n = 0; n <= 40; n++) {
        double *small = doubles(n, 0.0, 20.0), *large = doubles(n, 16.0, 4000.0);
        double *more = doubles(16, 0.0, 100.0);
        const double a = number(1e-6, 5.0);
        hash = gammas;
        take_double(simd->sum_lgamma(a, small, n));
        take_double(simd->sum_lgamma(a, large, n));
        gammas = hash, hash = rising;
        take_double(simd->log_rising(a, more, large, n));
        rising = hash;
        free(small), free(large), free(more);
    }
    hash = gammas;
    end("sum_lgamma");
    hash = rising;
    end("log_rising");
}

static void drive_log_marginal(const bitmix_simd *simd)
{
    begin();
    for (ptrdiff_t features = 32; features <= 96; features += 32) {
        const ptrdiff_t clusters = features < 96 ? 7 : 80, cells = clusters * features;
        const int32_t most = features < 96 ? 100 : 8; /* many clusters have a table of small counts */
        double *alpha = doubles(features, 1e-4, 3.0), *beta = doubles(features, 1e-4, 3.0);
        double *out = doubles(features, 0.0, 1.0);
        int32_t *c = counts(cells, most), *members = counts(cells, most);
        for (ptrdiff_t i = 0; i < cells; i++)
            members[i] += c[i];
        simd->log_marginal(alpha, beta, c, members, clusters, features, out);
        take(out, features);
        free(alpha), free(beta), free(out), free(c), free(members);
    }
    end("log_marginal");
}

/* ---------------------------------------------------------------- the arithmetic */

static void drive_singles(const char *name, void (*f)(const float *, float *, ptrdiff_t),
                          int exponent_low, int exponent_high, int negative)
{
    begin();
    for (int e = exponent_low; e <= exponent_high; e++) {
        float *x = floats(1024, 1.0, 1.0);
        for (int i = 0; i < 1024; i++)
            x[i] = ldexpf(negative && i % 2 ? -x[i] : x[i], e);
        f(x, x, 1024);
        take(x, 1024);
        free(x);
    }
    end(name);
}

static void drive_doubles(const char *name, void (*f)(const double *, double *, ptrdiff_t),
                          double (*one)(double), int exponent_low, int exponent_high, int negative)
{
    begin();
    for (int e = exponent_low; e <= exponent_high; e++) {
        double *x = doubles(64, 1.0, 1.0);
        for (int i = 0; i < 64; i++) {
            x[i] = ldexp(negative && i % 2 ? -x[i] : x[i], e);
            if (i < 8)
                take_double(one(x[i]));
        }
        f(x, x, 64);
        take(x, 64);
        free(x);
    }
    end(name);
}

int main(int argc, char **argv)
{
    const bitmix_simd *simd = argc == 2 ? bitmix_simd_named(argv[1]) : NULL;
    if (!simd)
        return 2;
    drive_score(simd);
    drive_screen(simd);
    drive_choose(simd);
    drive_cluster(simd);
    drive_masked(simd);
    drive_scatter(simd);
    drive_scatter_costs(simd);
    drive_sums(simd);
    drive_log_marginal(simd);
    drive_singles("log_f32", simd->array_log_f32, -126, 127, 0);
    drive_singles("exp_f32", simd->array_exp_f32, -30, 5, 1);
    drive_doubles("log_f64", simd->array_log_f64, simd->log, -1022, 1023, 0);
    drive_doubles("exp_f64", simd->array_exp_f64, simd->exp, -60, 8, 1);
    drive_doubles("lgamma_f64", simd->array_lgamma_f64, simd->lgamma, -900, 900, 0);
    return 0;
}
