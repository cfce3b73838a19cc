// Generated from training.rs, simd and cuda/constants.rs in src/backend, which explain the values.
#pragma once

constexpr int BLOCK = 128;
constexpr int THREADS = 128;
constexpr int UPDATERS = 256;
constexpr int POINTS = 32;
constexpr int STRIDE = 36;
constexpr int DEPTH = 32;
constexpr int SIDE = 64;
constexpr int PANEL = 68;
constexpr int INNER = 16;
constexpr int STAGED = 32;
constexpr int VALUES = 0;
constexpr int ITERATIONS = 2;
constexpr int ABOVE_BEST_STEPS = 300;
constexpr int SETTLING = 100;
constexpr float TAU = 6.2831855f;
constexpr float MOMENTUM = 0.95f;
constexpr float SPECTRAL = 0.9f;
constexpr float NEWTON_SCHULZ_A = 3.4445f;
constexpr float NEWTON_SCHULZ_B = -4.775f;
constexpr float NEWTON_SCHULZ_C = 2.0315f;
constexpr float BETA1 = 0.9f;
constexpr float BETA2 = 0.99f;
constexpr float EPSILON = 1e-12f;
constexpr float SLOWEST_FLAT = 0.125f;
constexpr float SLOWER = 0.5f;
constexpr double RECENT = 0.05;
constexpr double USUAL = 0.02;
constexpr double CLIP = 4.0;
constexpr double LOST = 2.0;
constexpr double ABOVE_BEST = 1.4;
constexpr double FLAT = 0.97;
