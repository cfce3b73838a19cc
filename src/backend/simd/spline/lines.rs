//! Weighted sums of lines of numbers, of which filters and splines consist along every axis.

#![allow(unsafe_code)]

use crate::backend::simd::lanes::Lanes;
use crate::field::spline::mirror;

/// Numbers that a filter reaches to each side.
pub(super) const REACH: usize = 3;

/// Writes `line` to `out` from `margin` on, and what a filter reaches of its mirrored continuation on both
/// sides.
#[inline(always)]
pub(super) fn extend(line: &[f32], out: &mut [f32], margin: usize) {
    let n = line.len();
    out[margin..][..n].copy_from_slice(line);
    for i in 1..=REACH {
        out[margin - i] = line[mirror(-(i as i64), n)];
        out[margin + n - 1 + i] = line[mirror((n - 1 + i) as i64, n)];
    }
}

/// An extended line seven times, shifted by −3 … 3.
pub(super) fn shifted(line: &[f32], margin: usize) -> [*const f32; 2 * REACH + 1] {
    std::array::from_fn(|n| line[margin + n - REACH..].as_ptr())
}

/// `Σ_k taps[k] · (lines[3 − k] + lines[3 + k])` over `n` numbers, the central line once.
///
/// # Safety
/// V's instructions are present; `lines` and `out` point to `n` numbers, and `out` overlaps no line.
#[inline(always)]
pub(super) unsafe fn filter<V: Lanes>(
    lines: [*const f32; 2 * REACH + 1],
    taps: [f32; 4],
    n: usize,
    out: *mut f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut i = 0;
        while i + V::N <= n {
            let at = |k: usize| V::load(lines[k].add(i));
            let mut sum = V::splat(taps[0]).mul(at(REACH));
            for (k, &tap) in (1..).zip(&taps[1..]) {
                sum = V::splat(tap).fma(at(REACH - k).add(at(REACH + k)), sum);
            }
            sum.store(out.add(i));
            i += V::N;
        }
        while i < n {
            let at = |k: usize| *lines[k].add(i);
            let mut sum = taps[0] * at(REACH);
            for (k, tap) in (1..).zip(&taps[1..]) {
                sum = tap.mul_add(at(REACH - k) + at(REACH + k), sum);
            }
            *out.add(i) = sum;
            i += 1;
        }
    }
}

/// `Σ_j weights[j] · lines[j]` over `n` numbers, ascending `j`.
///
/// # Safety
/// As [`filter`].
#[inline(always)]
pub(super) unsafe fn weigh<V: Lanes>(lines: [*const f32; 4], weights: [f32; 4], n: usize, out: *mut f32) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut i = 0;
        while i + V::N <= n {
            let mut sum = V::splat(0.0);
            for (line, weight) in lines.iter().zip(weights) {
                sum = V::splat(weight).fma(V::load(line.add(i)), sum);
            }
            sum.store(out.add(i));
            i += V::N;
        }
        while i < n {
            *out.add(i) = lines.iter().zip(weights).fold(0.0, |sum, (line, w)| w.mul_add(*line.add(i), sum));
            i += 1;
        }
    }
}
