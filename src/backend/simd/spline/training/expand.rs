//! Cubic B-splines along the first axis: from latents that are filtered along it to a row of the picture's
//! width, and the adjoint.

#![allow(unsafe_code)]

use super::filter::{around, line};
use super::padded::MARGIN;
use super::{COLUMNS, Padded};
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::lines::{self, extend, filter};
use crate::field::spline::basis::Taps;
use crate::field::spline::mirror;

/// Coefficients beyond the borders that a spline touches.
const BEYOND: usize = 2;

/// Writes some rows of coefficients as rows of `width` samples.
pub(crate) struct Expand<'a> {
    pub layout: Padded,
    pub taps: [f32; 4],
    /// Whether the grid has a second axis, along which it is yet to be filtered.
    pub vertical: bool,
    /// Of each of the `2^k` samples of a cell.
    pub phases: &'a [Taps],
    /// The whole grid, filtered along the first axis.
    pub filtered: &'a [f32],
    pub first_row: usize,
    pub width: usize,
    /// Whole rows, each a multiple of `COLUMNS`.
    pub expanded: &'a mut [f32],
}

impl Kernel for Expand<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Padded { columns, .. } = self.layout;
        let (vectors, cell) = (self.layout.vectors(), self.phases.len());
        assert!(self.filtered.len() == self.layout.len() && self.width.div_ceil(cell) == columns);
        assert!(self.phases.iter().all(|phase| (-2..=-1).contains(&phase.first)));
        let (mut row, mut line) = (vec![0.0; vectors], line(self.layout));
        for (n, out) in self.expanded.chunks_exact_mut(self.width.next_multiple_of(COLUMNS)).enumerate() {
            let y = self.first_row + n;
            // SAFETY: rows hold whole vectors; the line has 16 numbers more on both sides.
            unsafe {
                if self.vertical {
                    filter::<V>(around(self.filtered, self.layout, y), self.taps, vectors, row.as_mut_ptr());
                    extend(&row[..columns], &mut line, MARGIN);
                } else {
                    extend(&self.filtered[self.layout.row(y)..][..columns], &mut line, MARGIN);
                }
                if cell == 1 {
                    weigh::<V>(self.phases[0], &line, out, vectors);
                    continue;
                }
                for (p, &phase) in self.phases.iter().enumerate().take(self.width) {
                    weigh::<V>(phase, &line, &mut row, vectors);
                    for (to, &from) in out[p..self.width].iter_mut().step_by(cell).zip(&row) {
                        *to = from;
                    }
                }
            }
        }
    }
}

/// The weighted sums of four neighbours, for `vectors` cells.
#[inline(always)]
unsafe fn weigh<V: Lanes>(phase: Taps, line: &[f32], out: &mut [f32], vectors: usize) {
    assert!(out.len() >= vectors && line.len() >= vectors + 2 * MARGIN);
    // SAFETY: asserted above; a phase reaches from −2 to 2.
    unsafe {
        let from = line.as_ptr().add(MARGIN).offset(phase.first as isize);
        let from = std::array::from_fn(|j| from.add(j));
        lines::weigh::<V>(from, phase.weights, vectors, out.as_mut_ptr());
    }
}

/// The adjoint of [`Expand`] without its filter: slopes by samples to slopes by coefficients.
pub(crate) struct Collapse<'a> {
    pub layout: Padded,
    pub phases: &'a [Taps],
    pub width: usize,
    /// Strips of rows of `COLUMNS` samples, which together are rows of the grid's width.
    pub strips: &'a [&'a [f32]],
    pub first_row: usize,
    /// Whole rows.
    pub coefficients: &'a mut [f32],
}

impl Kernel for Collapse<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Padded { columns, stride, .. } = self.layout;
        let (vectors, cell) = (self.layout.vectors(), self.phases.len());
        assert!(self.strips.len() * COLUMNS >= self.width && self.width.div_ceil(cell) == columns);
        assert!(self.phases.iter().all(|phase| (-2..=-1).contains(&phase.first)));
        let mut wide = vec![0.0; self.strips.len() * COLUMNS];
        let mut line = vec![0.0; vectors + 4 * MARGIN];
        let mut sums = vec![0.0; vectors + 2 * MARGIN];
        for (n, out) in self.coefficients.chunks_exact_mut(stride).enumerate() {
            let y = self.first_row + n;
            for (part, strip) in wide.chunks_exact_mut(COLUMNS).zip(self.strips) {
                part.copy_from_slice(&strip[y * COLUMNS..][..COLUMNS]);
            }
            sums.fill(0.0);
            for (p, &phase) in self.phases.iter().enumerate().take(self.width) {
                let samples = wide[p..self.width].iter().step_by(cell);
                let count = samples.len();
                for (to, &from) in line[2 * MARGIN..].iter_mut().zip(samples) {
                    *to = from;
                }
                // The last cell may have fewer samples than the others.
                line[2 * MARGIN + count..][..columns - count].fill(0.0);
                // SAFETY: asserted in the function.
                unsafe { spread::<V>(phase, &line, &mut sums, vectors) };
            }
            // What lies beyond a border belongs to its mirror image.
            for i in 1..=BEYOND {
                sums[MARGIN + mirror(-(i as i64), columns)] += sums[MARGIN - i];
                sums[MARGIN + mirror((columns - 1 + i) as i64, columns)] += sums[MARGIN + columns - 1 + i];
            }
            out[..columns].copy_from_slice(&sums[MARGIN..][..columns]);
        }
    }
}

/// Adds the samples of one phase, which start at `2 MARGIN`, to the sums of the coefficients, which start at
/// `MARGIN`.
#[inline(always)]
unsafe fn spread<V: Lanes>(phase: Taps, line: &[f32], sums: &mut [f32], vectors: usize) {
    assert!(sums.len() >= vectors + 2 * MARGIN && line.len() >= vectors + 4 * MARGIN);
    // SAFETY: asserted above; a phase reaches from −2 to 2.
    unsafe {
        let from = line.as_ptr().add(MARGIN).offset(-phase.first as isize);
        for x in (0..vectors + 2 * MARGIN).step_by(V::N) {
            let mut sum = V::load(sums.as_ptr().add(x));
            for (j, &weight) in phase.weights.iter().enumerate() {
                sum = V::splat(weight).fma(V::load(from.add(x).sub(j)), sum);
            }
            sum.store(sums.as_mut_ptr().add(x));
        }
    }
}
