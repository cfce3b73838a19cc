// The curvature of the squared error by the parameters of one layer, at sampled points: the computation of
// src/quantize/curvature.rs. First the inputs and slopes of the layer at each point, then the matrices made
// from them.
#pragma once
#include "panel.cuh"
#include "residuals.cuh"

// A layer whose curvature is requested. The host fills it in; `Trace` in src/backend/cuda/curvature.rs has
// the same fields.
struct Trace {
    const float* parameters;
    // `inputs × BLOCK` and `BLOCK` numbers per block.
    const float *coordinates, *weights;
    // The slopes of the hidden layers, `layers × width × POINTS` per part of a block.
    float* slopes;
    // Rows of all points: the layer's inputs; `Σ_r (∂r / ∂t_j)²`; and for groups of two points the same sum with one of
    // the two derivatives by the phase of the other point.
    float *inputs, *energy, *cross;
    // `(inputs + 1)²` for each group of outputs.
    double* matrices;
    Shape shape;
    int blocks;
    int layer;
    // Neighbouring outputs that share a matrix, the mean of theirs; a divisor of the number of outputs.
    int together;
    // What the weights are of, as in `Job`.
    int residuals;
    // Factor of all derivatives.
    float factor;
};

static_assert(sizeof(Trace) == 104, "src/backend/cuda/curvature.rs says otherwise");

// Inputs, energy and cross of the layer at 32 points of a block, by a forward pass and a backward pass for
// each residual. A thread holds the same rows and columns of every layer, so slopes need no barrier.
template <int ROWS>
__device__ inline void trace(const Trace& trace) {
    using C = Class<ROWS>;
    const Shape& shape = trace.shape;
    const int part = blockIdx.x, block = part / (BLOCK / POINTS), points = trace.blocks * BLOCK;
    const int column = first_column(), layer_slopes = shape.width * POINTS;
    const Layer asked = layer_of(shape, trace.layer);
    float* stage = shared_memory();
    float* h = stage + C::STAGE;
    float* spare = h + C::layer(shape);
    float* slopes = trace.slopes + static_cast<size_t>(part) * shape.layers * layer_slopes + column;
    const float* coordinates = trace.coordinates + static_cast<size_t>(block) * shape.inputs * BLOCK;
    const float* weights = trace.weights + static_cast<size_t>(block) * BLOCK;

    for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
        h[e / POINTS * STRIDE + e % POINTS] = coordinates[e / POINTS * BLOCK + lane_of(trace.residuals, part, e % POINTS)];
    }
    for (int l = 0;; ++l) {
        if (l == trace.layer) {
            __syncthreads();
            for (int e = threadIdx.x; e < asked.inputs * POINTS; e += THREADS) {
                const int i = e / POINTS, p = e % POINTS;
                trace.inputs[i * points + block * BLOCK + lane_of(trace.residuals, part, p)] = h[i * STRIDE + p];
            }
        }
        if (l == shape.layers) break;
        const Layer layer = layer_of(shape, l);
        float* own = slopes + l * layer_slopes;
        float* out = C::PASSES ? spare : h;
        layer_product<ROWS>(weights_of(trace.parameters, layer), trace.parameters + layer.biases, layer.outputs, layer.inputs, POINTS, h,
                            out, stage, [=](int row, float(&t)[4]) {
                                float slope[4];
#pragma unroll
                                for (int c = 0; c < 4; ++c) t[c] = sine_and_slope(t[c], slope[c]);
                                store(own + row * POINTS, slope);
                            });
        if (C::PASSES) spare = h, h = out;
    }

    const int numbers = group_of(trace.residuals);
    for (int residual = 0; residual < shape.outputs * numbers; ++residual) {
        __syncthreads();
        for (int e = threadIdx.x; e < shape.outputs * POINTS; e += THREADS) {
            const int c = e / POINTS, p = e % POINTS;
            const bool seeded = c == residual / numbers;
            const float seed = seed_of(trace.residuals, weights, lane_of(trace.residuals, part, p), residual % numbers);
            h[c * STRIDE + p] = seeded ? trace.factor * seed : 0.0f;
        }
        for (int l = shape.layers; l > trace.layer; --l) {
            float* out = C::PASSES ? spare : h;
            backward<ROWS>(trace.parameters, layer_of(shape, l), slopes + (l - 1) * layer_slopes, h, out, stage);
            if (C::PASSES) spare = h, h = out;
        }
        __syncthreads();
        for (int e = threadIdx.x; e < asked.outputs * POINTS; e += THREADS) {
            const int j = e / POINTS, p = e % POINTS;
            const int at = j * points + block * BLOCK + lane_of(trace.residuals, part, p);
            const float d = h[j * STRIDE + p];
            trace.energy[at] = __fmaf_rn(d, d, residual ? trace.energy[at] : 0.0f);
            if (trace.residuals != VALUES) {
                trace.cross[at] = __fmaf_rn(d, h[j * STRIDE + other_of(p, POINTS)], residual ? trace.cross[at] : 0.0f);
            }
        }
    }
}

