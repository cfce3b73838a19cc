//! From latents to the coefficients of a spline, one axis after the other, the first one first.

#![allow(unsafe_code)]

use super::lines::{REACH, extend, filter, shifted};
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::pass::length;
use crate::field::spline::{Grid, gain, mirror};

/// Replaces the latents of a feature grid, first axis fastest, by the coefficients of its spline: the
/// specification's `filter` along every axis, and the product with the gain.
///
/// # Panics
/// If there are not as many values as the grid has latents, or the scratch is too small.
pub(crate) struct Coefficients<'a> {
    pub grid: &'a Grid,
    pub taps: [f32; 4],
    pub values: &'a mut [f32],
    /// Room for as many numbers, and for a line of the first axis and six more.
    pub scratch: &'a mut [f32],
}

impl Kernel for Coefficients<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Coefficients { grid, taps, values, scratch } = self;
        let sizes: Vec<usize> = grid.lengths.iter().map(|&n| n as usize).collect();
        assert!(values.len() == length(&sizes) && scratch.len() >= values.len().max(sizes[0] + 2 * REACH));
        let mut stride = 1;
        for (axis, &count) in sizes.iter().enumerate() {
            let size = stride * count;
            for block in values.chunks_exact_mut(size) {
                // SAFETY: a block holds `count` lines of `stride` numbers, mirrored indices are below
                // `count`, and the scratch holds a block, or a line with three more numbers at each end.
                unsafe {
                    if axis == 0 {
                        extend(block, scratch, REACH);
                        filter::<V>(shifted(scratch, REACH), taps, size, block.as_mut_ptr());
                    } else {
                        scratch[..size].copy_from_slice(block);
                        for (i, out) in block.chunks_exact_mut(stride).enumerate() {
                            let line = |n: usize| {
                                let index = mirror((i + n) as i64 - REACH as i64, count);
                                scratch[index * stride..].as_ptr()
                            };
                            filter::<V>(std::array::from_fn(line), taps, stride, out.as_mut_ptr());
                        }
                    }
                }
            }
            stride = size;
        }
        values.iter_mut().for_each(|value| *value *= gain(grid));
    }
}
