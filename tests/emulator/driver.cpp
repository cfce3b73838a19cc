// A driver library without a device behind it: the calls of the CUDA driver that the program makes. Kernels are
// those of their text, compiled for the host, or with INTERPRETED the PTX that the program loads, interpreted.
// `SIRENC_EMULATED_FAILURE` makes it fail.
//
// It is as late and as strict as a driver may be. Copies, launches and frees wait until their stream is
// synchronized, and only then is the host's memory read or written. Each thread has its own current context.
// Memory ends at guard pages, thread blocks come in any order, and every limit of a launch is checked.
//
// It proves the arithmetic and the barriers of the kernels, and every call, size and offset of the host. It
// cannot show how a GPU's memory model, compiler and speed behave.
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "block.hpp"
#ifdef INTERPRETED
#include "ptx.hpp"
#else
#include "kernels.cu"
#endif

namespace {

// -------------------------------------------------------------------------------------------------- kernels

constexpr int LIMIT_WITHOUT_ATTRIBUTE = 48 << 10;

#ifdef INTERPRETED

struct Kernel {
    std::string name;
    ptx::Kernel code;
    // The most dynamic shared memory of a launch, bytes.
    int shared_limit = LIMIT_WITHOUT_ATTRIBUTE;

    // The kernel with copies of its arguments, for one thread.
    std::function<void()> with(void** arguments, unsigned grid_x, size_t shared_bytes) const {
        return ptx::with(code, arguments, grid_x, shared_bytes);
    }
};
std::deque<Kernel> kernels;

void load(const char* image) {
    if (!kernels.empty()) return;
    for (ptx::Kernel& kernel : ptx::parse(image)) kernels.push_back({kernel.name, std::move(kernel)});
}

#else

template <typename... Arguments, size_t... N>
std::function<void()> with(void (*kernel)(Arguments...), void** parameters, std::index_sequence<N...>) {
    const std::tuple copies(*static_cast<std::decay_t<Arguments>*>(parameters[N])...);
    return [kernel, copies] { std::apply(kernel, copies); };
}

template <typename... Arguments>
std::function<void()> with(void (*kernel)(Arguments...), void** parameters) {
    return with(kernel, parameters, std::index_sequence_for<Arguments...>());
}

struct Kernel {
    const char* name;
    // The kernel with copies of its arguments, for one thread.
    std::function<void()> (*with)(void** parameters, unsigned grid_x, size_t shared_bytes);
    // The most dynamic shared memory of a launch, bytes.
    int shared_limit = LIMIT_WITHOUT_ATTRIBUTE;
};

#define KERNEL(name) {#name, [](void** parameters, unsigned, size_t) { return ::with(name, parameters); }}
Kernel kernels[] = {
    KERNEL(forward_2), KERNEL(forward_4), KERNEL(forward_8), KERNEL(jet_2), KERNEL(jet_4), KERNEL(jet_8),
    KERNEL(step_1), KERNEL(step_2), KERNEL(step_3), KERNEL(step_4), KERNEL(step_8), KERNEL(reduce_gradient),
    KERNEL(update_parameters), KERNEL(iterate_matrices), KERNEL(trace_2), KERNEL(trace_4), KERNEL(trace_8),
    KERNEL(sum_curvature),
};

void load(const char*) {}

#endif

// --------------------------------------------------------------------------------------------------- errors

#define ERRORS(ERROR)                                       \
    ERROR(INVALID_VALUE, 1)                                 \
    ERROR(OUT_OF_MEMORY, 2)                                 \
    ERROR(NO_DEVICE, 100)                                   \
    ERROR(INVALID_DEVICE, 101)                              \
    ERROR(INVALID_CONTEXT, 201)                             \
    ERROR(INVALID_PTX, 218)                                 \
    ERROR(NOT_FOUND, 500)                                   \
    ERROR(LAUNCH_FAILED, 719)
enum Result {
    SUCCESS = 0,
#define ERROR(name, code) name = code,
    ERRORS(ERROR)
#undef ERROR
};

// Whether this failure is requested: `no-device`, `old-driver`, `old-device`, `wrong-bits`, `out-of-memory`,
// `launch` and the number of launches that work, `once` and the number of the only one that fails, or `skip`
// and the kernel that does nothing.
bool fails(const std::string& how) {
    const char* failure = getenv("SIRENC_EMULATED_FAILURE");
    return failure && std::string(failure).rfind(how, 0) == 0;
}

bool launch_fails() {
    static int launches = 0;
    const int number = launches++;
    const auto which = [](const char* how) { return atoi(getenv("SIRENC_EMULATED_FAILURE") + strlen(how)); };
    return (fails("launch") && number >= which("launch")) || (fails("once") && number == which("once"));
}

// Bytes of shared memory that a thread block may ask for: those of an H200, or those of another device.
int most_shared() {
    const char* bytes = getenv("SIRENC_EMULATED_SHARED");
    return bytes ? atoi(bytes) : int(MOST_SHARED);
}

// ----------------------------------------------------------------------------------------- context, streams

std::mutex mutex;

// The primary context. A kernel that fails breaks it for everyone, until all have released it.
struct Context {
    int retained = 0;
    unsigned flags = 0;
    Result failure = SUCCESS;
} context;

thread_local Context* current = nullptr;
thread_local size_t bytes_to_device = 0;

struct Allocation {
    Guarded memory;
    size_t bytes;
    bool is_freed = false;
};
std::map<uintptr_t, Allocation> allocations;

}  // namespace

