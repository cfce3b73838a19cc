//! The bits of a latent under a Laplace distribution that is integrated over its unit interval, and their
//! slopes.

#![allow(unsafe_code)]

use super::exponential::{exp2, log2};
use crate::backend::simd::lanes::Lanes;
use crate::field::spline::{OCTAVES_OF_ONE, SCALES, SCALES_PER_OCTAVE};
use std::f32::consts::LOG2_E;

/// The most octaves of a scale above the least one.
const MOST: f32 = (SCALES - 1) as f32 / SCALES_PER_OCTAVE as f32;
/// The least probability in the formula for latents next to the centre: its rounding errors are below.
const LEAST: f32 = 1e-9;

/// Bits of a latent, and their slopes by the latent and by the octaves of the scale. The slope by the centre
/// is the negative of the first.
pub(super) struct Bits<V> {
    pub bits: V,
    pub by_latent: V,
    pub by_octaves: V,
}

/// The bits of latents `x` for centres and octaves. Octaves outside the range that files have count as its
/// ends, with a slope only where it leads inside.
#[inline(always)]
pub(super) unsafe fn laplace<V: Lanes>(x: V, centre: V, octaves: V) -> Bits<V> {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let (zero, half, one) = (V::splat(0.0), V::splat(0.5), V::splat(1.0));
        let clamped = octaves.min(V::splat(MOST)).max(zero);
        // The inverse scale, for powers of e and of 2.
        let inverse = exp2(V::splat(OCTAVES_OF_ONE).sub(clamped));
        let rate = inverse.mul(V::splat(LOG2_E));
        let difference = x.sub(centre);
        let distance = difference.max(zero.sub(difference));
        let (near, far) = (distance.sub(half), distance.add(half));

        // From ½ on: P = ½ (1 − e^−i) e^−(d − ½)i; the second factor is a sum of bits.
        let step = exp2(zero.sub(rate));
        let tail = half.mul(one.sub(step));
        // Below ½: P = 1 − ½ (e^−(d + ½)i + e^(d − ½)i).
        let above = exp2(zero.sub(rate.mul(far)));
        let below = exp2(rate.mul(near.min(zero)));
        let centre = one.sub(half.mul(above.add(below)));

        let probability = distance.less(half, centre, tail).max(V::splat(LEAST));
        let bits = rate.mul(near.max(zero)).sub(log2(probability));
        let reciprocal = one.div(probability);
        let scaled = half.mul(reciprocal);
        let by_distance = distance.less(half, inverse.mul(scaled).mul(below.sub(above)), inverse);
        let by_inverse =
            distance.less(half, scaled.mul(near.mul(below).sub(far.mul(above))), near.sub(scaled.mul(step)));
        let by_latent = by_distance.mul(V::splat(LOG2_E));
        let by_latent = difference.less(zero, zero.sub(by_latent), by_latent);
        // ∂i/∂octaves = −ln 2 · i, and bits are nats over ln 2.
        let by_octaves = zero.sub(by_inverse.mul(inverse));
        let inward = V::splat(MOST).less(octaves, by_octaves.max(zero), by_octaves);
        let by_octaves = octaves.less(zero, by_octaves.min(zero), inward);
        Bits { bits, by_latent, by_octaves }
    }
}
