// What is known of one network in training. The host fills it in; `Job` in src/backend/cuda/job.rs has the same fields.
#pragma once
#include "network.cuh"

// What changes from step to step. There are two: a step reads one and writes the other, so that every thread block of a launch
// sees the same.
struct State {
    // Recent mean squared error, the best of it, and the usual norm of the gradient.
    double recent, best, norm;
    // Factor of the learning rate, lowered at every rollback.
    float slow_down;
    // Steps done; at least `Job::steps` when the network is finished.
    int step;
    // The step at which the best parameters were kept.
    int kept_at;
    // Powers of Adam's decay rates, one factor per step since the moments were 0.
    float power1, power2;
    // Steps since the recent error was near the best.
    int astray;
};

struct Job {
    // Per block `inputs × BLOCK`, `outputs × BLOCK` and `BLOCK` numbers.
    const float *coordinates, *targets, *weights;
    float *parameters, *best, *first, *second, *gradient;
    // The shares of the gradient, `shares × parameters`, and of the loss.
    float* partials;
    double* losses;
    // Squares of the gradient, one sum per 256 parameters.
    double* squares;
    // Three matrices for each hidden layer of a wide network.
    float* matrices;
    // The phases of a thread block, `shares × layers × width × POINTS`, where shared memory has no room for them.
    float* phases;
    State* states;
    Shape shape;
    // Blocks of points, and batches they are divided into.
    int blocks, batches;
    // Independently accumulated shares of a gradient.
    int shares;
    int first_layer;
    int steps;
    // Peak learning rate, the share of the steps over which it rises from 0, and the final rate over the peak.
    float rate, warmup, end;
    // Whether shared memory has room for a share of the gradient.
    int gradient_shared;
    // Whether points `p` and `p + BLOCK / 2` of a block are a pair, whose loss is that of the sum and the difference of their
    // values: targets and weights of the sum at `p`, of the difference at the other.
    int paired;
    // Points that the loss of one sample is over.
    int evaluations;
    // The loss of the mean, above which nothing was learnt.
    double of_mean;
};

static_assert(sizeof(State) == 48 && sizeof(Job) == 184, "src/backend/cuda/job.rs says otherwise");

__device__ inline bool is_finished(const Job& job, const State& state) { return state.step >= job.steps; }

// The blocks of a step, as a range.
__device__ inline int batch_start(const Job& job, int batch) {
    return static_cast<int>(static_cast<long long>(batch) * job.blocks / job.batches);
}

// Numbers in the errors of a batch, which the loss is a mean over.
__device__ inline int batch_numbers(const Job& job, int step) {
    const int batch = step % job.batches;
    return (batch_start(job, batch + 1) - batch_start(job, batch)) * BLOCK * job.shape.outputs / job.evaluations;
}
