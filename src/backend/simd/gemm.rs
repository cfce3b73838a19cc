//! The two matrix products of the network over one block of points.
//!
//! Points lie along the lanes and features along the rows, so a width that is not a multiple of the lane
//! count wastes nothing, and a dot product over features is never divided among lanes: each lane runs the
//! specification's loop.

#![allow(unsafe_code)]

use super::lanes::Lanes;

/// A matrix read one number at a time: element `(r, k)` is at `r · row + k · inner`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    pub data: *const f32,
    pub row: usize,
    pub inner: usize,
}

/// Initial values of the sums of a product: one number per row in the first `columns` columns, 0 in the
/// others.
#[derive(Clone, Copy)]
pub(crate) struct Bias {
    pub data: *const f32,
    pub columns: usize,
}

impl Bias {
    /// Every sum starts at 0.
    pub const NONE: Bias = Bias { data: std::ptr::null(), columns: 0 };
}

/// An operation on the sums of a product while they are in registers, before they are stored to `c`.
pub(crate) trait Epilogue<V>: Copy {
    /// The numbers to store at `c[at]` and the following lanes for the sums `sum`.
    ///
    /// # Safety
    /// V's instructions are present, and the memory that the implementation points to is as long as `c`.
    unsafe fn apply(self, at: usize, sum: V) -> V;
}

/// Stores the sums unchanged.
#[derive(Clone, Copy)]
pub(crate) struct Identity;

impl<V> Epilogue<V> for Identity {
    #[inline(always)]
    unsafe fn apply(self, _: usize, sum: V) -> V {
        sum
    }
}

/// `c[r] = epilogue(bias[r] + Σ_k a[r, k] · b[k])` for `r < rows`, where `b[k]` and `c[r]` are rows of
/// `columns` points. The sum starts at the bias and runs over ascending `k`, one fused multiply-add each.
///
/// # Safety
/// V's instructions are present; `columns` and `bias.columns` are multiples of `C · V::N`; `a` holds `rows ×
/// inner`, `b` `inner × columns`, `c` `rows × columns` numbers, `bias` `rows` if it has columns; `c` overlaps
/// none of them; and the contract of [`Epilogue::apply`] holds.
#[inline(always)]
pub(crate) unsafe fn product<V: Lanes, const C: usize>(
    (rows, inner, columns): (usize, usize, usize),
    a: Matrix,
    b: *const f32,
    bias: Bias,
    epilogue: impl Epilogue<V>,
    c: *mut f32,
) {
    // Blocks of six rows keep 24 accumulators in flight with four columns; the remaining rows are divided
    // evenly, since two blocks of four are faster than one of six and one of two.
    let mut r = 0;
    while r < rows {
        let left = rows - r;
        let take = if left > 6 { left.div_ceil(left.div_ceil(6)) } else { left };
        // SAFETY: rows r..r+take lie within the matrices by the caller's contract.
        unsafe {
            let a = Matrix { data: a.data.add(r * a.row), ..a };
            let bias = if bias.columns == 0 { bias } else { Bias { data: bias.data.add(r), ..bias } };
            let c = (c, r * columns);
            match take {
                1 => rows_of::<V, 1, C>((inner, columns), a, b, bias, epilogue, c),
                2 => rows_of::<V, 2, C>((inner, columns), a, b, bias, epilogue, c),
                3 => rows_of::<V, 3, C>((inner, columns), a, b, bias, epilogue, c),
                4 => rows_of::<V, 4, C>((inner, columns), a, b, bias, epilogue, c),
                5 => rows_of::<V, 5, C>((inner, columns), a, b, bias, epilogue, c),
                _ => rows_of::<V, 6, C>((inner, columns), a, b, bias, epilogue, c),
            }
        }
        r += take;
    }
}

/// `R` rows of [`product`] from element `first` of `c` on, `C` vectors of columns at a time.
#[inline(always)]
unsafe fn rows_of<V: Lanes, const R: usize, const C: usize>(
    (inner, columns): (usize, usize),
    a: Matrix,
    b: *const f32,
    bias: Bias,
    epilogue: impl Epilogue<V>,
    (c, first): (*mut f32, usize),
) {
    let mut column = 0;
    while column < columns {
        // SAFETY: column + C·N ≤ columns since C·N divides it; rows are the caller's contract.
        unsafe {
            let mut sums = [[V::splat(0.0); C]; R];
            if column < bias.columns {
                for (r, row) in sums.iter_mut().enumerate() {
                    *row = [V::splat(*bias.data.add(r)); C];
                }
            }
            for k in 0..inner {
                let points = b.add(k * columns + column);
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
                    let at = first + r * columns + column + n * V::N;
                    epilogue.apply(at, sum).store(c.add(at));
                }
            }
        }
        column += C * V::N;
    }
}

