//! A counting allocator, because limits are also a promise about memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn count(more: usize, less: usize) {
    let held = HELD.fetch_add(more, Relaxed) + more;
    // A reallocation may hold the old and the new block at the same time.
    PEAK.fetch_max(held, Relaxed);
    HELD.fetch_sub(less, Relaxed);
}

// SAFETY: every call is forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller has promised.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Measures memory allocated after some moment.
pub struct Memory {
    before: usize,
}

impl Memory {
    /// Starts measuring now.
    pub fn from_now() -> Self {
        Memory { before: HELD.load(Relaxed) }
    }
    /// Runs `work`.
    ///
    /// # Panics
    /// If at any moment more than `allowed` bytes are held in addition to those at the start.
    pub fn bounded<T>(&self, allowed: u64, work: impl FnOnce() -> T) -> T {
        PEAK.store(HELD.load(Relaxed), Relaxed);
        let outcome = work();
        let taken = PEAK.load(Relaxed).saturating_sub(self.before) as u64;
        assert!(taken <= allowed, "{taken} bytes of memory, {allowed} allowed");
        outcome
    }
}
