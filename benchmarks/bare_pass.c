/* Add up the weights of all clusters for every row and do nothing else. Benchmarks compare a sweep
 * with this. */
#include "simd.h"

void bare_pass(const bitmix_simd *simd, const float *weights, ptrdiff_t stride, const uint32_t *on,
               const int64_t *start, ptrdiff_t rows, const float *base, ptrdiff_t blocks,
               float *scores)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        simd->score(weights, stride, on + start[i], start[i + 1] - start[i], base, blocks, scores);
}
