// Divergence check of a network in training: `Guard` of src/fit/train.rs.
#pragma once
#include "job.cuh"
#include "panel.cuh"

// The sum over the thread block, in the order of a fixed tree; every thread receives it.
__device__ inline double block_sum(double value, double* scratch) {
    __syncthreads();
    scratch[threadIdx.x] = value;
    for (int half = UPDATERS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) scratch[threadIdx.x] += scratch[threadIdx.x + half];
    }
    __syncthreads();
    return scratch[0];
}

// The consequences of the loss of an iteration.
struct Verdict {
    State next;
    // Whether to restore the best parameters, or to save the current ones as the best.
    bool roll_back, keep;
    // Factor of the gradient, at most 1.
    float clip;
};

__device__ inline bool is_finite(double x) { return x - x == 0.0; }

// Clips gradients to a multiple of their usual norm; rolls back if the loss is not finite, or its recent mean
// is far above the best, or has been above the best or above `loss_of_mean` for too long.
__device__ inline Verdict judge(const State& state, double loss_of_mean, double mse, double norm) {
    Verdict verdict{state, false, false, 1.0f};
    State& next = verdict.next;
    next.step = state.step + 1;
    verdict.roll_back = !is_finite(mse) || !is_finite(norm);
    if (!verdict.roll_back) {
        next.recent = is_finite(state.recent) ? state.recent + RECENT * (mse - state.recent) : mse;
        const bool known = state.norm > 0.0;
        if (known && norm > CLIP * state.norm) verdict.clip = static_cast<float>(CLIP * state.norm / norm);
        const double usual = known && norm > CLIP * state.norm ? CLIP * state.norm : norm;
        next.norm = known ? state.norm + USUAL * (usual - state.norm) : usual;
        const bool flat = next.recent > FLAT * loss_of_mean && state.slow_down > SLOWEST_FLAT;
        next.steps_above_best = flat || next.recent > ABOVE_BEST * state.best ? state.steps_above_best + 1 : 0;
        verdict.roll_back = state.step > SETTLING && (next.recent > LOST * state.best || next.steps_above_best > ABOVE_BEST_STEPS);
    }
    if (verdict.roll_back) {
        next.recent = state.best;
        next.steps_above_best = 0;
        next.norm = 0.0;
        next.slow_down = SLOWER * state.slow_down;
        next.power1 = next.power2 = 1.0f;
        return verdict;
    }
    verdict.keep = next.recent < state.best && (state.step < SETTLING || state.step >= state.kept_at + SETTLING);
    if (verdict.keep) {
        next.best = next.recent;
        next.kept_at = state.step;
    }
    next.power1 = BETA1 * state.power1;
    next.power2 = BETA2 * state.power2;
    return verdict;
}
