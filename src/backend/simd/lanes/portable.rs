//! Plain Rust.

#![allow(unsafe_code)]

use super::Lanes;

/// Arrays of four, for machines whose vector unit has no kernels here. Where the machine has no fused
/// multiply-add, the standard library computes it in software.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Lanes for Portable {
    const N: usize = 4;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Portable([x; 4])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for 4 lanes.
        Portable(unsafe { p.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's pointer is valid for 4 lanes.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] + b.0[i]))
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] - b.0[i]))
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] * b.0[i]))
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
    }
    #[inline(always)]
    unsafe fn fnma(self, b: Self, c: Self) -> Self {
        Portable(std::array::from_fn(|i| (-self.0[i]).mul_add(b.0[i], c.0[i])))
    }
    #[inline(always)]
    unsafe fn rint(self) -> Self {
        Portable(self.0.map(f32::round_ties_even))
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i] / b.0[i]))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Portable(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i].min(b.0[i])))
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Portable(std::array::from_fn(|i| self.0[i].max(b.0[i])))
    }
    #[inline(always)]
    unsafe fn less(self, b: Self, then: Self, otherwise: Self) -> Self {
        Portable(std::array::from_fn(|i| if self.0[i] < b.0[i] { then.0[i] } else { otherwise.0[i] }))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Portable(self.0.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23)))
    }
    #[inline(always)]
    unsafe fn exponent_and_mantissa(self) -> (Self, Self) {
        let bits = self.0.map(f32::to_bits);
        let exponent = bits.map(|bits| (bits >> 23) as f32 - 127.0);
        let mantissa = bits.map(|bits| f32::from_bits(bits & 0x7F_FFFF | 0x3F80_0000));
        (Portable(exponent), Portable(mantissa))
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
        (self.0[0] + self.0[2]) + (self.0[1] + self.0[3])
    }
}
