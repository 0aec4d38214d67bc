/* Add up the weights of all clusters for every row and do nothing else. Benchmarks compare a sweep
 * with this. 16 clusters are side by side; a pass over a row adds up WIDTH such blocks. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef float f32x16 __attribute__((vector_size(64)));

void bare_pass(const float *weights, ptrdiff_t stride, const uint32_t *on, const int64_t *start,
               ptrdiff_t rows, ptrdiff_t passes, float *scores)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t pass = 0; pass < passes; pass++) {
            f32x16 sum[WIDTH] = {{0}};
            for (int64_t j = start[i]; j < start[i + 1]; j++) {
                const float *row = weights + pass * WIDTH * stride + 16 * (ptrdiff_t)on[j];
#pragma GCC unroll 12
                for (int b = 0; b < WIDTH; b++) {
                    f32x16 v;
                    memcpy(&v, row + b * stride, sizeof v);
                    sum[b] += v;
                }
            }
            memcpy(scores + 16 * pass * WIDTH, sum, sizeof sum);
        }
}
