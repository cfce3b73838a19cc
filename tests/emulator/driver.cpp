// A driver library without a device behind it: the calls of the CUDA driver that the program makes, with the kernels compiled for
// the host. It answers as `SIRENC_EMULATED_FAILURE` says, or works.
//
// What it proves: the arithmetic and the barriers of the kernels, and every call, size and offset of the host's code. What it
// cannot: how a GPU's memory model, compiler and speed behave.
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "kernels.cu"

// ---------------------------------------------------------------------------------------------------------- thread blocks

Index threadIdx, blockIdx;

namespace {

constexpr int MOST_THREADS = 256;
constexpr size_t STACK = 256 << 10;
constexpr size_t SHARED = 227 << 10;

enum Progress { AT_START, AT_BARRIER, AT_END };

alignas(16) unsigned char shared[SHARED];
jmp_buf scheduler, fibers[MOST_THREADS];
bool created[MOST_THREADS];
Progress progress[MOST_THREADS];
int running;
void (*body)(void*);
void* argument;

// A fiber runs the body once per thread block, for ever.
void fiber() {
    for (;;) {
        body(argument);
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

void die(const char* what) {
    fprintf(stderr, "emulated device: %s\n", what);
    abort();
}

// Runs one thread block from barrier to barrier.
void run_block(int threads) {
    static unsigned round = 0;
    // NaN in every float: what is read must have been written.
    memset(shared, 0xff, sizeof shared);
    for (int t = 0; t < threads; ++t) progress[t] = AT_START;
    for (bool ended = false; !ended;) {
        round = round * 1664525 + 1013904223;
        // Powers of two and an odd stride: every thread comes once.
        const int start = round >> 20, stride = (round >> 8 & 0xff) | 1;
        for (int n = 0; n < threads; ++n) resume((start + n * stride) % threads);
        for (int t = 1; t < threads; ++t) {
            if (progress[t] != progress[0]) die("threads of a block part at a barrier");
        }
        ended = progress[0] == AT_END;
    }
}

// ---------------------------------------------------------------------------------------------------------------- kernels

template <typename... Arguments, size_t... N>
void call(void (*kernel)(Arguments...), void** parameters, std::index_sequence<N...>) {
    kernel(*static_cast<std::decay_t<Arguments>*>(parameters[N])...);
}

struct Kernel {
    const char* name;
    void (*run)(void** parameters);
};

#define KERNEL(name) {#name, [](void** parameters) { launch(name, parameters); }}
template <typename... Arguments>
void launch(void (*kernel)(Arguments...), void** parameters) {
    call(kernel, parameters, std::index_sequence_for<Arguments...>());
}

const Kernel KERNELS[] = {
    KERNEL(forward_2), KERNEL(forward_4), KERNEL(forward_8), KERNEL(jet_2), KERNEL(jet_4), KERNEL(jet_8), KERNEL(step_1),
    KERNEL(step_2), KERNEL(step_3), KERNEL(step_4), KERNEL(step_8), KERNEL(reduce_gradient), KERNEL(update_parameters),
    KERNEL(iterate_matrices), KERNEL(trace_2), KERNEL(trace_4), KERNEL(trace_8), KERNEL(sum_curvature),
};

// ------------------------------------------------------------------------------------------------------------------ driver

enum Result { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, NOT_FOUND = 500,
              LAUNCH_FAILED = 719 };

std::recursive_mutex mutex;
int launches = 0;
thread_local size_t bytes_to_device = 0;

// The failure asked for: `no-device`, `old-driver`, `old-device`, `wrong-bits`, `out-of-memory`, or `launch` and the number of
// launches that work.
bool fails(const char* how) {
    const char* failure = getenv("SIRENC_EMULATED_FAILURE");
    return failure && std::string(failure).rfind(how, 0) == 0;
}

struct Call {
    Kernel kernel;
    void** parameters;
};

}  // namespace

float* shared_memory() { return reinterpret_cast<float*>(shared); }

void __syncthreads() {
    const int thread = running;
    progress[thread] = AT_BARRIER;
    if (_setjmp(fibers[thread]) == 0) _longjmp(scheduler, 1);
}

extern "C" {

int cuInit(unsigned) { return fails("no-device") ? NO_DEVICE : SUCCESS; }
int cuDriverGetVersion(int* version) { return *version = fails("old-driver") ? 11080 : 12000, SUCCESS; }
int cuDeviceGetCount(int* count) { return *count = 1, SUCCESS; }
int cuDeviceGet(int* device, int index) { return *device = index, index == 0 ? SUCCESS : INVALID_DEVICE; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "emulated"), SUCCESS; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = size_t(1) << 30, SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 13: *value = 1000000; break;                      // CLOCK_RATE, kHz
        case 16: *value = 1; break;                            // MULTIPROCESSOR_COUNT
        case 75: *value = fails("old-device") ? 7 : 8; break;  // COMPUTE_CAPABILITY_MAJOR
        case 97: *value = SHARED; break;                       // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        default: *value = 0;
    }
    return SUCCESS;
}
int cuDevicePrimaryCtxRetain(void** context, int) { return *context = shared, SUCCESS; }
int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
int cuCtxGetCurrent(void** context) { return *context = shared, SUCCESS; }
int cuCtxSetCurrent(void*) { return SUCCESS; }
int cuCtxSynchronize() { return SUCCESS; }

int cuStreamCreate(void** stream, unsigned) { return *stream = shared, SUCCESS; }
int cuStreamDestroy_v2(void*) { return SUCCESS; }
int cuStreamSynchronize(void*) { return SUCCESS; }

int cuMemAlloc_v2(uintptr_t* pointer, size_t bytes) {
    if (bytes == 0) return INVALID_VALUE;
    if (fails("out-of-memory")) return OUT_OF_MEMORY;
    void* memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) return OUT_OF_MEMORY;
    memset(memory, 0xff, bytes);
    return *pointer = reinterpret_cast<uintptr_t>(memory), SUCCESS;
}
int cuMemFree_v2(uintptr_t pointer) { return free(reinterpret_cast<void*>(pointer)), SUCCESS; }
int cuMemcpyHtoD_v2(uintptr_t to, const void* from, size_t bytes) {
    bytes_to_device += bytes;
    return memcpy(reinterpret_cast<void*>(to), from, bytes), SUCCESS;
}
int cuMemcpyDtoH_v2(void* to, uintptr_t from, size_t bytes) {
    memcpy(to, reinterpret_cast<const void*>(from), bytes);
    if (fails("wrong-bits")) *static_cast<unsigned char*>(to) ^= 1;
    return SUCCESS;
}
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, void*) { return cuMemcpyHtoD_v2(to, from, bytes); }
int cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, void*) { return cuMemcpyDtoH_v2(to, from, bytes); }
int cuMemsetD8Async(uintptr_t to, unsigned char value, size_t bytes, void*) {
    return memset(reinterpret_cast<void*>(to), value, bytes), SUCCESS;
}

