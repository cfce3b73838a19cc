// Decoding: the values of a network and its jets, with the bits of the specification. One thread block per 32
// columns.
#pragma once
#include "tile.cuh"

// The values at 32 points: `outputs × BLOCK` per block of points. The grid covers the quarters of the blocks.
template <int ROWS>
__device__ inline void forward(const Shape& shape, const float* parameters, const float* coordinates, float* values) {
    using C = Class<ROWS>;
    float* stage = shared_memory();
    float* h = stage + C::STAGE;
    float* spare = h + C::layer(shape);
    const int block = blockIdx.x / (BLOCK / POINTS), lane = blockIdx.x % (BLOCK / POINTS) * POINTS;
    for (int e = threadIdx.x; e < shape.inputs * POINTS; e += THREADS) {
        const int i = e / POINTS, p = e % POINTS;
        h[i * STRIDE + p] = coordinates[(block * shape.inputs + i) * BLOCK + lane + p];
    }
    const int column = first_column();
    for (int l = 0; l < shape.layers; ++l) {
        const Layer layer = layer_of(shape, l);
        float* out = C::PASSES ? spare : h;
        layer_product<ROWS>(weights_of(parameters, layer), parameters + layer.biases, layer.outputs, layer.inputs, POINTS, h, out, stage,
                            [](int, float(&t)[4]) {
#pragma unroll
                                for (int c = 0; c < 4; ++c) t[c] = sine(t[c]);
                            });
        if (C::PASSES) spare = h, h = out;
    }
    const Layer last = layer_of(shape, shape.layers);
    const int output = first_row<1>();
    float sums[1][4];
    start(sums, parameters + last.biases, output, last.outputs, POINTS);
    product(sums, weights_of(parameters, last), last.outputs, last.inputs, h, stage);
    if (output < last.outputs) store(values + (block * last.outputs + output) * BLOCK + lane + column, sums[0]);
}

// The derivatives of a jet besides the value; the order of `Jet` on the host.
enum Derivatives { GRADIENT, LAPLACIAN, HESSIAN };

__device__ inline int components_of(int derivatives, int inputs) {
    const int second = derivatives == HESSIAN ? inputs * (inputs + 1) / 2 : derivatives == LAPLACIAN ? 1 : 0;
    return 1 + inputs + second;
}

// Applies the sine to one neuron's jet at one point; its components are `step` apart.
__device__ inline void activate(int derivatives, int inputs, float* jet, int step) {
    float slope;
    const float value = sine_and_slope(jet[0], slope);
    jet[0] = value;
    float first[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (i >= inputs) break;
        first[i] = jet[(1 + i) * step];
        jet[(1 + i) * step] = __fmul_rn(slope, first[i]);
    }
    const float curvature = __fmul_rn(value, CURVATURE);
    float* second = jet + (1 + inputs) * step;
    if (derivatives == LAPLACIAN) {
        float square = __fmul_rn(first[0], first[0]);
#pragma unroll
        for (int i = 1; i < 4; ++i) {
            if (i < inputs) square = __fmaf_rn(first[i], first[i], square);
        }
        *second = __fmaf_rn(curvature, square, __fmul_rn(slope, *second));
    }
    if (derivatives == HESSIAN) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#pragma unroll
            for (int j = i; j < 4; ++j) {
                if (j >= inputs) break;
                *second = __fmaf_rn(curvature, __fmul_rn(first[i], first[j]), __fmul_rn(slope, *second));
                second += step;
            }
        }
    }
}

// The jets at as many points as fit: column `component · points + point` of a product is one component at one
// point. `components × outputs × BLOCK` per block of points.
template <int ROWS>
__device__ inline void jet(
    const Shape& shape, const float* parameters, const float* coordinates, int derivatives, int count, float* out) {
    using C = Class<ROWS>;
    float* stage = shared_memory();
    float* h = stage + C::STAGE;
    float* spare = h + C::layer(shape);
    const int components = components_of(derivatives, shape.inputs), points = POINTS / components;
    const int begin = blockIdx.x * points;
    const int column = first_column();

    // Phases of the first layer: their first derivatives are the weights, their second derivatives are 0.
    const Layer first = layer_of(shape, 0);
    for (int e = threadIdx.x; e < shape.width * POINTS; e += THREADS) {
        const int j = e / POINTS, component = e % POINTS / points, at = begin + e % POINTS % points;
        const float* weights = parameters + first.weights + j * shape.inputs;
        float t = 0.0f;
        if (component == 0 && at < count) {
            t = parameters[first.biases + j];
            for (int i = 0; i < shape.inputs; ++i) {
                t = __fmaf_rn(weights[i], coordinates[(at / BLOCK * shape.inputs + i) * BLOCK + at % BLOCK], t);
            }
        } else if (component >= 1 && component <= shape.inputs) {
            t = weights[component - 1];
        }
        h[j * STRIDE + e % POINTS] = t;
    }
    for (int l = 1;; ++l) {
        __syncthreads();
        for (int e = threadIdx.x; e < shape.width * points; e += THREADS) {
            activate(derivatives, shape.inputs, h + e / points * STRIDE + e % points, points);
        }
        if (l == shape.layers) break;
        const Layer layer = layer_of(shape, l);
        float* out = C::PASSES ? spare : h;
        layer_product<ROWS>(weights_of(parameters, layer), parameters + layer.biases, layer.outputs, layer.inputs, points, h, out, stage,
                            [](int, float(&)[4]) {});
        if (C::PASSES) spare = h, h = out;
    }
    const Layer last = layer_of(shape, shape.layers);
    const int output = first_row<1>();
    float sums[1][4];
    start(sums, parameters + last.biases, output, last.outputs, points);
    product(sums, weights_of(parameters, last), last.outputs, last.inputs, h, stage);
    if (output >= last.outputs) return;
    for (int c = 0; c < 4; ++c) {
        const int component = (column + c) / points, at = begin + (column + c) % points;
        if (component < components && at < count) {
            out[((at / BLOCK * components + component) * last.outputs + output) * BLOCK + at % BLOCK] = sums[0][c];
        }
    }
}
