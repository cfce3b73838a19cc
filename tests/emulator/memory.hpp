// Memory that ends at a page without access: what goes beyond it ends the process, as it may on a device.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

[[noreturn]] inline void die(const char* what) {
    fprintf(stderr, "emulated device: %s\n", what);
    abort();
}

class Guarded {
  public:
    explicit Guarded(size_t most) : room((most + PAGE - 1) / PAGE * PAGE) {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        void* memory = mmap(nullptr, room + PAGE, PROT_NONE, flags, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory, room, PROT_READ | PROT_WRITE)) die("no memory");
        pages = static_cast<unsigned char*>(memory);
    }

    // The last `bytes` before the guard page, as near to it as the alignment of vectors allows. They and the
    // rest up to the page are NaN in every float, so that reads before the first write are noticed.
    unsigned char* last(size_t bytes) const {
        const size_t aligned = (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
        unsigned char* begin = pages + room - aligned;
        memset(begin, POISON, aligned);
        return begin;
    }

    // Ends the process if anything was written between the last `bytes` and the guard page.
    void check(size_t bytes) const {
        for (size_t rest = (ALIGNED - bytes % ALIGNED) % ALIGNED; rest > 0; --rest) {
            if (pages[room - rest] != POISON) die("memory behind an array was written");
        }
    }

    // Takes access away for ever: the addresses are never used again.
    void release() const {
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
        if (mmap(pages, room + PAGE, PROT_NONE, flags, -1, 0) == MAP_FAILED) die("no memory");
    }

  private:
    static constexpr size_t PAGE = 4096, ALIGNED = 16;
    static constexpr unsigned char POISON = 0xff;
    unsigned char* pages;
    size_t room;
};
