//! Soft rounding of latents with noise between two steps (Agustsson and Theis 2020): differentiable, and near
//! rounding at low temperature.

#![allow(unsafe_code)]

use super::Padded;
use super::exponential::exp2;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use std::f32::consts::LOG2_E;

/// Length of the table of normal deviates.
pub(crate) const DEVIATES: usize = 1 << 20;

/// Rounds rows of latents. All slices hold the same whole rows, each of `layout.stride` numbers.
pub(crate) struct Round<'a> {
    pub layout: Padded,
    pub temperature: f32,
    /// Standard deviation of the noise.
    pub noise: f32,
    pub deviates: &'a [f32],
    /// The deviate of the first number, a multiple of 16; the table is cyclic.
    pub first_deviate: usize,
    pub latents: &'a [f32],
    pub rounded: &'a mut [f32],
    /// Slopes of the rounded by the latents.
    pub slopes: &'a mut [f32],
}

impl Kernel for Round<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Padded { columns, stride, .. } = self.layout;
        let vectors = self.layout.vectors();
        assert!(
            self.deviates.len() == DEVIATES && self.first_deviate.is_multiple_of(16) && vectors <= stride
        );
        let rows = self.latents.chunks_exact(stride);
        let results = self.rounded.chunks_exact_mut(stride).zip(self.slopes.chunks_exact_mut(stride));
        // SAFETY: rows hold whole vectors; 16, which the number of lanes divides, divides all positions in
        // the table and its length.
        unsafe {
            let step = Step::<V>::new(self.temperature);
            let noise = V::splat(self.noise);
            for (y, (latents, (rounded, slopes))) in rows.zip(results).enumerate() {
                for x in (0..vectors).step_by(V::N) {
                    let at = (self.first_deviate + y * stride + x) % DEVIATES;
                    let deviate = V::load(self.deviates.as_ptr().add(at));
                    let (once, first) = step.round(V::load(latents.as_ptr().add(x)));
                    let (twice, second) = step.round(deviate.fma(noise, once));
                    twice.store(rounded.as_mut_ptr().add(x));
                    first.mul(second).store(slopes.as_mut_ptr().add(x));
                }
                // Neighbours outside the grid are 0.
                rounded[columns..vectors].fill(0.0);
            }
        }
    }
}

/// The soft rounding `⌊x⌋ + ½ + tanh((x − ⌊x⌋ − ½) / T) / (2 tanh(1 / 2T))`.
#[derive(Clone, Copy)]
struct Step<V> {
    /// `2 log2(e) / T`.
    steepness: V,
    /// `1 / (2 tanh(1 / 2T))`.
    height: V,
    /// `height / T`.
    slope: V,
}

impl<V: Lanes> Step<V> {
    #[inline(always)]
    unsafe fn new(temperature: f32) -> Self {
        let height = 0.5 / (0.5 / temperature).tanh();
        // SAFETY: the caller runs where V's instructions are present.
        unsafe {
            Step {
                steepness: V::splat(2.0 * LOG2_E / temperature),
                height: V::splat(height),
                slope: V::splat(height / temperature),
            }
        }
    }

    /// The rounded number and its slope.
    #[inline(always)]
    unsafe fn round(self, x: V) -> (V, V) {
        // SAFETY: the caller runs where V's instructions are present.
        unsafe {
            let (one, half) = (V::splat(1.0), V::splat(0.5));
            let nearest = x.rint();
            let floor = x.less(nearest, nearest.sub(one), nearest);
            let z = x.sub(floor).sub(half).mul(self.steepness);
            // tanh(z) = 1 − 2 / (1 + e^2z)
            let tanh = one.sub(V::splat(2.0).div(one.add(exp2(z))));
            let rounded = floor.add(tanh.fma(self.height, half));
            (rounded, self.slope.mul(tanh.fnma(tanh, one)))
        }
    }
}
