//! The two matrix products of the network over one block of points.
//!
//! Points lie along the lanes and features along the rows, so a width that is no multiple of the lane count wastes
//! nothing, and a dot product over features is never split across lanes: each lane runs the specification's loop.

#![allow(unsafe_code)]

use super::BLOCK;
use super::lanes::Lanes;

/// A matrix read one number at a time: element `(r, k)` is at `r · row + k · inner`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    pub data: *const f32,
    pub row: usize,
    pub inner: usize,
}

/// `c[r] = bias[r] + Σ_k a[r, k] · b[k]` for `r < rows`, where `b[k]` and `c[r]` are rows of [`BLOCK`] points.
/// The sum starts at the bias (0 if null) and runs over ascending `k`, one fused multiply-add each.
///
/// # Safety
/// V's instructions are present; `a` holds `rows × inner`, `b` `inner × BLOCK`, `c` `rows × BLOCK` numbers, `bias`
/// is null or holds `rows`; `c` overlaps none of them.
#[inline(always)]
pub(crate) unsafe fn product<V: Lanes, const C: usize>(
    (rows, inner): (usize, usize),
    a: Matrix,
    b: *const f32,
    bias: *const f32,
    c: *mut f32,
) {
    // Blocks of six rows keep 24 accumulators in flight with four columns; the rest is spread evenly, since two
    // blocks of four run faster than one of six and one of two.
    let mut r = 0;
    while r < rows {
        let left = rows - r;
        let take = if left > 6 { left.div_ceil(left.div_ceil(6)) } else { left };
        // SAFETY: rows r..r+take lie within the matrices by the caller's contract.
        unsafe {
            let a = Matrix { data: a.data.add(r * a.row), ..a };
            let bias = if bias.is_null() { bias } else { bias.add(r) };
            let c = c.add(r * BLOCK);
            match take {
                1 => rows_of::<V, 1, C>(inner, a, b, bias, c),
                2 => rows_of::<V, 2, C>(inner, a, b, bias, c),
                3 => rows_of::<V, 3, C>(inner, a, b, bias, c),
                4 => rows_of::<V, 4, C>(inner, a, b, bias, c),
                5 => rows_of::<V, 5, C>(inner, a, b, bias, c),
                _ => rows_of::<V, 6, C>(inner, a, b, bias, c),
            }
        }
        r += take;
    }
}

/// `R` rows of [`product`], `C` vectors of columns at a time.
#[inline(always)]
unsafe fn rows_of<V: Lanes, const R: usize, const C: usize>(
    inner: usize,
    a: Matrix,
    b: *const f32,
    bias: *const f32,
    c: *mut f32,
) {
    let mut column = 0;
    while column < BLOCK {
        // SAFETY: column + C·N ≤ BLOCK since C·N divides BLOCK; rows are the caller's contract.
        unsafe {
            let mut sums = [[V::splat(0.0); C]; R];
            if !bias.is_null() {
                for (r, row) in sums.iter_mut().enumerate() {
                    *row = [V::splat(*bias.add(r)); C];
                }
            }
            for k in 0..inner {
                let points = b.add(k * BLOCK + column);
                let points: [V; C] = std::array::from_fn(|n| V::load(points.add(n * V::N)));
                for (r, row) in sums.iter_mut().enumerate() {
                    let weight = V::splat(*a.data.add(r * a.row + k * a.inner));
                    for (sum, &x) in row.iter_mut().zip(&points) {
                        *sum = weight.fma(x, *sum);
                    }
                }
            }
            for (r, row) in sums.into_iter().enumerate() {
                for (n, sum) in row.into_iter().enumerate() {
                    sum.store(c.add(r * BLOCK + column + n * V::N));
                }
            }
        }
        column += C * V::N;
    }
}

/// `g[j, i] += Σ_p d[j][p] · x[i][p]` and `g_bias[j] += Σ_p d[j][p]` over the points `p` of a block.
///
/// # Safety
/// V's instructions are present; `d` holds `outputs × BLOCK`, `x` `inputs × BLOCK`, `g` `outputs × inputs` and
/// `g_bias` `outputs` numbers, none of them overlapping.
#[inline(always)]
pub(crate) unsafe fn outer<V: Lanes, const R: usize>(
    (outputs, inputs): (usize, usize),
    d: *const f32,
    x: *const f32,
    g: *mut f32,
    g_bias: *mut f32,
) {
    // SAFETY: rows below `outputs` and `inputs` by the caller's contract.
    unsafe {
        for j in 0..outputs {
            let row = d.add(j * BLOCK);
            let mut sum = V::load(row);
            let mut p = V::N;
            while p < BLOCK {
                sum = sum.add(V::load(row.add(p)));
                p += V::N;
            }
            *g_bias.add(j) += sum.sum();
        }
        let mut j = 0;
        while j + R <= outputs {
            outer_rows::<V, R>(inputs, d.add(j * BLOCK), x, g.add(j * inputs));
            j += R;
        }
        while j < outputs {
            outer_rows::<V, 1>(inputs, d.add(j * BLOCK), x, g.add(j * inputs));
            j += 1;
        }
    }
}

/// `R` rows of [`outer`].
#[inline(always)]
unsafe fn outer_rows<V: Lanes, const R: usize>(inputs: usize, d: *const f32, x: *const f32, g: *mut f32) {
    let mut i = 0;
    // SAFETY: i + 4 ≤ inputs, or the remaining columns one by one.
    unsafe {
        while i + 4 <= inputs {
            let sums = dots::<V, R, 4>(d, x.add(i * BLOCK));
            for (r, row) in sums.into_iter().enumerate() {
                V::add_sums(row, g.add(r * inputs + i));
            }
            i += 4;
        }
        while i < inputs {
            let sums = dots::<V, R, 1>(d, x.add(i * BLOCK));
            for (r, [sum]) in sums.into_iter().enumerate() {
                *g.add(r * inputs + i) += sum.sum();
            }
            i += 1;
        }
    }
}

/// Lane-wise partial sums of `R × C` dot products over a block.
#[inline(always)]
unsafe fn dots<V: Lanes, const R: usize, const C: usize>(d: *const f32, x: *const f32) -> [[V; C]; R] {
    // SAFETY: the caller's rows are BLOCK long and N divides BLOCK.
    unsafe {
        let mut sums = [[V::splat(0.0); C]; R];
        let mut p = 0;
        while p < BLOCK {
            let columns: [V; C] = std::array::from_fn(|i| V::load(x.add(i * BLOCK + p)));
            for (r, row) in sums.iter_mut().enumerate() {
                let value = V::load(d.add(r * BLOCK + p));
                for (sum, &column) in row.iter_mut().zip(&columns) {
                    *sum = value.fma(column, *sum);
                }
            }
            p += V::N;
        }
        sums
    }
}
