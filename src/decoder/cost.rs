//! What a rendering costs.

use crate::backend::simd::Level;

/// What a rendering costs, known before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Samples of the grid × channels.
    pub samples: u64,
    /// Work in multiply-adds: those of the networks and, of positions, blends and visits of tiles, those that
    /// a fast vector unit does meanwhile.
    pub macs: u64,
    /// Those of the networks among them, over whole blocks of points and with their sines: what is slow where
    /// no vector unit is.
    pub network_macs: u64,
    /// Bytes of memory at most: of the file as it is held, the rendered values (binary32) and the bands in
    /// work.
    pub memory_bytes: u64,
}

impl Cost {
    /// Seconds that one thread takes at `level`, about: rates measured on Zen 4, but that of NEON, which is half of
    /// AVX2's as its vectors are half as wide.
    pub fn seconds(&self, level: Level) -> f64 {
        const FAST: f64 = 5e10;
        let networks = match level {
            // Where the processor has no fused multiply-add; in plain loops.
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
