// Runs thread blocks: their threads are fibers that give way to each other at barriers only.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <functional>
#include <numeric>
#include <vector>

#include "device.hpp"
#include "memory.hpp"

Index threadIdx, blockIdx;

namespace {

constexpr unsigned MOST_THREADS = 256;
constexpr size_t STACK = 256 << 10;
constexpr size_t MOST_SHARED = 227 << 10;

enum Progress { AT_START, AT_BARRIER, AT_END };

const Guarded shared_room(MOST_SHARED);
unsigned char* shared;
jmp_buf scheduler, fibers[MOST_THREADS];
bool created[MOST_THREADS];
Progress progress[MOST_THREADS];
int running;
const std::function<void()>* body;

// A sequence that chooses the order of threads and of thread blocks. Results must not depend on it.
unsigned next_random() {
    static const char* seed = getenv("SIRENC_EMULATED_SEED");
    static unsigned state = seed ? strtoul(seed, nullptr, 10) : 0;
    return state = state * 1664525 + 1013904223;
}

// A fiber runs the body once per thread block, for ever.
void fiber() {
    for (;;) {
        (*body)();
        progress[running] = AT_END;
        if (_setjmp(fibers[running]) == 0) _longjmp(scheduler, 1);
    }
}

void resume(int thread) {
    running = thread;
    threadIdx = {thread, 0, 0};
    if (_setjmp(scheduler) != 0) return;
    if (created[thread]) _longjmp(fibers[thread], 1);
    created[thread] = true;
    static ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    context.uc_stack.ss_size = STACK;
    makecontext(&context, fiber, 0);
    setcontext(&context);
}

// Runs one thread block from barrier to barrier.
void run_block(int threads, size_t shared_bytes) {
    shared = shared_room.last(shared_bytes);
    for (int t = 0; t < threads; ++t) progress[t] = AT_START;
    for (bool ended = false; !ended;) {
        const unsigned random = next_random();
        // Powers of two and an odd stride: every thread comes once.
        const int start = random >> 20, stride = (random >> 8 & 0xff) | 1;
        for (int n = 0; n < threads; ++n) resume((start + n * stride) % threads);
        for (int t = 1; t < threads; ++t) {
            if (progress[t] != progress[0]) die("threads of a block part at a barrier");
        }
        ended = progress[0] == AT_END;
    }
    shared_room.check(shared_bytes);
}

// Runs all thread blocks of a grid, one after the other in any order.
void run_grid(unsigned grid_x, unsigned grid_y, int threads, size_t shared_bytes,
              const std::function<void()>& kernel) {
    body = &kernel;
    std::vector<unsigned> order(size_t(grid_x) * grid_y);
    std::iota(order.begin(), order.end(), 0);
    for (size_t left = order.size(); left > 1; --left) {
        std::swap(order[left - 1], order[(next_random() >> 8) % left]);
    }
    for (unsigned block : order) {
        blockIdx = {int(block % grid_x), int(block / grid_x), 0};
        run_block(threads, shared_bytes);
    }
}

}  // namespace

float* shared_memory() { return reinterpret_cast<float*>(shared); }

void __syncthreads() {
    const int thread = running;
    progress[thread] = AT_BARRIER;
    if (_setjmp(fibers[thread]) == 0) _longjmp(scheduler, 1);
}
