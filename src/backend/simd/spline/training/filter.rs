//! The prefilter: seven symmetric taps along each axis, with half-sample symmetric borders, which make it its
//! own adjoint.

#![allow(unsafe_code)]

use super::Padded;
use super::padded::MARGIN;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::lines::{REACH, extend, filter, shifted};
use crate::field::spline::mirror;

/// The rows at −3 … 3 of row `y` of a grid.
pub(super) fn around(grid: &[f32], layout: Padded, y: usize) -> [*const f32; 2 * REACH + 1] {
    std::array::from_fn(|n| grid[layout.row(mirror((y + n) as i64 - REACH as i64, layout.rows))..].as_ptr())
}

/// A buffer for a row of `layout` and what surrounds it.
pub(super) fn line(layout: Padded) -> Vec<f32> {
    vec![0.0; layout.vectors() + 3 * MARGIN]
}

/// Filters whole rows along the first axis.
pub(crate) struct FilterRows<'a> {
    pub layout: Padded,
    pub taps: [f32; 4],
    pub rows: &'a [f32],
    pub filtered: &'a mut [f32],
}

impl Kernel for FilterRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Padded { columns, stride, .. } = self.layout;
        let vectors = self.layout.vectors();
        let mut line = line(self.layout);
        for (row, out) in self.rows.chunks_exact(stride).zip(self.filtered.chunks_exact_mut(stride)) {
            extend(&row[..columns], &mut line, MARGIN);
            // SAFETY: the line has 16 numbers more than whole vectors on both sides, a row whole vectors.
            unsafe { filter::<V>(shifted(&line, MARGIN), self.taps, vectors, out.as_mut_ptr()) };
            // The adjoint sums over whole vectors.
            out[columns..vectors].fill(0.0);
        }
    }
}

/// The adjoint of the prefilter on some rows: from slopes by the coefficients to slopes by the rounded
/// latents. Returns the slopes by the taps.
pub(crate) struct FilterAdjoint<'a> {
    pub layout: Padded,
    pub taps: [f32; 4],
    /// Whether the grid has a second axis.
    pub vertical: bool,
    /// Slopes by the coefficients, the whole grid.
    pub coefficients: &'a [f32],
    /// The first row, and whole rows from it on: the rounded latents, these filtered along the first axis,
    /// and where the slopes go.
    pub first_row: usize,
    pub rounded: &'a [f32],
    pub filtered: &'a [f32],
    pub gradient: &'a mut [f32],
}

impl Kernel for FilterAdjoint<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> [f32; 4] {
        let Padded { columns, stride, .. } = self.layout;
        let vectors = self.layout.vectors();
        assert!(self.coefficients.len() == self.layout.len());
        let mut row = vec![0.0; vectors];
        let mut line = line(self.layout);
        let inputs = self.rounded.chunks_exact(stride).zip(self.filtered.chunks_exact(stride));
        // SAFETY: all rows hold whole vectors.
        unsafe {
            let mut sums = [V::splat(0.0); 4];
            for (n, ((rounded, filtered), gradient)) in
                inputs.zip(self.gradient.chunks_exact_mut(stride)).enumerate()
            {
                let y = self.first_row + n;
                if self.vertical {
                    let rows = around(self.coefficients, self.layout, y);
                    adjoint(rows, self.taps, vectors, filtered.as_ptr(), row.as_mut_ptr(), &mut sums);
                    extend(&row[..columns], &mut line, MARGIN);
                } else {
                    extend(&self.coefficients[self.layout.row(y)..][..columns], &mut line, MARGIN);
                }
                adjoint(
                    shifted(&line, MARGIN),
                    self.taps,
                    vectors,
                    rounded.as_ptr(),
                    gradient.as_mut_ptr(),
                    &mut sums,
                );
            }
            [sums[0].sum(), sums[1].sum(), sums[2].sum(), sums[3].sum()]
        }
    }
}

/// [`filter`], and the products of each pair with `input`, added to `sums`: the filter is symmetric, so these
/// are the slopes by its taps.
#[inline(always)]
pub(super) unsafe fn adjoint<V: Lanes>(
    rows: [*const f32; 2 * REACH + 1],
    taps: [f32; 4],
    vectors: usize,
    input: *const f32,
    out: *mut f32,
    sums: &mut [V; 4],
) {
    // SAFETY: the caller's rows, `input` and `out` hold `vectors` numbers.
    unsafe {
        for x in (0..vectors).step_by(V::N) {
            let input = V::load(input.add(x));
            let centre = V::load(rows[REACH].add(x));
            sums[0] = centre.fma(input, sums[0]);
            let mut sum = centre.mul(V::splat(taps[0]));
            for t in 1..=REACH {
                let pair = V::load(rows[REACH - t].add(x)).add(V::load(rows[REACH + t].add(x)));
                sums[t] = pair.fma(input, sums[t]);
                sum = V::splat(taps[t]).fma(pair, sum);
            }
            sum.store(out.add(x));
        }
    }
}
