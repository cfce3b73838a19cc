//! Powers and logarithms of base 2.

#![allow(unsafe_code)]

use crate::backend::simd::lanes::Lanes;
use std::f32::consts::SQRT_2;

/// Coefficients of `2^f` for `|f| ≤ ½`, the highest first.
const POWER: [f32; 6] = [0.001_326_479_2, 0.009_671_512, 0.055_507_335, 0.240_222_42, 0.693_146_94, 1.0];
/// Coefficients of `log2((1 + t) / (1 − t)) / t` by `t²`, the highest first.
const LOGARITHM: [f32; 4] = [0.411_985_83, 0.577_078, 0.961_796_7, 2.885_39];

/// `2^x` with a relative error below 5·10⁻⁷; exponents beyond ±126 count as ±126.
#[inline(always)]
pub(super) unsafe fn exp2<V: Lanes>(x: V) -> V {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let x = x.min(V::splat(126.0)).max(V::splat(-126.0));
        let n = x.rint();
        let f = x.sub(n);
        let mut p = V::splat(POWER[0]);
        for c in &POWER[1..] {
            p = p.fma(f, V::splat(*c));
        }
        p.mul(n.power_of_two())
    }
}

/// `log2(x)` of positive normal numbers with an error below 3·10⁻⁶.
#[inline(always)]
pub(super) unsafe fn log2<V: Lanes>(x: V) -> V {
    // SAFETY: the caller runs where V's instructions are present.
    unsafe {
        let one = V::splat(1.0);
        let (e, m) = x.exponent_and_mantissa();
        let root = V::splat(SQRT_2);
        let (e, m) = (m.less(root, e, e.add(one)), m.less(root, m, m.mul(V::splat(0.5))));
        let t = m.sub(one).div(m.add(one));
        let t2 = t.mul(t);
        let mut p = V::splat(LOGARITHM[0]);
        for c in &LOGARITHM[1..] {
            p = p.fma(t2, V::splat(*c));
        }
        p.fma(t, e)
    }
}
