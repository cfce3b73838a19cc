// Muon: a step along the orthogonalised momentum. A matrix of up to 64 rows stays in the shared memory of one
// thread block; for a wider one many blocks compute a tile each, in a launch per product.
#pragma once
#include "panel.cuh"
#include "verdict.cuh"

// `c = uᵀ·v` of square matrices whose rows are `stride` apart, a multiple of 4; SIDE × SIDE numbers per
// thread and turn.
template <int SIDE>
__device__ inline void transposed_product(int n, int stride, const float* u, const float* v, float* c) {
    const int tiles = (n + SIDE - 1) / SIDE;
    for (int tile = threadIdx.x; tile < tiles * tiles; tile += UPDATERS) {
        const int i = tile / tiles * SIDE, j = tile % tiles * SIDE;
        float sums[SIDE][SIDE] = {};
#pragma unroll 4
        for (int k = 0; k < n; ++k) {
            float left[SIDE], right[SIDE];
            load(left, u + k * stride + i);
            load(right, v + k * stride + j);
#pragma unroll
            for (int a = 0; a < SIDE; ++a) {
#pragma unroll
                for (int b = 0; b < SIDE; ++b) sums[a][b] = __fmaf_rn(left[a], right[b], sums[a][b]);
            }
        }
#pragma unroll
        for (int a = 0; a < SIDE; ++a) {
#pragma unroll
            for (int b = 0; b < SIDE; ++b) {
                if (i + a < n) c[(i + a) * stride + j + b] = sums[a][b];
            }
        }
    }
}

__device__ inline void transposed_product(int n, int stride, const float* u, const float* v, float* c) {
    if (n <= 16) transposed_product<1>(n, stride, u, v, c);
    else transposed_product<4>(n, stride, u, v, c);
}

// One number of `bA + cA²`, and of `aX` plus its product with X.
__device__ inline float polynomial_of(float a, float square) {
    return __fadd_rn(__fmul_rn(NEWTON_SCHULZ_B, a), __fmul_rn(NEWTON_SCHULZ_C, square));
}
__device__ inline float next_of(float x, float product) { return __fadd_rn(__fmul_rn(NEWTON_SCHULZ_A, x), product); }

// Scales a matrix to unit Frobenius norm; in binary64, since the squares of small gradients vanish in
// binary32.
__device__ inline void scale(int n, int stride, float* x, double* scratch) {
    double sum = 0.0;
    for (int e = threadIdx.x; e < n * stride; e += UPDATERS) sum += static_cast<double>(x[e]) * x[e];
    const double inverse = 1.0 / fmax(sqrt(block_sum(sum, scratch)), 2.2250738585072014e-308);
    for (int e = threadIdx.x; e < n * stride; e += UPDATERS) x[e] = static_cast<float>(x[e] * inverse);
}

// Two quintic Newton–Schulz iterations, `X ← aX + (bA + cA²)X` with `A = XXᵀ`, which move the large singular
// values to about 1. A and the polynomial are symmetric, so all three products are of the form `uᵀ·v`.
__device__ inline void orthogonalize(int n, int stride, float* x, float* square, float* other, double* scratch) {
    scale(n, stride, x, scratch);
    for (int iteration = 0; iteration < ITERATIONS; ++iteration) {
        __syncthreads();
        for (int e = threadIdx.x; e < n * stride; e += UPDATERS) {
            const int r = e / stride, k = e % stride;
            other[e] = k < n ? x[k * stride + r] : 0.0f;
        }
        __syncthreads();
        transposed_product(n, stride, other, other, square);
        __syncthreads();
        transposed_product(n, stride, square, square, other);
        __syncthreads();
        for (int e = threadIdx.x; e < n * stride; e += UPDATERS) {
            other[e] = polynomial_of(square[e], other[e]);
        }
        __syncthreads();
        transposed_product(n, stride, other, x, square);
        __syncthreads();
        for (int e = threadIdx.x; e < n * stride; e += UPDATERS) {
            x[e] = next_of(x[e], square[e]);
        }
    }
    __syncthreads();
}

// Distance between rows of a hidden matrix in memory.
__device__ inline int matrix_stride(const Job& job) { return (job.shape.width + 3) / 4 * 4; }

