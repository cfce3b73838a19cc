//! Linear combinations of coarser grids, from the coarsest to the finest, each half as coarse as the one
//! before, and the adjoint.

#![allow(unsafe_code)]

use super::Padded;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;

/// Rows of combinations at one level: per row of the level `count` rows, one for each combination, of the
/// columns rounded up to a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Combined {
    pub layout: Padded,
    pub count: usize,
}

impl Combined {
    pub fn len(self) -> usize {
        self.layout.rows * self.row()
    }
    /// Numbers of a row of the level.
    pub fn row(self) -> usize {
        self.count * self.layout.vectors()
    }
}

/// The combinations of twice the resolution, before grids of that level are added: each number four times.
pub(crate) struct Refine<'a> {
    pub shape: Combined,
    pub coarse: &'a [f32],
    pub fine: &'a mut [f32],
}

impl Kernel for Refine<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Combined { layout, count } = self.shape;
        let (long, half) = (layout.vectors(), layout.columns.div_ceil(2).next_multiple_of(16));
        for (y, fine) in self.fine.chunks_exact_mut(self.shape.row()).enumerate() {
            let coarse = &self.coarse[y / 2 * count * half..][..count * half];
            double(coarse, half, fine, long);
        }
    }
}

/// The adjoint of [`Refine`].
pub(crate) struct Pool<'a> {
    pub shape: Combined,
    pub fine: &'a [f32],
    pub coarse: &'a mut [f32],
}

impl Kernel for Pool<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Combined { layout, count } = self.shape;
        let (long, half) = (layout.vectors(), layout.columns.div_ceil(2).next_multiple_of(16));
        let pairs = self.fine.chunks(2 * self.shape.row());
        for (fine, coarse) in pairs.zip(self.coarse.chunks_exact_mut(count * half)) {
            coarse.fill(0.0);
            fine.chunks_exact(self.shape.row()).for_each(|fine| halve(fine, long, coarse, half));
        }
    }
}

/// Writes rows of `half` numbers as rows of `long`, each number twice.
#[inline(always)]
pub(super) fn double(from: &[f32], half: usize, to: &mut [f32], long: usize) {
    for (from, to) in from.chunks_exact(half).zip(to.chunks_exact_mut(long)) {
        for (&x, to) in from.iter().zip(to.chunks_exact_mut(2)) {
            to[0] = x;
            to[1] = x;
        }
    }
}

/// Adds rows of `long` numbers to rows of `half`, the sum of each pair.
#[inline(always)]
pub(super) fn halve(from: &[f32], long: usize, to: &mut [f32], half: usize) {
    for (from, to) in from.chunks_exact(long).zip(to.chunks_exact_mut(half)) {
        for (from, to) in from.chunks_exact(2).zip(to) {
            *to += from[0] + from[1];
        }
    }
}

/// Adds a grid, times one weight per combination, to combinations of its level.
pub(crate) struct Include<'a> {
    pub shape: Combined,
    pub weights: &'a [f32],
    /// The whole grid.
    pub rounded: &'a [f32],
    pub combined: &'a mut [f32],
}

impl Kernel for Include<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let layout = self.shape.layout;
        for (y, rows) in self.combined.chunks_exact_mut(self.shape.row()).enumerate() {
            let grid = &self.rounded[layout.row(y)..][..layout.vectors()];
            for (row, &weight) in rows.chunks_exact_mut(layout.vectors()).zip(self.weights) {
                row.iter_mut().zip(grid).for_each(|(x, q)| *x += weight * q);
            }
        }
    }
}

/// The slopes of the weights of [`Include`], from those of the combinations.
pub(crate) struct WeightSlopes<'a> {
    pub shape: Combined,
    pub rounded: &'a [f32],
    pub combined: &'a [f32],
    pub slopes: &'a mut [f32],
}

impl Kernel for WeightSlopes<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let layout = self.shape.layout;
        for (y, rows) in self.combined.chunks_exact(self.shape.row()).enumerate() {
            let grid = &self.rounded[layout.row(y)..][..layout.vectors()];
            for (row, slope) in rows.chunks_exact(layout.vectors()).zip(self.slopes.iter_mut()) {
                // SAFETY: both rows hold whole vectors.
                *slope += unsafe {
                    let mut sum = V::splat(0.0);
                    for x in (0..layout.vectors()).step_by(V::N) {
                        sum = V::load(row.as_ptr().add(x)).fma(V::load(grid.as_ptr().add(x)), sum);
                    }
                    sum.sum()
                };
            }
        }
    }
}

/// Adds to slopes by some rows of a grid those that come from combinations.
pub(crate) struct GridSlopes<'a> {
    pub shape: Combined,
    pub weights: &'a [f32],
    /// The rows' combinations.
    pub combined: &'a [f32],
    /// Whole rows.
    pub slopes: &'a mut [f32],
}

impl Kernel for GridSlopes<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let layout = self.shape.layout;
        let rows = self.combined.chunks_exact(self.shape.row());
        for (combined, slopes) in rows.zip(self.slopes.chunks_exact_mut(layout.stride)) {
            for (row, &weight) in combined.chunks_exact(layout.vectors()).zip(self.weights) {
                slopes.iter_mut().zip(row).for_each(|(slope, x)| *slope += weight * x);
            }
        }
    }
}

/// Adds rows to rows.
pub(crate) struct AddRows<'a> {
    pub layout: Padded,
    pub from: &'a [f32],
    pub to: &'a mut [f32],
}

impl Kernel for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Padded { stride, .. } = self.layout;
        for (from, to) in self.from.chunks_exact(stride).zip(self.to.chunks_exact_mut(stride)) {
            let vectors = self.layout.vectors();
            to[..vectors].iter_mut().zip(&from[..vectors]).for_each(|(to, from)| *to += from);
        }
    }
}
