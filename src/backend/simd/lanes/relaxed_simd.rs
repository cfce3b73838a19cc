//! The relaxed vectors of WebAssembly.

#![allow(unsafe_code)]

use super::Lanes;
use std::arch::wasm32::*;

/// Four lanes, for engines whose relaxed multiply-add is fused: [`RelaxedSimd::is_fused`].
#[derive(Clone, Copy)]
pub(crate) struct RelaxedSimd(v128);

impl RelaxedSimd {
    /// Whether the engine fuses, which depends on the processor and stays the same while the program runs.
    pub fn is_fused() -> bool {
        let splat = |x: f32| f32x4_splat(std::hint::black_box(x));
        let (more, less, one) = (splat(1.0 + f32::EPSILON), splat(1.0 - f32::EPSILON), splat(1.0));
        // (1 + ε)(1 − ε) is 1 − ε², and 1 where it is rounded.
        let (sum, difference) =
            (f32x4_relaxed_madd(more, less, f32x4_neg(one)), f32x4_relaxed_nmadd(more, less, one));
        let square = splat(f32::EPSILON * f32::EPSILON);
        i32x4_all_true(v128_and(f32x4_eq(sum, f32x4_neg(square)), f32x4_eq(difference, square)))
    }
}

impl Lanes for RelaxedSimd {
    const N: usize = 4;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        RelaxedSimd(f32x4_splat(x))
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for 4 lanes.
        RelaxedSimd(unsafe { v128_load(p.cast()) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's pointer is valid for 4 lanes.
        unsafe { v128_store(p.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        RelaxedSimd(f32x4_add(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        RelaxedSimd(f32x4_sub(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        RelaxedSimd(f32x4_mul(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        RelaxedSimd(f32x4_relaxed_madd(self.0, b.0, c.0))
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        RelaxedSimd(f32x4_relaxed_nmadd(self.0, b.0, c.0))
    }
    #[inline(always)]
    unsafe fn rint(self) -> Self {
        RelaxedSimd(f32x4_nearest(self.0))
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        RelaxedSimd(f32x4_div(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        RelaxedSimd(f32x4_sqrt(self.0))
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        RelaxedSimd(f32x4_min(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        RelaxedSimd(f32x4_max(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn less(self, b: Self, then: Self, otherwise: Self) -> Self {
        RelaxedSimd(v128_bitselect(then.0, otherwise.0, f32x4_lt(self.0, b.0)))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        let biased = i32x4_add(i32x4_trunc_sat_f32x4(self.0), i32x4_splat(127));
        RelaxedSimd(i32x4_shl(biased, 23))
    }
    #[inline(always)]
    unsafe fn exponent_and_mantissa(self) -> (Self, Self) {
        let exponent = i32x4_sub(u32x4_shr(self.0, 23), i32x4_splat(127));
        let mantissa = v128_or(v128_and(self.0, i32x4_splat(0x7F_FFFF)), i32x4_splat(0x3F80_0000));
        (RelaxedSimd(f32x4_convert_i32x4(exponent)), RelaxedSimd(mantissa))
    }
    #[inline(always)]
    unsafe fn add_sums(v: [Self; 4], p: *mut f32) {
        let fold = |a, b| f32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
        let (ab, cd) = (fold(v[0].0, v[1].0), fold(v[2].0, v[3].0));
        let sums = f32x4_add(i64x2_shuffle::<0, 2>(ab, cd), i64x2_shuffle::<1, 3>(ab, cd));
        // SAFETY: the caller's pointer is valid for 4 numbers.
        unsafe { v128_store(p.cast(), f32x4_add(v128_load(p.cast()), sums)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let half = f32x4_add(self.0, i64x2_shuffle::<1, 0>(self.0, self.0));
        f32x4_extract_lane::<0>(half) + f32x4_extract_lane::<1>(half)
    }
}
