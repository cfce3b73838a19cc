//! The 128-bit vectors of WebAssembly.

#![allow(unsafe_code)]

use super::Lanes;
use std::arch::wasm32::*;

/// Two binary32 numbers in lanes of binary64: the instruction set has no fused multiply-add, and the product of
/// two binary32 is exact in binary64. A sum, product, quotient or root of binary32 numbers that is rounded to
/// binary64 first and to binary32 then is the one rounded once.
#[derive(Clone, Copy)]
pub(crate) struct Simd128(v128);

/// The least number of binary64 whose last bit counts ones.
const TWO_TO_52: f64 = 4503599627370496.0;

impl Simd128 {
    /// Rounded to binary32.
    #[inline(always)]
    fn rounded(x: v128) -> Self {
        Simd128(f64x2_promote_low_f32x4(f32x4_demote_f64x2_zero(x)))
    }
}

impl Lanes for Simd128 {
    const N: usize = 2;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Simd128(f64x2_splat(x.into()))
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for 2 lanes.
        Simd128(f64x2_promote_low_f32x4(unsafe { v128_load64_zero(p.cast()) }))
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's pointer is valid for 2 lanes.
        unsafe { v128_store64_lane::<0>(f32x4_demote_f64x2_zero(self.0), p.cast()) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self::rounded(f64x2_add(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self::rounded(f64x2_sub(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self::rounded(f64x2_mul(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        let sum = f64x2_add(f64x2_mul(self.0, b.0), c.0);
        // Rounding twice may differ from rounding once where the first result is halfway between two binary32.
        // The 29 bits behind their last one show it, unless it is subnormal in binary32 and loses more bits.
        let halfway = i64x2_eq(v128_and(sum, i64x2_splat(0x1FFF_FFFF)), i64x2_splat(0x1000_0000));
        let subnormal = f64x2_lt(f64x2_abs(sum), f64x2_splat(f32::MIN_POSITIVE.into()));
        if v128_any_true(v128_or(halfway, subnormal)) { fused(self, b, c) } else { Self::rounded(sum) }
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        // SAFETY: no instructions but those of this implementation.
        unsafe { Simd128(f64x2_neg(self.0)).fma(b, c) }
    }
    #[inline(always)]
    unsafe fn rint(self) -> Self {
        Simd128(f64x2_nearest(self.0))
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self::rounded(f64x2_div(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self::rounded(f64x2_sqrt(self.0))
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Simd128(f64x2_min(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Simd128(f64x2_max(self.0, b.0))
    }
    #[inline(always)]
    unsafe fn less(self, b: Self, then: Self, otherwise: Self) -> Self {
        Simd128(v128_bitselect(then.0, otherwise.0, f64x2_lt(self.0, b.0)))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        // The last bits of a sum with 2^52 are those of the integer.
        Simd128(i64x2_shl(f64x2_add(self.0, f64x2_splat(TWO_TO_52 + 1023.0)), 52))
    }
    #[inline(always)]
    unsafe fn exponent_and_mantissa(self) -> (Self, Self) {
        let biased = v128_or(u64x2_shr(self.0, 52), f64x2_splat(TWO_TO_52));
        let fraction = v128_and(self.0, i64x2_splat(0xF_FFFF_FFFF_FFFF));
        let exponent = f64x2_sub(biased, f64x2_splat(TWO_TO_52 + 1023.0));
        (Simd128(exponent), Simd128(v128_or(fraction, f64x2_splat(1.0))))
    }
    #[inline(always)]
    unsafe fn add_sums(v: [Self; 4], p: *mut f32) {
        for (i, v) in v.into_iter().enumerate() {
            // SAFETY: the caller's pointer is valid for 4 numbers.
            unsafe { *p.add(i) += v.sum() }
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let [a, b] = lanes(self);
        a + b
    }
}

#[inline(always)]
fn lanes(Simd128(x): Simd128) -> [f32; 2] {
    [f64x2_extract_lane::<0>(x) as f32, f64x2_extract_lane::<1>(x) as f32]
}

/// `a · b + c` by the software of the standard library.
#[cold]
#[inline(never)]
fn fused(a: Simd128, b: Simd128, c: Simd128) -> Simd128 {
    let (a, b, c) = (lanes(a), lanes(b), lanes(c));
    let sum = |i: usize| a[i].mul_add(b[i], c[i]).into();
    Simd128(f64x2(sum(0), sum(1)))
}
