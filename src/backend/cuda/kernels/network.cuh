// Shared by all kernels: the shape of a network, its sine, and the memory of a thread block.
//
// All arithmetic that decides bits is written as explicit operations (`__fmaf_rn`, `__fmul_rn`, …), so that
// no compiler contracts or reassociates it. The same text is compiled for a device and, in the tests, for the
// host.
#pragma once

#ifdef __CUDACC__
// The dynamic shared memory of the thread block.
__device__ inline float* shared_memory() {
    extern __shared__ float4 memory[];
    return reinterpret_cast<float*>(memory);
}
#else
#include "device.hpp"
#endif
#include "constants.cuh"

// `inputs → width × layers (sine) → outputs (linear)`.
struct Shape {
    int inputs, outputs, layers, width;
};

// One layer: its size, and the place of its weights (`outputs × inputs`, row by row) and biases in the
// parameters.
struct Layer {
    int inputs, outputs, weights, biases;
};

__device__ inline Layer layer_of(const Shape& shape, int l) {
    const int width = shape.width;
    const int before = l == 0 ? 0 : (shape.inputs + 1) * width + (l - 1) * (width + 1) * width;
    const int inputs = l == 0 ? shape.inputs : width;
    const int outputs = l == shape.layers ? shape.outputs : width;
    return {inputs, outputs, before, before + inputs * outputs};
}

__device__ inline int parameters_of(const Shape& shape) {
    const Layer last = layer_of(shape, shape.layers);
    return last.biases + last.outputs;
}

// Second derivative of `sin(2πt)` by `t`, divided by `sin(2πt)`.
constexpr float CURVATURE = -TAU * TAU;

// The phase reduced to −½..½ turns.
__device__ inline float reduced(float t) { return __fsub_rn(t, rintf(t)); }
// `1 − 4r²`.
__device__ inline float one_minus_4r2(float r) { return __fmaf_rn(__fmul_rn(r, -4.0f), r, 1.0f); }

__device__ inline float horner(float w, float c0, float c1, float c2, float c3, float c4) {
    float p = __fmaf_rn(c4, w, c3);
    p = __fmaf_rn(p, w, c2);
    p = __fmaf_rn(p, w, c1);
    return __fmaf_rn(p, w, c0);
}

// The coefficients of spec/numerics.md, 2, in the fewest digits that determine them.
__device__ inline float sine_of(float r, float w) {
    const float p = horner(w, 3.1416037f, 2.3560162f, 0.67248297f, 0.10113348f, 0.011946299f);
    return __fmul_rn(__fmul_rn(r, w), p);
}

// `sin(2πt)`, `t` in turns.
__device__ inline float sine(float t) {
    const float r = reduced(t);
    return sine_of(r, one_minus_4r2(r));
}

// `sin(2πt)` and its slope `2π·cos(2πt)` from one reduction; the coefficients of the cosine include the
// factor 2π.
__device__ inline float sine_and_slope(float t, float& slope) {
    const float r = reduced(t), w = one_minus_4r2(r);
    slope = __fmaf_rn(__fmul_rn(w, w), horner(w, 7.7516046f, 3.8754325f, 0.82979256f, 0.09965724f, 0.009884111f), -TAU);
    return sine_of(r, w);
}
