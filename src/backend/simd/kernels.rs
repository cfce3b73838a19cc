//! The kernels of each instruction set: one generic algorithm, compiled for its lanes and target features.

#![allow(unsafe_code)]

use super::pass::Pass;
use super::{Batch, Entries, Level, curvature, fused, gemm, jet, lanes, squared_error};
use crate::network::Jet;

/// What an instruction set computes. The functions may only be called where it is present.
pub(super) struct Kernels {
    pub forward: unsafe fn(Pass<'_>, &mut [f32]),
    pub step: unsafe fn(Pass<'_>, Batch<'_>, f32, &mut [f32]) -> f64,
    pub curvature: unsafe fn(Pass<'_>, Batch<'_>, &Entries, &mut [f32]),
    pub jet: unsafe fn(Pass<'_>, Jet, &mut [f32]),
    pub orthogonalize: unsafe fn(usize, usize, &mut [f32], &mut [Vec<f32>; 3]),
}

/// A computation of spline fields, written once for all lanes.
pub(crate) trait Kernel {
    type Output;
    /// Products take `C` vectors of points at a time.
    ///
    /// # Safety
    /// V's instructions are present.
    unsafe fn run<V: lanes::Lanes, const C: usize>(self) -> Self::Output;
}

impl Level {
    /// Runs `kernel` with this level's instructions.
    ///
    /// # Panics
    /// If the level is not available.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        let _control = self.enter();
        // SAFETY: the machine has the instructions: asserted above.
        unsafe {
            match self {
                Level::Portable => portable::run(kernel),
                #[cfg(target_arch = "wasm32")]
                Level::Simd128 => simd128::run(kernel),
                #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
                Level::RelaxedSimd => relaxed_simd::run(kernel),
                #[cfg(target_arch = "aarch64")]
                Level::Neon => neon::run(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => avx2::run(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => avx512::run(kernel),
            }
        }
    }
}

impl Level {
    pub(super) fn kernels(self) -> &'static Kernels {
        match self {
            Level::Portable => &portable::KERNELS,
            #[cfg(target_arch = "wasm32")]
            Level::Simd128 => &simd128::KERNELS,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Level::RelaxedSimd => &relaxed_simd::KERNELS,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => &neon::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => &avx2::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => &avx512::KERNELS,
        }
    }
}

/// A module with the [`Kernels`] of `$lanes`: products take `$columns` vectors of points at a time, gradients
/// `$rows` rows of weights, as many as the registers have room for.
macro_rules! kernels {
    ($module:ident, $lanes:ty, $columns:literal, $rows:literal $(, $features:literal)?) => {
        mod $module {
            use super::*;

            pub const KERNELS: Kernels = Kernels {
                forward,
                step,
                curvature,
                jet,
                orthogonalize,
            };

            $(#[target_feature(enable = $features)])?
            unsafe fn forward(pass: Pass<'_>, values: &mut [f32]) {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { fused::forward::<$lanes, $columns>(pass, values) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn step(pass: Pass<'_>, batch: Batch<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { squared_error::step::<$lanes, $columns, $rows>(pass, batch, scale, gradient) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn curvature(pass: Pass<'_>, batch: Batch<'_>, entries: &Entries, matrix: &mut [f32]) {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { curvature::curvature::<$lanes, $columns, $rows>(pass, batch, entries, matrix) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn jet(pass: Pass<'_>, jet: Jet, out: &mut [f32]) {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { jet::jet::<$lanes>(pass, jet, out) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn orthogonalize(n: usize, stride: usize, m: &mut [f32], scratch: &mut [Vec<f32>; 3]) {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { gemm::orthogonalize::<$lanes>(n, stride, m, scratch) }
            }
            $(#[target_feature(enable = $features)])?
            pub unsafe fn run<K: Kernel>(kernel: K) -> K::Output {
                // SAFETY: this function's target features are those of the lanes.
                unsafe { kernel.run::<$lanes, $columns>() }
            }
        }
    };
}

kernels!(portable, lanes::Portable, 2, 2);
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
kernels!(relaxed_simd, lanes::RelaxedSimd, 1, 2);
#[cfg(target_arch = "wasm32")]
kernels!(simd128, lanes::Simd128, 1, 2, "simd128");
#[cfg(target_arch = "aarch64")]
kernels!(neon, lanes::Neon, 4, 4, "neon");
#[cfg(target_arch = "x86_64")]
kernels!(avx2, lanes::Avx2, 2, 2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512, lanes::Avx512, 4, 4, "avx512f,avx2,fma");
