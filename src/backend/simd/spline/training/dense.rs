//! Layers over a block of positions, and the slopes of their parameters.

#![allow(unsafe_code)]

use super::COLUMNS;
use crate::backend::simd::gemm::{Bias, Epilogue, Matrix};
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::layers;

/// Numbers per parameter in a buffer of slopes: partial sums that stay in lanes until all blocks are done.
pub(crate) const LANES: usize = 16;

/// The biases of a layer over a block.
pub(super) fn bias(biases: &[f32]) -> Bias {
    layers::bias(biases, COLUMNS)
}

/// A matrix of rows of `inputs` numbers.
pub(super) fn rows(data: &[f32], inputs: usize) -> Matrix {
    Matrix { data: data.as_ptr(), row: inputs, inner: 1 }
}

/// A matrix whose rows are the columns of `data`, which has rows of `inputs` numbers.
pub(super) fn transposed(data: &[f32], inputs: usize) -> Matrix {
    Matrix { data: data.as_ptr(), row: 1, inner: inputs }
}

/// Multiplies sums by the factors that lie where they go.
#[derive(Clone, Copy)]
pub(super) struct InPlace(pub *const f32);

impl<V: Lanes> Epilogue<V> for InPlace {
    #[inline(always)]
    unsafe fn apply(self, at: usize, sum: V) -> V {
        // SAFETY: the caller's contract.
        unsafe { sum.mul(V::load(self.0.add(at))) }
    }
}

/// Adds `Σ_p d[j][p] · x[i][p]`, in lanes, to the slopes of `outputs × inputs` weights and `Σ_p d[j][p]` to
/// those of the biases, which follow.
///
/// # Safety
/// V's instructions are present; `d` holds `outputs × COLUMNS`, `x` `inputs × COLUMNS` and `slopes` `outputs
/// × (inputs + 1) × LANES` numbers.
#[inline(always)]
pub(super) unsafe fn outer<V: Lanes>(
    (outputs, inputs): (usize, usize),
    d: *const f32,
    x: *const f32,
    slopes: *mut f32,
) {
    // SAFETY: rows below `outputs` and `inputs` by the caller's contract.
    unsafe {
        let mut j = 0;
        while j < outputs {
            let (d, slopes) = (d.add(j * COLUMNS), slopes.add(j * inputs * LANES));
            let rows = (outputs - j).min(4);
            match rows {
                4 => outer_rows::<V, 4>(inputs, d, x, slopes),
                3 => outer_rows::<V, 3>(inputs, d, x, slopes),
                2 => outer_rows::<V, 2>(inputs, d, x, slopes),
                _ => outer_rows::<V, 1>(inputs, d, x, slopes),
            }
            j += rows;
        }
        let biases = slopes.add(outputs * inputs * LANES);
        for j in 0..outputs {
            let mut sum = V::load(biases.add(j * LANES));
            for p in (0..COLUMNS).step_by(V::N) {
                sum = sum.add(V::load(d.add(j * COLUMNS + p)));
            }
            sum.store(biases.add(j * LANES));
        }
    }
}

/// `R` rows of the weights of [`outer`].
#[inline(always)]
unsafe fn outer_rows<V: Lanes, const R: usize>(
    inputs: usize,
    d: *const f32,
    x: *const f32,
    slopes: *mut f32,
) {
    let mut i = 0;
    // SAFETY: inputs i … i + columns.
    unsafe {
        while i < inputs {
            let (x, slopes) = (x.add(i * COLUMNS), slopes.add(i * LANES));
            let columns = (inputs - i).min(4);
            match columns {
                4 => products::<V, R, 4>(inputs, d, x, slopes),
                3 => products::<V, R, 3>(inputs, d, x, slopes),
                2 => products::<V, R, 2>(inputs, d, x, slopes),
                _ => products::<V, R, 1>(inputs, d, x, slopes),
            }
            i += columns;
        }
    }
}

/// `R × I` weights of [`outer`].
#[inline(always)]
unsafe fn products<V: Lanes, const R: usize, const I: usize>(
    inputs: usize,
    d: *const f32,
    x: *const f32,
    slopes: *mut f32,
) {
    // SAFETY: the caller's rows are `COLUMNS` long, a multiple of the number of lanes.
    unsafe {
        let at = |r: usize, i: usize| (r * inputs + i) * LANES;
        let mut sums = [[V::splat(0.0); I]; R];
        for (r, row) in sums.iter_mut().enumerate() {
            for (i, sum) in row.iter_mut().enumerate() {
                *sum = V::load(slopes.add(at(r, i)));
            }
        }
        for p in (0..COLUMNS).step_by(V::N) {
            let mut inputs = [V::splat(0.0); I];
            for (i, input) in inputs.iter_mut().enumerate() {
                *input = V::load(x.add(i * COLUMNS + p));
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let slope = V::load(d.add(r * COLUMNS + p));
                for (sum, &input) in row.iter_mut().zip(&inputs) {
                    *sum = slope.fma(input, *sum);
                }
            }
        }
        for (r, row) in sums.into_iter().enumerate() {
            for (i, sum) in row.into_iter().enumerate() {
                sum.store(slopes.add(at(r, i)));
            }
        }
    }
}
