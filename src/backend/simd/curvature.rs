//! The Gauss–Newton matrix of one layer, `Σ_r ∂r/∂w ∂r/∂w'` over the residuals `r`: the joint cost of errors
//! of its parameters.
//!
//! The weight of output `a` from input `i` has `∂r/∂w = J_a · x_i`, where `J_a` is the slope by the output's
//! phase. So entries of the matrix are sums over points of `J_a J_b · x_i x_j`, and those of all pairs of
//! outputs and all pairs of inputs are one outer product, with a quarter of the multiply-adds of products of
//! the derivatives themselves.

#![allow(unsafe_code)]

use super::fused::{Times, forward_and_slopes};
use super::gemm::{Bias, Matrix, outer, product};
use super::lanes::Lanes;
use super::pass::{Pass, length, rows, weights};
use super::{BLOCK, Batch};

/// The requested entries of the matrix.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Pairs of outputs, whose entries are summed within a group.
    pub outputs: Vec<Vec<(usize, usize)>>,
    /// Pairs of inputs; the index after the last input is the bias.
    pub inputs: Vec<(usize, usize)>,
}

/// Adds the entries to `matrix`, `entries.outputs × entries.inputs`, for the layer `batch.first_layer`.
/// Targets are not read.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(crate) unsafe fn curvature<V: Lanes, const C: usize, const R: usize>(
    mut pass: Pass<'_>,
    batch: Batch<'_>,
    entries: &Entries,
    matrix: &mut [f32],
) {
    let (shape, parameters) = (pass.shape, pass.parameters);
    let Batch { weights: point_weights, first_layer, paired, .. } = batch;
    let requested = shape.layers().nth(first_layer).expect("a layer of the network");
    assert_eq!(parameters.len(), shape.parameters());
    assert_eq!(point_weights.len(), length(&[pass.blocks(), BLOCK]));
    assert_eq!(matrix.len(), length(&[entries.outputs.len(), entries.inputs.len()]));
    pass.workspace.reserve(shape, true);
    let rows = rows(shape);
    let one = [1f32; BLOCK];
    let buffer = |rows: usize| vec![0f32; length(&[rows, BLOCK])];
    let (mut energies, mut products) = (buffer(entries.outputs.len()), buffer(entries.inputs.len()));
    let (mut cross, mut cross_products) =
        if paired { (energies.clone(), products.clone()) } else { (vec![], vec![]) };
    let mut sums = vec![0f32; entries.outputs.len()];
    let seeds: &[Seed] = if paired { &[Seed::Sum, Seed::Difference] } else { &[Seed::Value] };
    for (block, point_weights) in point_weights.chunks_exact(BLOCK).enumerate() {
        // SAFETY: the lengths are asserted above, and the workspace is reserved for this shape.
        let coordinates = unsafe { forward_and_slopes::<V, C>(&mut pass, block) };
        energies.fill(0.0);
        cross.fill(0.0);
        for (channel, seed) in (0..shape.outputs).flat_map(|c| seeds.iter().map(move |seed| (c, seed))) {
            // In the output layer the slope is the seed for the channel's own phase, and 0 for the others.
            let [delta, next] = &mut pass.workspace.deltas;
            delta[..shape.outputs * BLOCK].fill(0.0);
            delta[channel * BLOCK..][..BLOCK]
                .iter_mut()
                .enumerate()
                .for_each(|(p, slope)| *slope = seed.of(point_weights, p));
            let (mut delta, mut next) = (delta.as_mut_ptr(), next.as_mut_ptr());
            for (l, layer) in shape.layers().enumerate().skip(first_layer + 1).rev() {
                let (matrix, _) = weights(&layer, parameters);
                let transposed = Matrix { row: matrix.inner, inner: matrix.row, ..matrix };
                // SAFETY: both buffers hold the rows of any layer; slopes those of all hidden ones.
                unsafe {
                    let times = Times { factors: pass.workspace.slopes.as_ptr().add((l - 1) * rows) };
                    product::<V, C>(
                        (layer.inputs, layer.outputs, BLOCK),
                        transposed,
                        delta,
                        Bias::NONE,
                        times,
                        next,
                    );
                }
                std::mem::swap(&mut delta, &mut next);
            }
            // SAFETY: the rows of the layer's outputs, written above.
            let slopes = unsafe { std::slice::from_raw_parts(delta.cast_const(), requested.outputs * BLOCK) };
            for (n, group) in entries.outputs.iter().enumerate() {
                for &(a, b) in group {
                    let [a, b] = [a, b].map(|row| block_of(slopes, row));
                    multiply(a, b, &mut energies[n * BLOCK..], true);
                    if paired {
                        multiply_partners(a, b, &mut cross[n * BLOCK..], true);
                    }
                }
            }
        }
        let inputs: &[f32] = match first_layer {
            // SAFETY: `forward_and_slopes` returned the coordinates of the block.
            0 => unsafe { std::slice::from_raw_parts(coordinates, shape.inputs * BLOCK) },
            l => &pass.workspace.activations[(l - 1) * rows..][..requested.inputs * BLOCK],
        };
        for (n, &(i, j)) in entries.inputs.iter().enumerate() {
            let [i, j] = [i, j].map(|row| if row == requested.inputs { &one } else { block_of(inputs, row) });
            multiply(i, j, &mut products[n * BLOCK..], false);
            if paired {
                multiply_partners(i, j, &mut cross_products[n * BLOCK..], false);
            }
        }
        let size = (entries.outputs.len(), entries.inputs.len());
        // SAFETY: the buffers hold `size` rows of a block, `matrix` as many numbers.
        unsafe {
            let (g, sums) = (matrix.as_mut_ptr(), sums.as_mut_ptr());
            outer::<V, R>(size, (BLOCK, BLOCK), energies.as_ptr(), products.as_ptr(), g, sums);
            if paired {
                outer::<V, R>(size, (BLOCK, BLOCK), cross.as_ptr(), cross_products.as_ptr(), g, sums);
            }
        }
    }
}