bool is_allocated(uintptr_t address, size_t bytes) {
    const auto after = allocations.upper_bound(address);
    if (after == allocations.begin()) return false;
    const auto& [begin, allocation] = *std::prev(after);
    return address + bytes <= begin + allocation.bytes;
}

namespace {

// Work that waits for a synchronization.
using Stream = std::vector<std::function<void()>>;
Stream default_stream;

Stream& of(void* stream) { return stream ? *static_cast<Stream*>(stream) : default_stream; }

void complete(Stream& stream) {
    for (const auto& work : std::exchange(stream, {})) {
        if (context.failure == SUCCESS) work();
    }
}

// What calls on the current context return without it, or after it broke.
Result state() { return current ? context.failure : INVALID_CONTEXT; }

// What stream-ordered allocations return: only on the default stream do they need a current context.
Result state(void* stream) { return stream ? context.failure : state(); }

}  // namespace

#define BEGIN(state)                                        \
    const std::lock_guard<std::mutex> lock(mutex);          \
    if (const int failure = state) return failure;

extern "C" {

// --------------------------------------------------------------------------------------------------- device

int cuInit(unsigned) { return fails("no-device") ? NO_DEVICE : SUCCESS; }
int cuDriverGetVersion(int* version) { return *version = fails("old-driver") ? 11080 : 12000, SUCCESS; }
int cuDeviceGetCount(int* count) { return *count = 1, SUCCESS; }
int cuDeviceGet(int* device, int index) { return *device = index, index == 0 ? SUCCESS : INVALID_DEVICE; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "emulated"), SUCCESS; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = size_t(1) << 30, SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    constexpr int RESERVED = 1 << 10;
    switch (attribute) {
        case 13: *value = 1000000; break;                    // CLOCK_RATE, kHz
        case 16: *value = 1; break;                          // MULTIPROCESSOR_COUNT
        case 75: *value = fails("old-device") ? 7 : 8; break;  // COMPUTE_CAPABILITY_MAJOR
        case 81: *value = most_shared() + RESERVED; break;   // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
        case 97: *value = most_shared(); break;              // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        case 111: *value = RESERVED; break;                  // RESERVED_SHARED_MEMORY_PER_BLOCK
        case 115: *value = 1; break;                         // MEMORY_POOLS_SUPPORTED
        default: *value = 0;
    }
    return SUCCESS;
}

// -------------------------------------------------------------------------------------------------- context

int cuDevicePrimaryCtxSetFlags_v2(int, unsigned flags) { return context.flags = flags, SUCCESS; }
int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active) {
    return *flags = context.flags, *active = context.retained > 0, SUCCESS;
}
int cuDevicePrimaryCtxRetain(void** retained, int) {
    BEGIN(SUCCESS)
    if (context.retained++ == 0) context.failure = SUCCESS;
    return *retained = &context, SUCCESS;
}
int cuDevicePrimaryCtxRelease_v2(int) {
    BEGIN(SUCCESS)
    return context.retained > 0 ? --context.retained, SUCCESS : INVALID_CONTEXT;
}
int cuCtxGetCurrent(void** context) { return *context = current, SUCCESS; }
int cuCtxSetCurrent(void* context) { return current = static_cast<Context*>(context), SUCCESS; }

// -------------------------------------------------------------------------------------------------- streams

int cuStreamCreate(void** stream, unsigned) {
    BEGIN(state())
    return *stream = new Stream, SUCCESS;
}
int cuStreamDestroy_v2(void* stream) {
    BEGIN(state())
    complete(of(stream));
    return delete static_cast<Stream*>(stream), SUCCESS;
}
int cuStreamSynchronize(void* stream) {
    BEGIN(state())
    complete(of(stream));
    return context.failure;
}

// --------------------------------------------------------------------------------------------------- memory

