//! Vectors of binary32 lanes: the few operations the kernels need, one implementation per instruction set.
//!
//! Every operation is the IEEE operation of each lane by itself, so all implementations give the same bits.

#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed_simd;
#[cfg(target_arch = "wasm32")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(crate) use relaxed_simd::RelaxedSimd;
#[cfg(target_arch = "wasm32")]
pub(crate) use simd128::Simd128;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

use crate::network::sine::{COS, SIN};
use std::f32::consts::TAU;

/// A vector of [`Lanes::N`] binary32 numbers.
///
/// # Safety
/// The methods may only run where the instruction set of the implementation is present, and the pointers of
/// `load`, `store` and `add_sums` must be valid for the lanes they name.
#[cfg_attr(not(feature = "encoder"), allow(dead_code))]
pub(crate) trait Lanes: Copy {
    /// The number of lanes; divides half a [`super::BLOCK`].
    const N: usize;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(p: *const f32) -> Self;
    unsafe fn store(self, p: *mut f32);
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// `self · b + c`, rounded once.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// `c − self · b`, rounded once.
    unsafe fn fnma(self, b: Self, c: Self) -> Self;
    /// Rounded to the nearest integer, ties to even.
    unsafe fn rint(self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// The lesser number; neither is NaN.
    unsafe fn min(self, b: Self) -> Self;
    /// The greater number; neither is NaN.
    unsafe fn max(self, b: Self) -> Self;
    /// `then` in the lanes where `self < b`, `otherwise` in the others.
    unsafe fn less(self, b: Self, then: Self, otherwise: Self) -> Self;
    /// `2^self` for integers of −126 to 127.
    unsafe fn power_of_two(self) -> Self;
    /// The integer `e` and the number `m` of `1 ≤ m < 2` with `self = 2^e · m`, of positive normal numbers.
    unsafe fn exponent_and_mantissa(self) -> (Self, Self);
    /// Adds the sums over the lanes of four vectors to four neighbouring numbers at `p`.
    unsafe fn add_sums(v: [Self; 4], p: *mut f32);
    /// The sum over the lanes.
    unsafe fn sum(self) -> f32;
}

/// `(r, w)` of [`crate::network::sine`]: the phase reduced to −½..½ turns and `1 − 4r²`.
#[inline(always)]
unsafe fn reduce<V: Lanes>(t: V) -> (V, V) {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let r = t.sub(t.rint());
        // 1 − (2r)² has the bits of 1 − 4r · r, and a sum does not keep the multipliers busy.
        let twice = r.add(r);
        (r, twice.fnma(twice, V::splat(1.0)))
    }
}

#[inline(always)]
unsafe fn horner<V: Lanes>(w: V, c: [f32; 5]) -> V {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let p = V::splat(c[4]).fma(w, V::splat(c[3]));
        let p = p.fma(w, V::splat(c[2]));
        p.fma(w, V::splat(c[1])).fma(w, V::splat(c[0]))
    }
}

/// `sin(2πt)` with the bits of [`crate::network::sine::sine`].
#[inline(always)]
pub(crate) unsafe fn sine<V: Lanes>(t: V) -> V {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let (r, w) = reduce(t);
        r.mul(w).mul(horner(w, SIN))
    }
}

/// Second derivative of `sin(2πt)` by `t`, over `sin(2πt)`.
pub(crate) const CURVATURE: f32 = -TAU * TAU;

/// `sin(2πt)` and its slope `2π·cos(2πt)`, from one reduction.
#[inline(always)]
pub(crate) unsafe fn sine_and_slope<V: Lanes>(t: V) -> (V, V) {
    const SLOPE: [f32; 5] = [COS[0] * TAU, COS[1] * TAU, COS[2] * TAU, COS[3] * TAU, COS[4] * TAU];
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let (r, w) = reduce(t);
        let slope = w.mul(w).fma(horner(w, SLOPE), V::splat(-TAU));
        (r.mul(w).mul(horner(w, SIN)), slope)
    }
}
