//! The values of a spline on a grid of positions, one axis after the other, the first one first. Along the
//! first axis coefficients are gathered, along the others whole lines are combined.

#![allow(unsafe_code)]

use super::lines::weigh;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::field::spline::basis::Taps;
use crate::field::spline::{Grid, mirror};

/// The values of the spline of a grid at a box of positions.
///
/// # Panics
/// If the lengths do not match.
pub(crate) struct Interpolate<'a> {
    pub grid: &'a Grid,
    /// First axis fastest.
    pub coefficients: &'a [f32],
    /// Those of the positions along each axis.
    pub taps: &'a [&'a [Taps]],
    pub scratch: &'a mut [Vec<f32>; 2],
    /// One number for each position, first axis fastest.
    pub out: &'a mut [f32],
}

impl Kernel for Interpolate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Interpolate { grid, coefficients, taps, scratch, out } = self;
        let lengths = &grid.lengths;
        let [lines, next] = scratch;
        // Along each axis but the first, the first coefficient that is seen, and how many there are.
        let seen: Vec<(usize, usize)> = lengths.iter().zip(taps).map(|(&n, taps)| span(n, taps)).collect();
        let outer: usize = seen[1..].iter().map(|&(_, count)| count).product();
        let width = taps[0].len();
        lines.resize(width * outer, 0.0);
        for number in 0..outer {
            let (mut rest, mut at, mut stride) = (number, 0, lengths[0] as usize);
            for (&(from, count), &length) in seen[1..].iter().zip(&lengths[1..]) {
                at += (from + rest % count) * stride;
                rest /= count;
                stride *= length as usize;
            }
            let line = &coefficients[at..][..lengths[0] as usize];
            gather(line, taps[0], &mut lines[number * width..][..width]);
        }
        let mut stride = width;
        for axis in 1..lengths.len() {
            let (from, count) = seen[axis];
            let rest = lines.len() / (stride * count);
            let positions = &taps[axis];
            next.resize(rest * positions.len() * stride, 0.0);
            for (block, n) in lines.chunks_exact(stride * count).zip(0..) {
                for (p, taps) in positions.iter().enumerate() {
                    // SAFETY: mirrored indices lie within what is seen, and `next` holds a line for every
                    // position of every block.
                    unsafe {
                        let line = |j: usize| {
                            let index = mirror(taps.first + j as i64, lengths[axis] as usize) - from;
                            block[index * stride..][..stride].as_ptr()
                        };
                        let out = next[(n * positions.len() + p) * stride..][..stride].as_mut_ptr();
                        weigh::<V>(std::array::from_fn(line), taps.weights, stride, out);
                    }
                }
            }
            std::mem::swap(lines, next);
            stride *= positions.len();
        }
        out.copy_from_slice(lines);
    }
}

/// The first coefficient that `taps` see along an axis of `length` coefficients, and the number up to the
/// last. Positions lie within the signal, so a mirrored index is that of another tap.
fn span(length: u32, taps: &[Taps]) -> (usize, usize) {
    let firsts = || taps.iter().map(|taps| taps.first);
    let (first, last) = (firsts().min().unwrap_or(0), firsts().max().unwrap_or(0) + 3);
    let [first, last] = [first, last].map(|index| index.clamp(0, i64::from(length) - 1) as usize);
    (first, last + 1 - first)
}

/// The values of one line of coefficients at every position.
#[inline(always)]
fn gather(line: &[f32], taps: &[Taps], out: &mut [f32]) {
    for (out, taps) in out.iter_mut().zip(taps) {
        let inside = usize::try_from(taps.first).ok().and_then(|first| line.get(first..first + 4));
        let values = match inside {
            Some(values) => [values[0], values[1], values[2], values[3]],
            None => [0, 1, 2, 3].map(|j| line[mirror(taps.first + j, line.len())]),
        };
        *out = values.iter().zip(taps.weights).fold(0.0, |sum, (&value, w)| w.mul_add(value, sum));
    }
}