int cuMemAllocAsync(uintptr_t* pointer, size_t bytes, void* stream) {
    BEGIN(state(stream))
    if (bytes == 0) return INVALID_VALUE;
    if (fails("out-of-memory")) return OUT_OF_MEMORY;
    const Guarded memory(bytes);
    *pointer = reinterpret_cast<uintptr_t>(memory.last(bytes));
    allocations.insert({*pointer, {memory, bytes}});
    return SUCCESS;
}
int cuMemFreeAsync(uintptr_t pointer, void* stream) {
    BEGIN(state(stream))
    const auto found = allocations.find(pointer);
    if (found == allocations.end() || found->second.is_freed) return INVALID_VALUE;
    found->second.is_freed = true;
    // Work that was queued before may still use it.
    of(stream).push_back([found] {
        const Allocation& allocation = found->second;
        allocation.memory.check(allocation.bytes);
        allocation.memory.release();
        allocations.erase(found);
    });
    return SUCCESS;
}
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, void* stream) {
    BEGIN(state())
    bytes_to_device += bytes;
    of(stream).push_back([=] { memcpy(reinterpret_cast<void*>(to), from, bytes); });
    return SUCCESS;
}
int cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, void* stream) {
    BEGIN(state())
    // Whoever reads before the synchronization reads NaN.
    memset(to, 0xff, bytes);
    of(stream).push_back([=] {
        memcpy(to, reinterpret_cast<const void*>(from), bytes);
        if (fails("wrong-bits")) *static_cast<unsigned char*>(to) ^= 1;
    });
    return SUCCESS;
}
int cuMemsetD8Async(uintptr_t to, unsigned char value, size_t bytes, void* stream) {
    BEGIN(state())
    of(stream).push_back([=] { memset(reinterpret_cast<void*>(to), value, bytes); });
    return SUCCESS;
}

// -------------------------------------------------------------------------------------------------- kernels

int cuModuleLoadData(void** module, const void* image) {
    BEGIN(state())
    // The text is PTX, and ends.
    const char* text = static_cast<const char*>(image);
    if (!strstr(text, ".target sm_80")) return INVALID_PTX;
    load(text);
    return *module = &context, SUCCESS;
}
int cuModuleUnload(void*) { return SUCCESS; }
int cuModuleGetFunction(void** function, void*, const char* name) {
    BEGIN(state())
    for (Kernel& kernel : kernels) {
        if (std::string(kernel.name) == name) return *function = &kernel, SUCCESS;
    }
    return NOT_FOUND;
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
    BEGIN(state())
    constexpr int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;
    if (attribute != MAX_DYNAMIC_SHARED_SIZE_BYTES) return INVALID_VALUE;
    if (value < 0 || value > most_shared()) return INVALID_VALUE;
    return static_cast<Kernel*>(function)->shared_limit = value, SUCCESS;
}

int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned threads,
                   unsigned threads_y, unsigned threads_z, unsigned shared_bytes, void* stream,
                   void** parameters, void**) {
    BEGIN(state())
    const Kernel& kernel = *static_cast<Kernel*>(function);
    constexpr unsigned MOST_X = 0x7fffffff, MOST_Y = 0xffff;
    const bool grid_fits = grid_x - 1 < MOST_X && grid_y - 1 < MOST_Y && grid_z == 1;
    const bool block_fits = threads - 1 < MOST_THREADS && threads_y == 1 && threads_z == 1;
    if (!grid_fits || !block_fits || shared_bytes > unsigned(kernel.shared_limit)) return INVALID_VALUE;
    if (threads & (threads - 1)) die("a number of threads that is no power of two");
    of(stream).push_back([=, &kernel, thread = kernel.with(parameters, grid_x, shared_bytes)] {
        if (launch_fails()) {
            context.failure = LAUNCH_FAILED;
        } else if (!fails("skip " + std::string(kernel.name))) {
            run_grid(grid_x, grid_y, int(threads), shared_bytes, thread);
        }
    });
    return SUCCESS;
}

// --------------------------------------------------------------------------------------------------- errors

int cuGetErrorName(int code, const char** name) {
    switch (code) {
#define ERROR(name_of, code)                                \
    case code: return *name = "CUDA_ERROR_" #name_of, SUCCESS;
        ERRORS(ERROR)
#undef ERROR
        case SUCCESS: return *name = "CUDA_SUCCESS", SUCCESS;
        default: return *name = nullptr, INVALID_VALUE;
    }
}
int cuGetErrorString(int, const char** text) { return *text = "an emulated error", SUCCESS; }

// Not part of CUDA: the bytes that the calling thread has uploaded.
size_t emulated_bytes_to_device() { return bytes_to_device; }

}  // extern "C"
