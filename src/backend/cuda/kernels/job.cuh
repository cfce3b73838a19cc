// The record of a network in training. The host fills it in; `Job` in src/backend/cuda/job.rs has the same
// fields.
#pragma once
#include "network.cuh"

// The state that changes with each iteration. There are two: an iteration reads one and writes the other, so
// that every thread block of a launch reads the same.
struct State {
    // Recent mean squared error, the best one, and the usual norm of the gradient.
    double recent, best, norm;
    // Factor of the learning rate, lowered at every rollback.
    float slow_down;
    // Iterations done; at least `Job::steps` when the network is finished.
    int step;
    // The iteration at which the best parameters were saved.
    int kept_at;
    // Powers of Adam's decay rates, one factor per iteration since the moments were 0.
    float power1, power2;
    // Iterations since the recent error was near the best and below that of the mean.
    int steps_above_best;
};

struct Job {
    // `inputs × BLOCK`, `outputs × BLOCK` and `BLOCK` numbers per block.
    const float *coordinates, *targets, *weights;
    float *parameters, *best, *first, *second, *gradient;
    // The parts of the gradient, `shares × parameters`, and of the loss.
    float* partials;
    double* losses;
    // Squares of the gradient, one sum per 256 parameters.
    double* squares;
    // Three matrices for each hidden layer of a wide network.
    float* matrices;
    // The phases of a thread block, `shares × layers × width × POINTS`, if they do not fit into shared
    // memory.
    float* phases;
    State* states;
    Shape shape;
    // Blocks of points, and batches they are divided into.
    int blocks, batches;
    // Number of independently accumulated parts of a gradient.
    int shares;
    int first_layer;
    int steps;
    // Peak learning rate, fraction of the iterations over which it rises from 0, and final rate relative to
    // the peak.
    float rate, warmup, end;
    // Whether a part of the gradient fits into shared memory.
    int gradient_shared;
    // What the targets and weights are of, as in residuals.cuh.
    int residuals;
    // Points that the loss of one sample covers.
    int evaluations;
    // The loss of the mean: a network above it has learnt nothing.
    double loss_of_mean;
};

static_assert(sizeof(State) == 48 && sizeof(Job) == 184, "src/backend/cuda/job.rs says otherwise");

__device__ inline bool is_finished(const Job& job, const State& state) { return state.step >= job.steps; }

// The first block of a batch; a batch ends where the next begins.
__device__ inline int batch_start(const Job& job, int batch) {
    return static_cast<int>(static_cast<long long>(batch) * job.blocks / job.batches);
}

// Numbers in the errors of a batch, over which the loss is the mean.
__device__ inline int batch_numbers(const Job& job, int step) {
    const int batch = step % job.batches;
    return (batch_start(job, batch + 1) - batch_start(job, batch)) * BLOCK * job.shape.outputs / job.evaluations;
}