/// `g[j, i] += Σ_p d[j][p] · x[i][p]` over all `columns` and `g_bias[j] += Σ_p d[j][p]` over the first `values` of
/// them.
///
/// # Safety
/// V's instructions are present and N divides both numbers of columns; `d` holds `outputs × columns`, `x` `inputs ×
/// columns`, `g` `outputs × inputs` and `g_bias` `outputs` numbers, none of them overlapping.
#[inline(always)]
pub(crate) unsafe fn outer<V: Lanes, const R: usize>(
    (outputs, inputs): (usize, usize),
    (columns, values): (usize, usize),
    d: *const f32,
    x: *const f32,
    g: *mut f32,
    g_bias: *mut f32,
) {
    // SAFETY: rows below `outputs` and `inputs` by the caller's contract.
    unsafe {
        for j in 0..outputs {
            let row = d.add(j * columns);
            let mut sum = V::load(row);
            let mut p = V::N;
            while p < values {
                sum = sum.add(V::load(row.add(p)));
                p += V::N;
            }
            *g_bias.add(j) += sum.sum();
        }
        for from in (0..inputs).step_by(INPUTS) {
            let part = from..inputs.min(from + INPUTS);
            let mut j = 0;
            while j + R <= outputs {
                let d = d.add(j * columns);
                outer_rows::<V, R>(inputs, part.clone(), columns, d, x, g.add(j * inputs));
                j += R;
            }
            while j < outputs {
                let d = d.add(j * columns);
                outer_rows::<V, 1>(inputs, part.clone(), columns, d, x, g.add(j * inputs));
                j += 1;
            }
        }
    }
}

/// Inputs whose points stay in the first level of cache while all rows of a weight gradient are computed.
const INPUTS: usize = 32;

/// `R` rows of [`outer`], `part` of its inputs.
#[inline(always)]
unsafe fn outer_rows<V: Lanes, const R: usize>(
    inputs: usize,
    part: std::ops::Range<usize>,
    columns: usize,
    d: *const f32,
    x: *const f32,
    g: *mut f32,
) {
    let mut i = part.start;
    // SAFETY: i + 4 ≤ part.end, or the remaining inputs one by one.
    unsafe {
        while i + 4 <= part.end {
            let sums = dots::<V, R, 4>(columns, d, x.add(i * columns));
            for (r, row) in sums.into_iter().enumerate() {
                V::add_sums(row, g.add(r * inputs + i));
            }
            i += 4;
        }
        while i < part.end {
            for (r, [sum]) in dots::<V, R, 1>(columns, d, x.add(i * columns)).into_iter().enumerate() {
                *g.add(r * inputs + i) += sum.sum();
            }
            i += 1;
        }
    }
}

/// Lane-wise partial sums of `R × C` dot products of rows of `columns` numbers.
#[inline(always)]
unsafe fn dots<V: Lanes, const R: usize, const C: usize>(
    columns: usize,
    d: *const f32,
    x: *const f32,
) -> [[V; C]; R] {
    // SAFETY: the caller's rows are as long and N divides their length.
    unsafe {
        let mut sums = [[V::splat(0.0); C]; R];
        let mut p = 0;
        while p < columns {
            let points: [V; C] = std::array::from_fn(|i| V::load(x.add(i * columns + p)));
            for (r, row) in sums.iter_mut().enumerate() {
                let value = V::load(d.add(r * columns + p));
                for (sum, &column) in row.iter_mut().zip(&points) {
                    *sum = value.fma(column, *sum);
                }
            }
            p += V::N;
        }
        sums
    }
}

/// Newton–Schulz iterations of [`orthogonalize`].
pub(crate) const ITERATIONS: usize = 2;
/// Coefficients of the Newton–Schulz iterations (Jordan et al. 2024).
pub(crate) const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Newton–Schulz iterations `X ← aX + (bA + cA²)X`, `A = XXᵀ`, after scaling to unit Frobenius norm.
///
/// # Safety
/// V's instructions are present; `m` and the scratch buffers hold `n × stride` numbers, the columns from `n`
/// on zero.
#[inline(always)]
pub(crate) unsafe fn orthogonalize<V: Lanes>(
    n: usize,
    stride: usize,
    m: &mut [f32],
    scratch: &mut [Vec<f32>; 3],
) {
    let [a, b, c] = NEWTON_SCHULZ;
    // In binary64: the squares of small gradients vanish in binary32, and the iteration diverges on an
    // unscaled matrix.
    let norm = m.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let inverse = 1.0 / norm.max(f64::MIN_POSITIVE);
    m.iter_mut().for_each(|x| *x = (f64::from(*x) * inverse) as f32);
    let [transposed, square, polynomial] = scratch;
    for _ in 0..ITERATIONS {
        for r in 0..n {
            for k in 0..n {
                transposed[k * stride + r] = m[r * stride + k];
            }
        }
        let rows = |data: &[f32]| Matrix { data: data.as_ptr(), row: stride, inner: 1 };
        // SAFETY: all buffers hold n × stride numbers and N divides 16, which divides the stride.
        unsafe {
            product::<V, 1>(
                (n, n, stride),
                rows(m),
                transposed.as_ptr(),
                Bias::NONE,
                Identity,
                square.as_mut_ptr(),
            );
            product::<V, 1>(
                (n, n, stride),
                rows(square),
                square.as_ptr(),
                Bias::NONE,
                Identity,
                polynomial.as_mut_ptr(),
            );
            for (p, s) in polynomial.iter_mut().zip(square.iter()) {
                *p = b * s + c * *p;
            }
            product::<V, 1>(
                (n, n, stride),
                rows(polynomial),
                m.as_ptr(),
                Bias::NONE,
                Identity,
                square.as_mut_ptr(),
            );
        }
        for (x, s) in m.iter_mut().zip(square.iter()) {
            *x = a * *x + s;
        }
    }
}