// Three matrices for hidden layer `l` in global memory, followed by the factor of the final step.
__device__ inline float* matrices_of(const Job& job, int l) {
    return job.matrices + static_cast<size_t>(l - 1) * (3 * job.shape.width * matrix_stride(job) + 4);
}
__device__ inline float& factor_of(const Job& job, int l) {
    return matrices_of(job, l)[3 * job.shape.width * matrix_stride(job)];
}

// Muon on the weights of hidden layer `l`: a step along the orthogonalised momentum. A wide matrix is only
// scaled here and left to `iterate`.
__device__ inline void muon(const Job& job, const Verdict& verdict, float rate, int l, float* shared, double* scratch) {
    const int n = job.shape.width, stride = matrix_stride(job), weights = layer_of(job.shape, l).weights;
    float* x = job.matrices ? matrices_of(job, l) : shared;
    for (int e = threadIdx.x; e < n * stride; e += UPDATERS) {
        const int r = e / stride, k = e % stride, i = weights + r * n + k;
        x[e] = 0.0f;
        if (k >= n) continue;
        if (verdict.roll_back) {
            job.parameters[i] = job.best[i];
            job.first[i] = 0.0f;
            continue;
        }
        if (verdict.keep) job.best[i] = job.parameters[i];
        const float g = job.gradient[i] * verdict.clip, m = MOMENTUM * job.first[i] + g;
        job.first[i] = m;
        x[e] = g + MOMENTUM * m;
    }
    const float factor = rate / TAU * SPECTRAL;
    if (job.matrices) {
        scale(n, stride, x, scratch);
        if (threadIdx.x == 0) factor_of(job, l) = verdict.roll_back ? 0.0f : factor;
        return;
    }
    if (verdict.roll_back) return;
    orthogonalize(n, stride, x, x + n * stride, x + 2 * n * stride, scratch);
    for (int e = threadIdx.x; e < n * n; e += UPDATERS) {
        job.parameters[weights + e] -= factor * x[e / n * stride + e % n];
    }
}

// One of the three products of an iteration on a wide matrix, one panel per thread block.
enum Product { SQUARE, POLYNOMIAL, NEXT };

// `iteration` selects which of the first two matrices is X; the other receives the square and then the next
// X. In the last iteration the next X is the step along the momentum.
__device__ inline void iterate(const Job& job, int l, int iteration, int product) {
    const int n = job.shape.width, stride = matrix_stride(job), size = n * stride;
    const int tiles = (n + SIDE - 1) / SIDE, top = blockIdx.x / tiles * SIDE, left = blockIdx.x % tiles * SIDE;
    if (top >= n) return;
    float* base = matrices_of(job, l);
    float *x = base + iteration % 2 * size, *square = base + (iteration + 1) % 2 * size, *polynomial = base + 2 * size;
    const float* a = product == SQUARE ? x : product == POLYNOMIAL ? square : polynomial;
    const float* b = product == POLYNOMIAL ? square : x;
    float* rows = shared_memory();
    float* columns = rows + INNER * PANEL;
    const int i = threadIdx.x / 16 * 4, j = threadIdx.x % 16 * 4;
    float sums[4][4] = {};
    for (int from = 0; from < n; from += INNER) {
        __syncthreads();
        for (int e = threadIdx.x; e < INNER * SIDE; e += UPDATERS) {
            const int r = e / INNER, k = e % INNER;
            const bool inside = from + k < n;
            rows[k * PANEL + r] = inside && top + r < n ? a[(top + r) * stride + from + k] : 0.0f;
            if (product == SQUARE) {
                columns[k * PANEL + r] = inside && left + r < n ? b[(left + r) * stride + from + k] : 0.0f;
            } else {
                const int c = e % SIDE, d = e / SIDE;
                columns[d * PANEL + c] = from + d < n && left + c < n ? b[(from + d) * stride + left + c] : 0.0f;
            }
        }
        __syncthreads();
        panel_product<INNER>(sums, rows + i, columns + j);
    }
    float* parameters = job.parameters + layer_of(job.shape, l).weights;
#pragma unroll
    for (int r = 0; r < 4; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            const int row = top + i + r, column = left + j + c, at = row * stride + column;
            if (row >= n || column >= n) continue;
            const float sum = sums[r][c];
            if (product == SQUARE) square[at] = sum;
            else if (product == POLYNOMIAL) polynomial[at] = polynomial_of(square[at], sum);
            else if (iteration + 1 < ITERATIONS) square[at] = next_of(x[at], sum);
            else parameters[row * n + column] -= factor_of(job, l) * next_of(x[at], sum);
        }
    }
}
