/* The compiled levels that this machine can run. */
#include "simd.h"

#include <string.h>

extern const bitmix_simd bitmix_simd_baseline;
#if defined(__x86_64__)
extern const bitmix_simd bitmix_simd_v3, bitmix_simd_v4;

/* The levels of the x86-64 psABI whose instructions the compiler may use here */
static int runs_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static int runs_v4(void)
{
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl");
}
#endif

const bitmix_simd *bitmix_simd_named(const char *name)
{
#if defined(__x86_64__)
    if (!strcmp(name, "v4") && runs_v4())
        return &bitmix_simd_v4;
    if (!strcmp(name, "v3") && runs_v3())
        return &bitmix_simd_v3;
#endif
    return strcmp(name, "baseline") ? NULL : &bitmix_simd_baseline;
}

const bitmix_simd *bitmix_simd_best(void)
{
    const char *widest_first[] = {"v4", "v3"};
    for (int i = 0; i < 2; i++) {
        const bitmix_simd *level = bitmix_simd_named(widest_first[i]);
        if (level)
            return level;
    }
    return &bitmix_simd_baseline;
}
