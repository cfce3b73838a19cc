//! The activation of a phase in turns, `t + sin(2πt) / 2π`.

#![allow(unsafe_code)]

use crate::backend::simd::lanes::{Lanes, sine, sine_and_slope};
use crate::field::spline::PER_TURN;

/// The activation.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(super) unsafe fn activation<V: Lanes>(phase: V) -> V {
    // SAFETY: the caller's contract.
    unsafe { sine(phase).fma(V::splat(PER_TURN), phase) }
}

/// The activation, its slope `1 + cos(2πt)`, and the sine.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(super) unsafe fn activation_and_slope<V: Lanes>(phase: V) -> (V, V, V) {
    // SAFETY: the caller's contract.
    unsafe {
        let (sine, slope) = sine_and_slope(phase);
        let turn = V::splat(PER_TURN);
        (sine.fma(turn, phase), slope.fma(turn, V::splat(1.0)), sine)
    }
}