int cuModuleLoadData(void** module, const void* image) {
    // The text is PTX, and ends.
    return *module = shared, strstr(static_cast<const char*>(image), ".target sm_80") ? SUCCESS : INVALID_VALUE;
}
int cuModuleUnload(void*) { return SUCCESS; }
int cuModuleGetFunction(const void** function, void*, const char* name) {
    for (const Kernel& kernel : KERNELS) {
        if (strcmp(kernel.name, name) == 0) return *function = &kernel, SUCCESS;
    }
    return NOT_FOUND;
}
int cuFuncSetAttribute(void*, int, int) { return SUCCESS; }

int cuLaunchKernel(const void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads, unsigned threads_y,
                   unsigned threads_z, unsigned shared_bytes, void*, void** parameters, void**) {
    std::lock_guard<std::recursive_mutex> lock(mutex);
    if (fails("launch") && launches++ >= atoi(getenv("SIRENC_EMULATED_FAILURE") + 6)) return LAUNCH_FAILED;
    const bool usual = grid_x > 0 && grid_y > 0 && grid_z == 1 && threads_y == 1 && threads_z == 1;
    if (!usual || threads > MOST_THREADS || (threads & (threads - 1)) || shared_bytes > SHARED) return INVALID_VALUE;
    Call call{*static_cast<const Kernel*>(function), parameters};
    argument = &call;
    body = [](void* call) { static_cast<Call*>(call)->kernel.run(static_cast<Call*>(call)->parameters); };
    for (unsigned y = 0; y < grid_y; ++y) {
        for (unsigned x = 0; x < grid_x; ++x) {
            blockIdx = {int(x), int(y), 0};
            run_block(threads);
        }
    }
    return SUCCESS;
}

int cuGetErrorName(int code, const char** name) {
    switch (code) {
        case OUT_OF_MEMORY: return *name = "CUDA_ERROR_OUT_OF_MEMORY", SUCCESS;
        case NO_DEVICE: return *name = "CUDA_ERROR_NO_DEVICE", SUCCESS;
        case INVALID_DEVICE: return *name = "CUDA_ERROR_INVALID_DEVICE", SUCCESS;
        case LAUNCH_FAILED: return *name = "CUDA_ERROR_LAUNCH_FAILED", SUCCESS;
        default: return *name = "CUDA_ERROR_INVALID_VALUE", SUCCESS;
    }
}
int cuGetErrorString(int, const char** text) { return *text = "an emulated error", SUCCESS; }

// Not of CUDA: the bytes that the calling thread has brought to the device.
size_t emulated_bytes_to_device() { return bytes_to_device; }

}  // extern "C"
