// The part of CUDA C++ that the kernels use, for the host. One thread block runs at a time, its threads as fibers that
// give way to each other at barriers only, in an order that changes at every barrier: a missing barrier shows as a wrong
// result, or as one that differs between runs.
#pragma once
#include <math.h>
#include <stddef.h>
#include <string.h>

#define __device__
#define __global__
#define __launch_bounds__(threads)

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

struct Index {
    int x, y, z;
};
extern Index threadIdx, blockIdx;

float* shared_memory();
void __syncthreads();

// One operation each, as on the device; the compiler is told not to contract (-ffp-contract=off).
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float cospif(float x) { return static_cast<float>(cos(3.14159265358979323846 * x)); }
