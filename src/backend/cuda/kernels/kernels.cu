// The kernels by name. Suffixes are classes of width: a network up to 16 · N wide takes class N or more,
// wider ones the widest.
#include "curvature.cuh"
#include "evaluate.cuh"
#include "optimizer.cuh"
#include "step.cuh"

#define EVALUATE(ROWS)                                                                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS) forward_##ROWS(                                                     \
        Shape shape, const float* parameters, const float* coordinates, float* values) {                                      \
        forward<ROWS>(shape, parameters, coordinates, values);                                                                \
    }                                                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS) jet_##ROWS(                                                         \
        Shape shape, const float* parameters, const float* coordinates, int derivatives, int count, float* out) {             \
        jet<ROWS>(shape, parameters, coordinates, derivatives, count, out);                                                   \
    }

EVALUATE(2)
EVALUATE(4)
EVALUATE(8)

// `jobs` are networks in training, one per row of the grid; `turn` is the index of the state that is read.
#define TRAIN(ROWS)                                                                                                           \
    extern "C" __global__ void __launch_bounds__(THREADS) step_##ROWS(const Job* jobs, int turn) {                            \
        const Job& job = jobs[blockIdx.y];                                                                                    \
        if (blockIdx.x < job.shares && !is_finished(job, job.states[turn])) step<ROWS>(job, job.states[turn]);                \
    }

TRAIN(1)
TRAIN(2)
TRAIN(3)
TRAIN(4)
TRAIN(8)

// `traces` are layers whose curvature is requested, one per row of the grid.
#define TRACE(ROWS)                                                                                                           \
    extern "C" __global__ void __launch_bounds__(THREADS) trace_##ROWS(const Trace* traces) {                                 \
        if (blockIdx.x < traces[blockIdx.y].blocks * (BLOCK / POINTS)) trace<ROWS>(traces[blockIdx.y]);                       \
    }

TRACE(2)
TRACE(4)
TRACE(8)

extern "C" __global__ void __launch_bounds__(UPDATERS) sum_curvature(const Trace* traces) { curvature(traces[blockIdx.y]); }

extern "C" __global__ void __launch_bounds__(UPDATERS) reduce_gradient(const Job* jobs, int turn) {
    const Job& job = jobs[blockIdx.y];
    if (!is_finished(job, job.states[turn])) reduce(job);
}

// Rows of the grid are the hidden matrices of one network after the other, `hidden` of each.
extern "C" __global__ void __launch_bounds__(UPDATERS) iterate_matrices(const Job* jobs, int hidden, int iteration, int product) {
    const Job& job = jobs[blockIdx.y / hidden];
    const int l = 1 + blockIdx.y % hidden;
    if (job.matrices && l < job.shape.layers && l >= job.first_layer) iterate(job, l, iteration, product);
}

extern "C" __global__ void __launch_bounds__(UPDATERS) update_parameters(const Job* jobs, int turn, float passed) {
    const Job& job = jobs[blockIdx.y];
    update(job, job.states[turn], job.states[1 - turn], passed);
}
