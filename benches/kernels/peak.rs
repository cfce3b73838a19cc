//! The peak rate of independent fused multiply-adds.

#![allow(unsafe_code)]

use super::fastest;
use sirenc::backend::simd::Level;
use std::hint::black_box;

/// Independent chains: more than latency × throughput of any unit, and few enough to stay in registers.
const CHAINS: usize = 14;
const ROUNDS: usize = 100_000;

/// GFLOP/s of all threads of the pool. The slowest counts, because all others wait for it.
pub fn of_threads(level: Level, runs: usize) -> f64 {
    let peaks = rayon::broadcast(|_| gigaflops(level, runs));
    peaks.len() as f64 * peaks.into_iter().fold(f64::INFINITY, f64::min)
}

/// GFLOP/s of this thread.
fn gigaflops(level: Level, runs: usize) -> f64 {
    let lanes = match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 8,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 16,
        _ => 1,
    };
    let seconds = fastest(runs, || match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::available` found the instructions.
        Level::Avx2 => unsafe { x86::avx2(black_box(0.5), ROUNDS) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Level::available` found the instructions.
        Level::Avx512 => unsafe { x86::avx512(black_box(0.5), ROUNDS) },
        _ => scalar(black_box(0.5), ROUNDS),
    });
    (2 * CHAINS * lanes * ROUNDS) as f64 * 1e-9 / seconds
}

fn scalar(x: f32, rounds: usize) {
    let mut sums = [0f32; CHAINS];
    for _ in 0..rounds {
        sums.iter_mut().for_each(|sum| *sum = sum.mul_add(x, x));
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{CHAINS, black_box};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn avx2(x: f32, rounds: usize) {
        let x = _mm256_set1_ps(x);
        let mut sums = [_mm256_setzero_ps(); CHAINS];
        for _ in 0..rounds {
            sums.iter_mut().for_each(|sum| *sum = _mm256_fmadd_ps(*sum, x, x));
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx512f")]
    pub unsafe fn avx512(x: f32, rounds: usize) {
        let x = _mm512_set1_ps(x);
        let mut sums = [_mm512_setzero_ps(); CHAINS];
        for _ in 0..rounds {
            sums.iter_mut().for_each(|sum| *sum = _mm512_fmadd_ps(*sum, x, x));
        }
        black_box(sums);
    }
}
