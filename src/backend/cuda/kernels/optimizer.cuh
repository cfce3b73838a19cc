// Completes an iteration: sums the parts in a fixed order and updates the parameters, by Muon on the hidden
// matrices and by Adam on everything else. The same as src/fit/train.rs and src/fit/optimizer.rs on the CPU.
#pragma once
#include "muon.cuh"

// Sums the parts of 256 parameters in ascending order.
__device__ inline void reduce(const Job& job) {
    double* scratch = reinterpret_cast<double*>(shared_memory());
    const int count = parameters_of(job.shape), i = blockIdx.x * UPDATERS + threadIdx.x;
    if (blockIdx.x * UPDATERS >= count) return;
    float sum = 0.0f;
    if (i < count) {
        for (int share = 0; share < job.shares; ++share) sum += job.partials[static_cast<size_t>(share) * count + i];
        job.gradient[i] = sum;
    }
    const double squares = block_sum(static_cast<double>(sum) * sum, scratch);
    if (threadIdx.x == 0) job.squares[blockIdx.x] = squares;
}

// The learning rate in radians at a position in the schedule: linear warm-up, then half a cosine.
__device__ inline float rate_at(const Job& job, float position) {
    const float steps = static_cast<float>(job.steps), warmup = fmaxf(job.warmup * steps, 1.0f);
    if (position < warmup) return job.rate * (position + 1.0f) / warmup;
    const float phase = (position - warmup) / fmaxf(steps - warmup, 1.0f);
    return job.rate * (job.end + (1.0f - job.end) * 0.5f * (1.0f + cospif(phase)));
}

// Adam on every parameter of the trained layers except the hidden matrices.
__device__ inline void adam(const Job& job, const Verdict& verdict, float rate) {
    const Shape& shape = job.shape;
    const int count = parameters_of(shape);
    const Layer first = layer_of(shape, 0), hidden = layer_of(shape, 1);
    const int first_layer = first.biases + first.outputs, hidden_layer = (shape.width + 1) * shape.width;
    const float bias1 = 1.0f - verdict.next.power1, bias2 = 1.0f - verdict.next.power2;
    for (int i = threadIdx.x; i < count; i += UPDATERS) {
        int l = i < first_layer ? 0 : 1 + (i - hidden.weights) / hidden_layer;
        l = l < shape.layers ? l : shape.layers;
        const bool muon = l > 0 && l < shape.layers && i < layer_of(shape, l).biases;
        if (l < job.first_layer || muon) continue;
        if (verdict.roll_back) {
            job.parameters[i] = job.best[i];
            job.first[i] = job.second[i] = 0.0f;
            continue;
        }
        const float w = job.parameters[i], g = job.gradient[i] * verdict.clip;
        if (verdict.keep) job.best[i] = w;
        const float m = job.first[i] + (1.0f - BETA1) * (g - job.first[i]);
        const float v = job.second[i] + (1.0f - BETA2) * (g * g - job.second[i]);
        job.first[i] = m;
        job.second[i] = v;
        const float own = l == shape.layers ? rate : rate / TAU;
        job.parameters[i] = w - own * (m / bias1) / (sqrtf(v / bias2) + EPSILON);
    }
}

// One update of a network: thread block 0 runs Adam and writes the new state, block `l` updates hidden matrix
// `l`. `passed` is the fraction of the schedule's time that has passed, 0 to 1.
__device__ inline void update(const Job& job, const State& state, State& next, float passed) {
    float* memory = shared_memory();
    double* scratch = reinterpret_cast<double*>(memory);
    const int l = blockIdx.x;
    if (l > 0 && (l >= job.shape.layers || l < job.first_layer)) return;
    if (l > 0 && job.matrices && threadIdx.x == 0) factor_of(job, l) = 0.0f;
    const float position = fmaxf(static_cast<float>(state.step), passed * static_cast<float>(job.steps));
    if (is_finished(job, state) || position >= static_cast<float>(job.steps)) {
        if (l > 0 || threadIdx.x > 0) return;
        next = state;
        next.step = state.step > job.steps ? state.step : job.steps;
        return;
    }
    const int chunks = (parameters_of(job.shape) + UPDATERS - 1) / UPDATERS;
    double loss = 0.0, squares = 0.0;
    for (int i = threadIdx.x; i < job.shares; i += UPDATERS) loss += job.losses[i];
    for (int i = threadIdx.x; i < chunks; i += UPDATERS) squares += job.squares[i];
    const double mse = block_sum(loss, scratch) / batch_numbers(job, state.step);
    const Verdict verdict = judge(state, job.loss_of_mean, mse, sqrt(block_sum(squares, scratch)));
    const float rate = state.slow_down * rate_at(job, position);
    if (l > 0) {
        muon(job, verdict, rate, l, memory + 2 * UPDATERS, scratch);
        return;
    }
    adam(job, verdict, rate);
    if (threadIdx.x == 0) next = verdict.next;
}
