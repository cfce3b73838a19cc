// The two matrix products of a network over the points that a thread block holds.
//
// A thread block is 16 groups of 8 threads. In a product each group computes ROWS neighbouring rows, and each
// of its threads four neighbouring columns of them, in registers; so ROWS is the class of width, and 16 ·
// ROWS rows are one pass. Only the widest class has more than one pass, and then a layer cannot overwrite its
// inputs.
#pragma once
#include "network.cuh"

// The layout of the staged weights of a class: for each inner step the rows of each group side by side, so
// that a thread reads its own as vectors. Four more numbers move neighbouring steps to different banks.
template <int ROWS>
struct Class {
    static constexpr int WIDTH = 16 * ROWS;
    static constexpr int GROUP = ROWS == 3 ? 4 : ROWS;
    static constexpr int LINE = 16 * GROUP + 4;
    static constexpr int STAGE = DEPTH * LINE;
    // Whether layers may be wider than a pass.
    static constexpr bool PASSES = ROWS == 8;

    // Numbers of a layer's points in shared memory: rows `STRIDE` apart, as many as whole passes have.
    __device__ static int layer(const Shape& shape) { return (shape.width + WIDTH - 1) / WIDTH * WIDTH * STRIDE; }
};

// A matrix with element (row, inner) at `row · rows + inner · inners`; one of the distances is 1.
struct Matrix {
    const float* data;
    int rows, inners;
};

__device__ inline Matrix weights_of(const float* parameters, const Layer& layer) {
    return {parameters + layer.weights, layer.inputs, 1};
}
__device__ inline Matrix rows_from(const Matrix& a, int row) { return {a.data + row * a.rows, a.rows, a.inners}; }
__device__ inline Matrix transposed(const Matrix& a) { return {a.data, a.inners, a.rows}; }

template <int N>
__device__ inline void load(float (&to)[N], const float* from) {
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N; i += 4) {
            const float4 v = *reinterpret_cast<const float4*>(from + i);
            to[i] = v.x, to[i + 1] = v.y, to[i + 2] = v.z, to[i + 3] = v.w;
        }
    } else if constexpr (N == 2) {
        const float2 v = *reinterpret_cast<const float2*>(from);
        to[0] = v.x, to[1] = v.y;
    } else {
        to[0] = from[0];
    }
}

__device__ inline void store(float* to, const float (&from)[4]) {
    *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
}

// `sums[r] += Σ_k a[r, k] · x[k]` for the thread's rows and columns: ascending `k`, one fused multiply-add
// each, which is the order that spec/numerics.md fixes. Begins with a barrier, after which `x` must be
// complete and `stage` free.
template <int ROWS>
__device__ inline void product(float (&sums)[ROWS][4], const Matrix& a, int rows, int inner, const float* x, float* stage) {
    using C = Class<ROWS>;
    const float* own_weights = stage + threadIdx.x / 8 * C::GROUP;
    const float* own_points = x + threadIdx.x % 8 * 4;
    for (int from = 0; from < inner; from += DEPTH) {
        const int depth = inner - from < DEPTH ? inner - from : DEPTH;
        __syncthreads();
        // Neighbouring threads read neighbouring weights.
        for (int e = threadIdx.x; e < DEPTH * C::WIDTH; e += THREADS) {
            const int r = a.inners == 1 ? e / DEPTH : e % C::WIDTH;
            const int k = a.inners == 1 ? e % DEPTH : e / C::WIDTH;
            if (r < rows && k < depth) {
                stage[k * C::LINE + r / ROWS * C::GROUP + r % ROWS] = a.data[r * a.rows + (from + k) * a.inners];
            }
        }
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < depth; ++k) {
            float w[C::GROUP], p[4];
            load(w, own_weights + k * C::LINE);
            load(p, own_points + (from + k) * STRIDE);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
#pragma unroll
                for (int c = 0; c < 4; ++c) sums[r][c] = __fmaf_rn(w[r], p[c], sums[r][c]);
            }
        }
    }
}

// The first row and column of the calling thread's part of a product.
template <int ROWS>
__device__ inline int first_row() { return threadIdx.x / 8 * ROWS; }
__device__ inline int first_column() { return threadIdx.x % 8 * 4; }

