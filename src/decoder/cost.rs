//! The cost of a rendering.

use crate::backend::simd::Level;

/// The cost of a rendering, computed before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Samples of the grid × channels.
    pub samples: u64,
    /// Work in multiply-adds: those of the networks, plus the equivalent of positions, blends and visits of
    /// tiles on a fast vector unit.
    pub macs: u64,
    /// The part of `macs` for the networks, over whole blocks of points and including their sines: this part
    /// is slow without a vector unit.
    pub network_macs: u64,
    /// Upper bound of the memory in bytes: the file as held in memory, the rendered values (binary32) and the
    /// bands in progress.
    pub memory_bytes: u64,
}

impl Cost {
    /// Approximate time on one thread at `level`, seconds. Rates were measured on Zen 4; that of NEON is assumed
    /// to be half of AVX2's, since its vectors are half as wide.
    pub fn seconds(&self, level: Level) -> f64 {
        const FAST: f64 = 5e10;
        let networks = match level {
            // Plain loops, on a processor without fused multiply-add.
            Level::Portable => 2.5e8,
            #[cfg(target_arch = "wasm32")]
            Level::Simd128 => 7.5e8,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::RelaxedSimd => 1.5e10,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => 1.25e10,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => 2.5e10,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => FAST,
        };
        self.network_macs as f64 / networks + (self.macs - self.network_macs) as f64 / FAST
    }
}
