//! NEON.

#![allow(unsafe_code)]

use super::Lanes;
use std::arch::aarch64::*;

/// Four lanes; every processor of this architecture has them.
#[derive(Clone, Copy)]
pub(crate) struct Neon(float32x4_t);

// SAFETY of every block below: the trait's contract — the instruction set is present, pointers are valid.
impl Lanes for Neon {
    const N: usize = 4;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vdupq_n_f32(x) })
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vld1q_f32(p) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: as above.
        unsafe { vst1q_f32(p, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vaddq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vsubq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vmulq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vfmaq_f32(c.0, self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vfmsq_f32(c.0, self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn rint(self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vrndnq_f32(self.0) })
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vdivq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vsqrtq_f32(self.0) })
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vminq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vmaxq_f32(self.0, b.0) })
    }
    #[inline(always)]
    unsafe fn less(self, b: Self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        Neon(unsafe { vbslq_f32(vcltq_f32(self.0, b.0), then.0, otherwise.0) })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let biased = vaddq_s32(vcvtq_s32_f32(self.0), vdupq_n_s32(127));
            Neon(vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased)))
        }
    }
    #[inline(always)]
    unsafe fn exponent_and_mantissa(self) -> (Self, Self) {
        // SAFETY: as above.
        unsafe {
            let bits = vreinterpretq_s32_f32(self.0);
            let exponent = vsubq_s32(vshrq_n_s32::<23>(bits), vdupq_n_s32(127));
            let mantissa = vorrq_s32(vandq_s32(bits, vdupq_n_s32(0x7F_FFFF)), vdupq_n_s32(0x3F80_0000));
            (Neon(vcvtq_f32_s32(exponent)), Neon(vreinterpretq_f32_s32(mantissa)))
        }
    }
    #[inline(always)]
    unsafe fn add_sums(v: [Self; 4], p: *mut f32) {
        // SAFETY: as above.
        unsafe {
            let sums = vpaddq_f32(vpaddq_f32(v[0].0, v[1].0), vpaddq_f32(v[2].0, v[3].0));
            vst1q_f32(p, vaddq_f32(vld1q_f32(p), sums));
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        // SAFETY: as above.
        unsafe { vaddvq_f32(self.0) }
    }
}
