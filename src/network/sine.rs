//! The sine and cosine of a phase in turns, defined to the last bit.
//!
//! Reduction: `r = t − rint(t)`, exact in binary floating point, so `r` lies in −½..½ turns. With `w = 1 −
//! 4r²` the zeros of the sine are factored out, `sin 2πr = r·w·P(w)`, so nothing cancels near them; the
//! cosine is `−1 + w²·Q(w)`. The coefficients come from `spec/coefficients.py` (minimax, binary32).
//! `spec/numerics.md` states the worst-case error over every binary32 in a period.

/// Coefficients of `P`, lowest degree first.
pub const SIN: [f32; 5] = [
    f32::from_bits(0x40491009),
    f32::from_bits(0x4016c8f8),
    f32::from_bits(0x3f2c27d8),
    f32::from_bits(0x3dcf1f12),
    f32::from_bits(0x3c43ba69),
];

/// Coefficients of `Q`, lowest degree first.
pub const COS: [f32; 5] = [
    f32::from_bits(0x3f9dea15),
    f32::from_bits(0x3f1de63a),
    f32::from_bits(0x3e073c33),
    f32::from_bits(0x3c81eece),
    f32::from_bits(0x3ace30a5),
];

/// `(r, w)`: the phase reduced to −½..½ turns and `1 − 4r²`.
#[inline]
fn reduce(t: f32) -> (f32, f32) {
    let r = t - t.round_ties_even();
    (r, (r * -4.0).mul_add(r, 1.0))
}

/// A polynomial by Horner's rule, one fused multiply-add per degree.
#[inline]
fn horner(w: f32, coefficients: &[f32; 5]) -> f32 {
    coefficients[..4].iter().rev().fold(coefficients[4], |p, &c| p.mul_add(w, c))
}

/// `sin(2πt)`, `t` in turns.
#[inline]
pub fn sine(t: f32) -> f32 {
    let (r, w) = reduce(t);
    (r * w) * horner(w, &SIN)
}

/// `cos(2πt)`, `t` in turns.
#[inline]
pub fn cosine(t: f32) -> f32 {
    let (_, w) = reduce(t);
    (w * w).mul_add(horner(w, &COS), -1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// Errors of the sine and the cosine at `t` against binary64.
    fn errors(t: f32) -> (f64, f64) {
        let phase = TAU * f64::from(t);
        ((f64::from(sine(t)) - phase.sin()).abs(), (f64::from(cosine(t)) - phase.cos()).abs())
    }

    /// The worst errors over all binary32 from −½ to ½, rounded up, as `spec/numerics.md` states them.
    const WORST_SINE: f64 = 2.828e-7;
    const WORST_COSINE: f64 = 3.416e-7;

    #[test]
    fn sine_and_cosine_are_as_close_as_stated() {
        let (mut worst_sine, mut worst_cosine) = (0f64, 0f64);
        for i in -1_000_000..=1_000_000 {
            let (sine, cosine) = errors(i as f32 / 700_000.0);
            (worst_sine, worst_cosine) = (worst_sine.max(sine), worst_cosine.max(cosine));
        }
        assert!(worst_sine < WORST_SINE && worst_cosine < WORST_COSINE, "{worst_sine:e} {worst_cosine:e}");
    }

    #[test]
    fn the_stated_worst_cases_are_real() {
        for sign in [0, 1 << 31] {
            let (sine, _) = errors(f32::from_bits(0x3e8ff206 | sign));
            let (_, cosine) = errors(f32::from_bits(0x3c2ea5f2 | sign));
            assert!((2.826e-7..WORST_SINE).contains(&sine), "{sine:e}");
            assert!((3.414e-7..WORST_COSINE).contains(&cosine), "{cosine:e}");
        }
    }

    #[test]
    fn half_turns_and_huge_phases_are_exactly_zero() {
        for t in [0.0, 0.5, 1.0, -0.5, -7.5, 8388608.0, 1e30, f32::MAX] {
            assert_eq!(sine(t), 0.0, "{t}");
        }
        assert!(sine(f32::INFINITY).is_nan());
    }

    #[test]
    fn goldens_from_exact_rational_arithmetic() {
        assert_eq!(
            [0.125f32, 0.25, -0.3, 1e-10, 1234.567].map(|t| sine(t).to_bits()),
            [0x3f3504f3, 0x3f7fffff, 0xbf73786f, 0x302cb5f8, 0xbed146ec]
        );
    }

    #[test]
    fn sines_and_sums_are_those_of_the_specification() {
        use crate::vectors::{binary32, rows};
        for (input, result) in rows("sine") {
            assert_eq!(format!("{:08x}", sine(binary32(input[0])).to_bits()), result, "{input:?}");
        }
        for (input, result) in rows("fma") {
            let [a, b, c] = [0, 1, 2].map(|i| binary32(input[i]));
            assert_eq!(format!("{:08x}", a.mul_add(b, c).to_bits()), result, "{input:?}");
        }
    }
}
