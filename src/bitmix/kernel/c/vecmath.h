/* Vector arithmetic: log, exp and lgamma from + - * / alone.
 *
 * Every function is elementwise, has no branch on the instruction set and is compiled without
 * contraction to fused multiply-add (-ffp-contract=off), so a lane holds the same bits whatever
 * the vector width, the compiler or the machine. Bounds, in units in the last place (ulp) of the
 * exact result, are checked against mpmath by tests/kernel/test_vecmath.py:
 *
 *   function    domain                       error
 *   log_f32     normal positive floats       2 ulp
 *   exp_f32     [-inf, 88]                   1 ulp; 0 below -87
 *   log_f64     normal positive doubles      1 ulp
 *   exp_f64     [-inf, 709]                  1 ulp; 0 below -708
 *   lgamma_f64  [1e-300, 1e300]              4 ulp from 8 on; below, 8e-15 max(1, |lgamma|)
 *
 * Outside its domain a function returns an arbitrary number and never traps.
 */
#ifndef BITMIX_VECMATH_H
#define BITMIX_VECMATH_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float f32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
typedef uint64_t u64x8 __attribute__((vector_size(64)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));

/* mask ? a : b, for masks of all ones or all zeros in each lane */
INLINE f32x16 select_f32(i32x16 mask, f32x16 a, f32x16 b)
{
    return (f32x16)((mask & (i32x16)a) | (~mask & (i32x16)b));
}

INLINE f64x8 select_f64(i64x8 mask, f64x8 a, f64x8 b)
{
    return (f64x8)((mask & (i64x8)a) | (~mask & (i64x8)b));
}

INLINE f32x16 splat_f32(float a) { return a - (f32x16){0}; }
INLINE f64x8 splat_f64(double a) { return a - (f64x8){0}; }

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)), f = m - 1; then
 * log(1 + f) = f - f^2/2 + f^3 P(f), P the minimax polynomial of degree 6. */
INLINE f32x16 log_f32(f32x16 x)
{
    const i32x16 bits = (i32x16)x;
    const i32x16 exponent = (bits - 0x3f3504f3) >> 23; /* 0x3f3504f3: sqrt(1/2) */
    const f32x16 e = __builtin_convertvector(exponent, f32x16);
    const f32x16 f = (f32x16)(bits - (exponent << 23)) - 1.0f;
    const f32x16 f2 = f * f;
    const f32x16 p01 = 0.3333390951156616f - f * 0.2500133812427521f;
    const f32x16 p23 = 0.19963063299655914f - f * 0.1657758504152298f;
    const f32x16 p456 = 0.14914768934249878f - f * 0.14267486333847046f + f2 * 0.08700434863567352f;
    const f32x16 p = (p01 + f2 * p23) + (f2 * f2) * p456;
    return e * 0.693147181f + (f - (0.5f * f2 - (f * f2) * p));
}

/* x = n ln 2 + r with |r| <= ln(2)/2; exp(r) by its Taylor series to r^7 */
INLINE f32x16 exp_f32(f32x16 x)
{
    const i32x16 alive = x >= -87.0f;
    x = select_f32(alive, x, (f32x16){0});
    const f32x16 shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23 rounds to an integer */
    const f32x16 n = shifted - 12582912.0f;
    const f32x16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    f32x16 p = splat_f32(1.0f / 5040.0f);
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = (r * r) * p + r + 1.0f;
    const i32x16 power = (__builtin_convertvector(n, i32x16) + 127) << 23;
    return select_f32(alive, p * (f32x16)power, (f32x16){0});
}

/* x = 2^e m as above; with s = f / (2 + f) and z = s^2,
 * log(1 + f) = f - s (f - R), R = 2 (z/3 + z^2/5 + ...), the atanh series to z^10 */
INLINE f64x8 log_f64(f64x8 x)
{
    const i64x8 bits = (i64x8)x;
    /* the exponent fits 12 bits: shift logically, as 64-bit arithmetic shifts need AVX-512 */
    const u64x8 biased = (u64x8)bits - 0x3fe6a09e667f3bcd + ((uint64_t)1024 << 52);
    const i64x8 exponent = (i64x8)(biased >> 52) - 1024;
    /* exact for |exponent| < 2^51: add to the mantissa of 1.5 * 2^52 */
    const f64x8 e = (f64x8)(exponent + 0x4338000000000000) - 6755399441055744.0;
    const f64x8 f = (f64x8)(bits - (exponent << 52)) - 1.0;
    const f64x8 s = f / (2.0 + f);
    const f64x8 z = s * s;
    f64x8 p = splat_f64(2.0 / 21.0);
    p = p * z + 2.0 / 19.0;
    p = p * z + 2.0 / 17.0;
    p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0;
    p = p * z + 2.0 / 11.0;
    p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0;
    p = p * z + 2.0 / 5.0;
    p = p * z + 2.0 / 3.0;
    p = p * z;
    /* ln 2 in two parts, the first with 32 trailing zero bits */
    const f64x8 half = 0.5 * f * f;
    const f64x8 tail = s * (half + p) + e * 1.90821492927058770002e-10;
    return e * 6.93147180369123816490e-01 + (f - (half - tail));
}

INLINE f64x8 exp_f64(f64x8 x)
{
    const i64x8 alive = x >= -708.0;
    x = select_f64(alive, x, (f64x8){0});
    const f64x8 shifted = x * 1.44269504088896338700 + 6755399441055744.0;
    const f64x8 n = shifted - 6755399441055744.0;
    const f64x8 r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    f64x8 p = splat_f64(1.0 / 6227020800.0);
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = (r * r) * p + r + 1.0;
    const i64x8 power = ((i64x8)shifted - 0x4338000000000000 + 1023) << 52;
    return select_f64(alive, p * (f64x8)power, (f64x8){0});
}

/* lgamma(y) for y >= 8 by Stirling's series (DLMF 5.11.1) */
INLINE f64x8 stirling_f64(f64x8 y)
{
    const f64x8 t = 1.0 / y;
    const f64x8 u = t * t;
    f64x8 p = splat_f64(1.0 / 156.0);
    p = p * u - 691.0 / 360360.0;
    p = p * u + 1.0 / 1188.0;
    p = p * u - 1.0 / 1680.0;
    p = p * u + 1.0 / 1260.0;
    p = p * u - 1.0 / 360.0;
    p = p * u + 1.0 / 12.0;
    const double half_log_2pi = 0.91893853320467274178;
    return ((y - 0.5) * log_f64(y) - y) + (half_log_2pi + p * t);
}

/* By Stirling's series at x, or, where x < 8, at x + 8 less log(x (x + 1) ... (x + 7)), the
 * recurrence of DLMF 5.5.1 */
INLINE f64x8 lgamma_f64(f64x8 x)
{
    const i64x8 small = x < 8.0;
    int64_t any = 0;
    for (int i = 0; i < 8; i++)
        any |= small[i];
    if (!any)
        return stirling_f64(x);
    const f64x8 product = x * (x + 1.0) * ((x + 2.0) * (x + 3.0))
        * ((x + 4.0) * (x + 5.0) * ((x + 6.0) * (x + 7.0)));
    const f64x8 log_product = log_f64(select_f64(small, product, splat_f64(1.0)));
    return stirling_f64(select_f64(small, x + 8.0, x)) - log_product;
}

#endif