/// Row `row` of `rows`. Checked, since anyone can set the entries, and a wrapped offset would be another row.
fn block_of(rows: &[f32], row: usize) -> &[f32; BLOCK] {
    let (rows, _) = rows.as_chunks();
    rows.get(row).unwrap_or_else(|| panic!("entry of row {row}, expected one below {}", rows.len()))
}

/// `out = a · b`, or `out += a · b`, point by point.
#[inline(always)]
fn multiply(a: &[f32; BLOCK], b: &[f32; BLOCK], out: &mut [f32], add: bool) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = if add { *out + a * b } else { a * b };
    }
}

/// `out = a · b'`, or `out += a · b'`, where `b'` is `b` at the other point of each pair.
#[inline(always)]
fn multiply_partners(a: &[f32; BLOCK], b: &[f32; BLOCK], out: &mut [f32], add: bool) {
    let (first, second) = b.split_at(BLOCK / 2);
    for ((out, a), b) in out.iter_mut().zip(a).zip(second.iter().chain(first)) {
        *out = if add { *out + a * b } else { a * b };
    }
}

/// The residual to differentiate: a value, or the sum or the difference of the values of a pair.
#[derive(Clone, Copy)]
enum Seed {
    Value,
    Sum,
    Difference,
}

impl Seed {
    /// The derivative of the residual by the value at point `p`: the root of its weight, with the sign of the
    /// value in it.
    fn of(self, weights: &[f32], p: usize) -> f32 {
        let (partner, second) = (p ^ (BLOCK / 2), p >= BLOCK / 2);
        match self {
            Seed::Value => weights[p].sqrt(),
            Seed::Sum => weights[if second { partner } else { p }].sqrt(),
            Seed::Difference if second => -weights[p].sqrt(),
            Seed::Difference => weights[partner].sqrt(),
        }
    }
}