// `x_i(p)`, followed by 1 for the bias and then by zeros.
__device__ inline float input_of(const Trace& trace, const Layer& layer, int i, int p) {
    return i < layer.inputs ? trace.inputs[i * trace.blocks * BLOCK + p] : i == layer.inputs ? 1.0f : 0.0f;
}

// A panel of the matrix of a group, `Σ_p energy(p) · x(p) x(p)ᵀ + cross(p) · x(p) x'(p)ᵀ`, where `x'` is that
// of the other point of the group. Sums over a block are in binary32, sums over blocks in binary64, each by
// one thread and in order.
__device__ inline void curvature(const Trace& trace) {
    const Layer layer = layer_of(trace.shape, trace.layer);
    const int n = layer.inputs + 1, tiles = (n + SIDE - 1) / SIDE, points = trace.blocks * BLOCK;
    const int group = blockIdx.x / (tiles * tiles), tile = blockIdx.x % (tiles * tiles);
    const int top = tile / tiles * SIDE, left = tile % tiles * SIDE;
    if (group * trace.together >= layer.outputs) return;
    float* rows = shared_memory();
    float* columns = rows + STAGED * PANEL;
    // Energies of the staged points, then their crosses.
    float* means = columns + STAGED * PANEL;
    const int i = threadIdx.x / 16 * 4, j = threadIdx.x % 16 * 4;
    double sums[4][4] = {};
    for (int block = 0; block < trace.blocks; ++block) {
        float part[4][4] = {};
        for (int from = block * BLOCK; from < (block + 1) * BLOCK; from += STAGED) {
            if (threadIdx.x < 2 * STAGED) {
                const float* of = threadIdx.x < STAGED ? trace.energy : trace.cross;
                float sum = 0.0f;
                for (int r = 0; of && r < trace.together; ++r) {
                    sum += of[(group * trace.together + r) * points + from + threadIdx.x % STAGED];
                }
                means[threadIdx.x] = sum / static_cast<float>(trace.together);
            }
            __syncthreads();
            for (int e = threadIdx.x; e < STAGED * SIDE; e += UPDATERS) {
                const int r = e / STAGED, k = e % STAGED, p = from + k;
                float weighted = means[k] * input_of(trace, layer, top + r, p);
                if (trace.residuals != VALUES) weighted += means[STAGED + k] * input_of(trace, layer, top + r, other_of(p, BLOCK));
                rows[k * PANEL + r] = weighted;
                columns[k * PANEL + r] = input_of(trace, layer, left + r, p);
            }
            __syncthreads();
            panel_product<STAGED>(part, rows + i, columns + j);
        }
#pragma unroll
        for (int r = 0; r < 4; ++r) {
#pragma unroll
            for (int c = 0; c < 4; ++c) sums[r][c] += static_cast<double>(part[r][c]);
        }
    }
    double* matrix = trace.matrices + static_cast<size_t>(group) * n * n;
#pragma unroll
    for (int r = 0; r < 4; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
            const int row = top + i + r, column = left + j + c;
            if (row < n && column < n) matrix[row * n + column] = sums[r][c];
        }
    }
}
