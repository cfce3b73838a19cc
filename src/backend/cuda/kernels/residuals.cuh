// What the residuals of a squared error are, `Residuals` in src/backend/simd/residuals.rs by its number: for each channel
// the values at the points, or the sums and the differences of the values at two points, half a block apart. A
// thread block holds whole groups of them, its first half the first points.
#pragma once
#include "network.cuh"

// Of so many points, those that are the first of a group.
__device__ inline int groups_of(int residuals, int points) { return residuals != VALUES ? points / 2 : points; }

// Points of a group, and as many residuals.
__device__ inline int group_of(int residuals) { return residuals != VALUES ? 2 : 1; }

// The other point of the group of point `p` among so many points, half of which are the first of a group.
__device__ inline int other_of(int p, int points) { return p ^ (points / 2); }

// The place in its block of point `p` of part `part`.
__device__ inline int lane_of(int residuals, int part, int p) {
    const int quarter = part % (BLOCK / POINTS);
    return residuals != VALUES ? quarter * (POINTS / 2) + p % (POINTS / 2) + p / (POINTS / 2) * (BLOCK / 2) : quarter * POINTS + p;
}

// The loss of one residual; replaces it by its derivative.
__device__ inline float squared_error(float& residual, float target, float weight, float factor) {
    const float error = residual - target, weighted = error * weight;
    residual = weighted * factor;
    return weighted * error;
}

// The loss of the residuals of a group, whose values are `POINTS / 2` apart and whose targets and weights `BLOCK / 2`;
// replaces the values by their derivatives.
__device__ inline float squared_error(int residuals, float* values, const float* targets, const float* weights, float factor) {
    if (residuals == VALUES) return squared_error(values[0], targets[0], weights[0], factor);
    float &a = values[0], &b = values[POINTS / 2];
    float sum = a + b, difference = a - b;
    const float loss = squared_error(sum, targets[0], weights[0], factor);
    const float more = squared_error(difference, targets[BLOCK / 2], weights[BLOCK / 2], factor);
    a = sum + difference;
    b = sum - difference;
    return loss + more;
}

// The derivative of residual `number` of the group of a point by the value there, times the root of its weight.
__device__ inline float seed_of(int residuals, const float* weights, int lane, int number) {
    if (residuals == VALUES) return sqrtf(weights[lane]);
    const bool second = lane >= BLOCK / 2;
    const float root = sqrtf(weights[lane % (BLOCK / 2) + number * (BLOCK / 2)]);
    return second && number == 1 ? -root : root;
}
