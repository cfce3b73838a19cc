//! Vectors of binary32 lanes: the few operations the kernels need, one implementation per instruction set.
//!
//! Every operation is the IEEE operation of each lane by itself, so all implementations give the same bits.

#![allow(unsafe_code)]

use crate::network::sine::{COS, SIN};
use std::f32::consts::TAU;

/// A vector of [`Lanes::N`] binary32 numbers.
///
/// # Safety
/// The methods may only run where the instruction set of the implementation is present, and the pointers of
/// `load`, `store` and `add_sums` must be valid for the lanes they name.
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

/// Plain arrays of four: the path for machines without a vector unit of their own here; NEON through the compiler.
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

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

    /// Eight lanes; needs AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256);

    // SAFETY of every block below: the trait's contract — the instruction set is present, pointers are valid.
    impl Lanes for Avx2 {
        const N: usize = 8;
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(p, self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_sub_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_mul_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn fnma(self, b: Self, c: Self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_fnmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn rint(self) -> Self {
            // SAFETY: as above.
            Avx2(unsafe { _mm256_round_ps::<NEAREST>(self.0) })
        }
        #[inline(always)]
        unsafe fn add_sums(v: [Self; 4], p: *mut f32) {
            // SAFETY: as above.
            unsafe {
                let pairs = _mm256_hadd_ps(_mm256_hadd_ps(v[0].0, v[1].0), _mm256_hadd_ps(v[2].0, v[3].0));
                let sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
                _mm_storeu_ps(p, _mm_add_ps(_mm_loadu_ps(p), sums));
            }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: as above.
            unsafe {
                let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
                _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
            }
        }
    }

    /// Sixteen lanes; needs AVX-512F.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(__m512);

    // SAFETY of every block below: the trait's contract — the instruction set is present, pointers are valid.
    impl Lanes for Avx512 {
        const N: usize = 16;
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_set1_ps(x) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(p, self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_sub_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, b: Self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_mul_ps(self.0, b.0) })
        }
        #[inline(always)]
        unsafe fn fma(self, b: Self, c: Self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn fnma(self, b: Self, c: Self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_fnmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        unsafe fn rint(self) -> Self {
            // SAFETY: as above.
            Avx512(unsafe { _mm512_roundscale_ps::<NEAREST>(self.0) })
        }
        #[inline(always)]
        unsafe fn add_sums(v: [Self; 4], p: *mut f32) {
            // SAFETY: as above.
            unsafe {
                let fold = |a, b| _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (ab, cd) = (fold(v[0].0, v[1].0), fold(v[2].0, v[3].0));
                let low = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
                let high = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)));
                let quads = _mm512_add_ps(low, high);
                let upper = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(quads)));
                let pairs = _mm256_add_ps(_mm512_castps512_ps256(quads), upper);
                let sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
                _mm_storeu_ps(p, _mm_add_ps(_mm_loadu_ps(p), sums));
            }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: as above.
            unsafe { _mm512_reduce_add_ps(self.0) }
        }
    }
}
