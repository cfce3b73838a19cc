// One part of a training iteration: forward pass, backward pass and weight gradients of a range of points,
// without leaving the chip.
#pragma once
#include "job.cuh"
#include "residuals.cuh"
#include "tile.cuh"

// The weighted squared error of the residuals and its gradient, written to `losses` and `partials`.
//
// A thread holds the same rows and columns of every layer, so phases need no barrier. The backward pass
// computes sine and slope from the phase again: that is cheaper than memory for both.
template <int ROWS>
__device__ inline void step(const Job& job, const State& state) {
    using C = Class<ROWS>;
    const Shape& shape = job.shape;
    const int share = blockIdx.x, count = parameters_of(shape);
    const int column = first_column();
    float* stage = shared_memory();
    float* h = stage + C::STAGE;
    float* delta = h + C::layer(shape);
    float* spare = delta + C::layer(shape);
    float* rest = C::PASSES ? spare + C::layer(shape) : spare;
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
        const int block = first_block + part / (BLOCK / POINTS);
        const float* coordinates = job.coordinates + static_cast<size_t>(block) * shape.inputs * BLOCK;

        __syncthreads();
        for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
            h[e / POINTS * STRIDE + e % POINTS] = coordinates[e / POINTS * BLOCK + lane_of(job.residuals, part, e % POINTS)];
        }
        for (int l = 0; l < shape.layers; ++l) {
            const Layer layer = layer_of(shape, l);
            float* out = C::PASSES ? spare : h;
            float* own = phases + l * layer_phases + column;
            layer_product<ROWS>(weights_of(job.parameters, layer), job.parameters + layer.biases, layer.outputs, layer.inputs, POINTS, h,
                                out, stage, [=](int row, float(&t)[4]) {
                                    store(own + row * POINTS, t);
#pragma unroll
                                    for (int c = 0; c < 4; ++c) t[c] = sine(t[c]);
                                });
            if (C::PASSES) spare = h, h = out;
        }

        const Layer last = layer_of(shape, shape.layers);
        {
            const int output = first_row<1>();
            float sums[1][4];
            start(sums, job.parameters + last.biases, output, last.outputs, POINTS);
            product(sums, weights_of(job.parameters, last), last.outputs, last.inputs, h, stage);
            if (output < last.outputs) store(delta + output * STRIDE + column, sums[0]);
        }
        __syncthreads();
        if (threadIdx.x < groups_of(job.residuals, POINTS)) {
            const int lane = lane_of(job.residuals, part, threadIdx.x);
            const float* targets = job.targets + static_cast<size_t>(block) * shape.outputs * BLOCK + lane;
            const float* weights = job.weights + static_cast<size_t>(block) * BLOCK + lane;
            float sum = 0.0f;
            for (int c = 0; c < shape.outputs; ++c, targets += BLOCK) {
                sum += squared_error(job.residuals, delta + c * STRIDE + threadIdx.x, targets, weights, factor);
            }
            loss += static_cast<double>(sum);
        }

        for (int l = shape.layers;; --l) {
            const Layer layer = layer_of(shape, l);
            float* below = phases + (l - 1) * layer_phases + column;
            // The layer's inputs are written to `h`; the phases of the layer below are replaced by their
            // slopes.
            if (l == 0) {
                for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
                    h[e / POINTS * STRIDE + e % POINTS] = coordinates[e / POINTS * BLOCK + lane_of(job.residuals, part, e % POINTS)];
                }
            } else {
                for (int from = 0; from < layer.inputs; from += C::WIDTH) {
                    const int row = from + first_row<ROWS>();
#pragma unroll
                    for (int r = 0; r < ROWS; ++r) {
                        if (row + r >= layer.inputs) break;
                        float t[4], slope[4];
                        load(t, below + (row + r) * POINTS);
#pragma unroll
                        for (int c = 0; c < 4; ++c) t[c] = sine_and_slope(t[c], slope[c]);
                        store(below + (row + r) * POINTS, slope);
                        store(h + (row + r) * STRIDE + column, t);
                    }
                }
            }
            __syncthreads();
            outer<ROWS>(layer.outputs, layer.inputs, delta, h, gradient + layer.weights, gradient + layer.biases);
            if (l == job.first_layer) break;
            // The barriers of a product also end the reading of `h`.
            float* out = C::PASSES ? spare : delta;
            backward<ROWS>(job.parameters, layer, below, delta, out, stage);
            if (C::PASSES) spare = delta, delta = out;
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