// The biases of the thread's rows from row `row` on, with which sums start if there are any, in columns below
// `columns`.
template <int ROWS>
__device__ inline void start(float (&sums)[ROWS][4], const float* biases, int row, int rows, int columns) {
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const float bias = biases && row + r < rows ? biases[row + r] : 0.0f;
#pragma unroll
        for (int c = 0; c < 4; ++c) sums[r][c] = first_column() + c < columns ? bias : 0.0f;
    }
}

// `out = epilogue(biases + a·x)` for all `rows`; `epilogue` gets the number of a row and four columns of it.
// Begins with a barrier, as `product` does, and ends without one. In classes of a single pass `out` may be
// `x`.
template <int ROWS, class Epilogue>
__device__ inline void layer_product(const Matrix& a, const float* biases, int rows, int inner, int columns, const float* x, float* out,
                                     float* stage, Epilogue epilogue) {
    for (int from = 0; from < rows; from += Class<ROWS>::WIDTH) {
        const int row = from + first_row<ROWS>();
        float sums[ROWS][4];
        start(sums, biases, row, rows, columns);
        product(sums, rows_from(a, from), rows - from, inner, x, stage);
        if (!Class<ROWS>::PASSES) __syncthreads();
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            if (row + r >= rows) break;
            epilogue(row + r, sums[r]);
            store(out + (row + r) * STRIDE + first_column(), sums[r]);
        }
    }
}

// Backpropagates the gradients at the phases of `layer` to the phases of the layer below. The slopes of these
// are in rows of `POINTS`, from which a thread reads what it wrote there: `slopes` is the first of its
// columns.
template <int ROWS>
__device__ inline void backward(const float* parameters, const Layer& layer, const float* slopes, const float* delta, float* out,
                                float* stage) {
    layer_product<ROWS>(transposed(weights_of(parameters, layer)), nullptr, layer.inputs, layer.outputs, POINTS, delta, out, stage,
                        [=](int row, float(&d)[4]) {
                            float slope[4];
                            load(slope, slopes + row * POINTS);
#pragma unroll
                            for (int c = 0; c < 4; ++c) d[c] = __fmul_rn(d[c], slope[c]);
                        });
}

// `g[j, i] += Σ_p d[j][p] · x[i][p]` and `g_bias[j] += Σ_p d[j][p]`. Every sum belongs to one thread, which
// adds its points in order, so the result is the same in every run. A thread's rows are 16 and its columns 8
// apart: no two threads read the same bank.
template <int ROWS>
__device__ inline void outer(int outputs, int inputs, const float* d, const float* x, float* g, float* g_bias) {
    constexpr int COLUMNS = 2 * ROWS < 8 ? 2 * ROWS : 8;
    const int column = threadIdx.x % 8;
    const int across = (inputs + 8 * COLUMNS - 1) / (8 * COLUMNS);
    const int down = (outputs + Class<ROWS>::WIDTH - 1) / Class<ROWS>::WIDTH;
    for (int tile = 0; tile < across * down; ++tile) {
        const int row = threadIdx.x / 8 + tile / across * Class<ROWS>::WIDTH, from = tile % across * 8 * COLUMNS;
        float sums[ROWS][COLUMNS] = {};
        for (int p = 0; p < POINTS; p += 4) {
            float own[ROWS][4];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) load(own[r], d + (row + 16 * r) * STRIDE + p);
#pragma unroll
            for (int c = 0; c < COLUMNS; ++c) {
                float points[4];
                load(points, x + (from + column + 8 * c) * STRIDE + p);
#pragma unroll
                for (int r = 0; r < ROWS; ++r) {
#pragma unroll
                    for (int n = 0; n < 4; ++n) sums[r][c] = __fmaf_rn(own[r][n], points[n], sums[r][c]);
                }
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
#pragma unroll
            for (int c = 0; c < COLUMNS; ++c) {
                const int j = row + 16 * r, i = from + column + 8 * c;
                if (j < outputs && i < inputs) g[j * inputs + i] = __fadd_rn(g[j * inputs + i], sums[r][c]);
            }
        }
    }
    for (int j = threadIdx.x; j < outputs; j += THREADS) {
        float sum = 0.0f;
        for (int p = 0; p < POINTS; ++p) sum = __fadd_rn(sum, d[j * STRIDE + p]);
        g_bias[j] = __fadd_rn(g_bias[j], sum);
    }
}
