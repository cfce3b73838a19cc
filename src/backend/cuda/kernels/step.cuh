// One share of a training step: forward, backward and weight gradients of a range of points, without leaving the chip.
#pragma once
#include "job.cuh"
#include "tile.cuh"

// The weighted squared error of the share's points and its gradient, into `losses` and `partials`.
//
// A thread holds the same rows and columns of every layer, so phases need no barrier. The backward pass takes sine and slope
// from the phase again: that is cheaper than room for both.
template <int ROWS>
__device__ inline void step(const Job& job, const State& state) {
    using C = Class<ROWS>;
    const Shape& shape = job.shape;
    const int share = blockIdx.x, count = parameters_of(shape);
    const int row = first_row<ROWS>(), column = first_column();
    float* stage = shared_memory();
    float* h = stage + C::STAGE;
    float* delta = h + C::ROWS_OF_POINTS;
    float* rest = delta + C::ROWS_OF_POINTS;
    const int layer_phases = shape.width * POINTS;
    float* phases = rest;
    if (job.phases) phases = job.phases + share * shape.layers * layer_phases;
    else rest += shape.layers * layer_phases;
    float* partial = job.partials + static_cast<size_t>(share) * count;
    float* gradient = job.gradient_shared ? rest : partial;
    for (int i = threadIdx.x; i < count; i += THREADS) gradient[i] = 0.0f;

    const int batch = state.step % job.batches, first_block = batch_start(job, batch);
    const int parts = (batch_start(job, batch + 1) - first_block) * (BLOCK / POINTS);
    const float factor = 2.0f * (1.0f / static_cast<float>(batch_numbers(job, state.step)));
    const int begin = static_cast<int>(static_cast<long long>(share) * parts / job.shares);
    const int end = static_cast<int>(static_cast<long long>(share + 1) * parts / job.shares);
    double loss = 0.0;
    for (int part = begin; part < end; ++part) {
        const int block = first_block + part / (BLOCK / POINTS), lane = part % (BLOCK / POINTS) * POINTS;
        const float* coordinates = job.coordinates + static_cast<size_t>(block) * shape.inputs * BLOCK + lane;

        __syncthreads();
        for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
            h[e / POINTS * STRIDE + e % POINTS] = coordinates[e / POINTS * BLOCK + e % POINTS];
        }
        for (int l = 0; l < shape.layers; ++l) {
            const Layer layer = layer_of(shape, l);
            float sums[ROWS][4];
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                const float bias = row + r < layer.outputs ? job.parameters[layer.biases + row + r] : 0.0f;
#pragma unroll
                for (int c = 0; c < 4; ++c) sums[r][c] = bias;
            }
            product<ROWS>(sums, weights_of(job.parameters, layer), layer.outputs, layer.inputs, h, stage);
            __syncthreads();
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                if (row + r >= layer.outputs) break;
                store(phases + l * layer_phases + (row + r) * POINTS + column, sums[r]);
#pragma unroll
                for (int c = 0; c < 4; ++c) sums[r][c] = sine(sums[r][c]);
                store(h + (row + r) * STRIDE + column, sums[r]);
            }
        }

        const Layer last = layer_of(shape, shape.layers);
        {
            const int output = first_row<1>();
            float sums[1][4];
            for (int c = 0; c < 4; ++c) sums[0][c] = output < last.outputs ? job.parameters[last.biases + output] : 0.0f;
            product<1>(sums, weights_of(job.parameters, last), last.outputs, last.inputs, h, stage);
            if (output < last.outputs) store(delta + output * STRIDE + column, sums[0]);
        }
        __syncthreads();
        if (threadIdx.x < POINTS) {
            const int p = threadIdx.x;
            const float* targets = job.targets + static_cast<size_t>(block) * shape.outputs * BLOCK + lane;
            const float weight = job.weights[static_cast<size_t>(block) * BLOCK + lane + p];
            float sum = 0.0f;
            for (int c = 0; c < shape.outputs; ++c) {
                const float error = delta[c * STRIDE + p] - targets[c * BLOCK + p];
                const float weighted = error * weight;
                sum = __fmaf_rn(weighted, error, sum);
                delta[c * STRIDE + p] = weighted * factor;
            }
            loss += static_cast<double>(sum);
        }

        for (int l = shape.layers;; --l) {
            const Layer layer = layer_of(shape, l);
            float* below = phases + (l - 1) * layer_phases + row * POINTS + column;
            // The layer's inputs into `h`; the phases below give way to their slopes.
            if (l == 0) {
                for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
                    h[e / POINTS * STRIDE + e % POINTS] = coordinates[e / POINTS * BLOCK + e % POINTS];
                }
            } else {
#pragma unroll
                for (int r = 0; r < ROWS; ++r) {
                    if (row + r >= layer.inputs) break;
                    float t[4], slope[4];
                    load(t, below + r * POINTS);
#pragma unroll
                    for (int c = 0; c < 4; ++c) t[c] = sine_and_slope(t[c], slope[c]);
                    store(below + r * POINTS, slope);
                    store(h + (row + r) * STRIDE + column, t);
                }
            }
            __syncthreads();
            outer<ROWS>(layer.outputs, layer.inputs, delta, h, gradient + layer.weights, gradient + layer.biases);
            if (l == job.first_layer) break;
            float sums[ROWS][4] = {};
            product<ROWS>(sums, transposed(weights_of(job.parameters, layer)), layer.inputs, layer.outputs, delta, stage);
            __syncthreads();
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                if (row + r >= layer.inputs) break;
                float slope[4];
                load(slope, below + r * POINTS);
#pragma unroll
                for (int c = 0; c < 4; ++c) sums[r][c] = __fmul_rn(sums[r][c], slope[c]);
                store(delta + (row + r) * STRIDE + column, sums[r]);
            }
        }
    }

    __syncthreads();
    if (job.gradient_shared) {
        for (int i = threadIdx.x; i < count; i += THREADS) partial[i] = gradient[i];
    }
    double* losses = reinterpret_cast<double*>(stage);
    if (threadIdx.x < POINTS) losses[threadIdx.x] = loss;
    __syncthreads();
    if (threadIdx.x == 0) {
        double sum = 0.0;
        for (int p = 0; p < POINTS; ++p) sum += losses[p];
        job.losses[share] = sum;
    }
}
