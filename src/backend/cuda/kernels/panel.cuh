// Products of large matrices by panels: 64 × 64 numbers per thread block, 4 × 4 per thread, from rows and
// columns staged in shared memory, a few inner steps at a time.
#pragma once
#include "tile.cuh"

// `sums[r][c] += Σ_k rows[k][r] · columns[k][c]`, ascending `k`, from the thread's first row and column on.
template <int INNER>
__device__ inline void panel_product(float (&sums)[4][4], const float* rows, const float* columns) {
#pragma unroll
    for (int k = 0; k < INNER; ++k) {
        float own[4], others[4];
        load(own, rows + k * PANEL);
        load(others, columns + k * PANEL);
#pragma unroll
        for (int r = 0; r < 4; ++r) {
#pragma unroll
            for (int c = 0; c < 4; ++c) sums[r][c] = __fmaf_rn(own[r], others[c], sums[r][c]);
        }
    }
}
