//! The Gauss–Newton matrix of one layer, `Σ_r ∂r/∂w ∂r/∂w'` over the residuals `r`: the joint cost of errors
//! of its parameters.
//!
//! The weight of output `a` from input `i` has `∂r/∂w = J_a · x_i`, where `J_a` is the slope by the output's
//! phase. So entries of the matrix are sums over points of `J_a J_b · x_i x_j`, and those of all pairs of
//! outputs and all pairs of inputs are one outer product, with a quarter of the multiply-adds of products of
//! the derivatives themselves.

#![allow(unsafe_code)]

use super::fused::{below, forward_and_slopes};
use super::gemm::outer;
use super::lanes::Lanes;
use super::pass::{Pass, Workspace, length, rows};
use super::{BLOCK, Batch};
use crate::network::LayerShape;

/// The requested entries of the matrix.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Pairs of outputs, whose entries are summed within a group.
    pub outputs: Vec<Vec<(usize, usize)>>,
    /// Pairs of inputs; the index after the last input is the bias.
    pub inputs: Vec<(usize, usize)>,
}

/// Products of pairs of rows of a block, the second row `lag` points further on, around its end.
struct Products {
    lag: usize,
    /// Of the slopes by pairs of outputs, summed over residuals and within a group.
    outputs: Vec<f32>,
    /// Of pairs of inputs.
    inputs: Vec<f32>,
}

impl Products {
    fn new(lag: usize, entries: &Entries) -> Self {
        let [outputs, inputs] = [entries.outputs.len(), entries.inputs.len()];
        let buffer = |rows: usize| vec![0f32; length(&[rows, BLOCK])];
        Products { lag, outputs: buffer(outputs), inputs: buffer(inputs) }
    }

    /// Adds those of the `slopes` of a residual by the outputs.
    #[inline(always)]
    fn add_outputs(&mut self, entries: &Entries, slopes: &[f32]) {
        for (group, sums) in entries.outputs.iter().zip(self.outputs.chunks_exact_mut(BLOCK)) {
            for &(a, b) in group {
                let [a, b] = [a, b].map(|row| block_of(slopes, row));
                each(a, b, self.lag, sums, |sum, product| sum + product);
            }
        }
    }

    /// Sets those of `inputs`; one more is 1, of the bias.
    #[inline(always)]
    fn set_inputs(&mut self, entries: &Entries, inputs: &[f32]) {
        let bias = inputs.len() / BLOCK;
        let row = |row: usize| if row == bias { &[1.0; BLOCK] } else { block_of(inputs, row) };
        for (&(i, j), products) in entries.inputs.iter().zip(self.inputs.chunks_exact_mut(BLOCK)) {
            each(row(i), row(j), self.lag, products, |_, product| product);
        }
    }
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
    let Batch { weights, first_layer, residuals, .. } = batch;
    let (shape, size) = (pass.shape, (entries.outputs.len(), entries.inputs.len()));
    let requested = shape.layers().nth(first_layer).expect("a layer of the network");
    assert_eq!(pass.parameters.len(), shape.parameters());
    assert_eq!(weights.len(), length(&[pass.blocks(), BLOCK]));
    assert_eq!(matrix.len(), length(&[size.0, size.1]));
    pass.workspace.reserve(shape, true);
    let mut products: Vec<Products> = residuals.lags().map(|lag| Products::new(lag, entries)).collect();
    let mut sums = vec![0f32; size.0];
    for (block, weights) in weights.chunks_exact(BLOCK).enumerate() {
        // SAFETY: the lengths are asserted above, and the workspace is reserved for this shape.
        let coordinates = unsafe { forward_and_slopes::<V, C>(&mut pass, block) };
        products.iter_mut().for_each(|products| products.outputs.fill(0.0));
        for (channel, number) in (0..shape.outputs).flat_map(|c| (0..residuals.points()).map(move |n| (c, n)))
        {
            // In the output layer the slope is the seed for the channel's own phase, and 0 for the others.
            let seeds = &mut pass.workspace.deltas[0][..shape.outputs * BLOCK];
            seeds.fill(0.0);
            residuals.seed(number, weights, &mut seeds[channel * BLOCK..][..BLOCK]);
            // SAFETY: the block's forward pass is in the workspace.
            let slopes = unsafe { slopes_of::<V, C>(&mut pass, &requested, first_layer) };
            products.iter_mut().for_each(|products| products.add_outputs(entries, slopes));
        }
        let inputs: &[f32] = match first_layer {
            // SAFETY: `forward_and_slopes` returned the coordinates of the block.
            0 => unsafe { std::slice::from_raw_parts(coordinates, shape.inputs * BLOCK) },
            l => &pass.workspace.activations[(l - 1) * rows(shape)..][..requested.inputs * BLOCK],
        };
        for products in &mut products {
            products.set_inputs(entries, inputs);
            let (a, b) = (products.outputs.as_ptr(), products.inputs.as_ptr());
            // SAFETY: the products hold `size` rows of a block, `matrix` as many numbers.
            unsafe { outer::<V, R>(size, (BLOCK, BLOCK), a, b, matrix.as_mut_ptr(), sums.as_mut_ptr()) };
        }
    }
}

/// The derivatives by the phases of layer `l`, `layer`, from those by the phases of the last one, which are in the first
/// of the workspace's deltas.
///
/// # Safety
/// V's instructions are present; the workspace holds a forward pass.
#[inline(always)]
unsafe fn slopes_of<'a, V: Lanes, const C: usize>(
    pass: &'a mut Pass<'_>,
    layer: &LayerShape,
    l: usize,
) -> &'a [f32] {
    let rows = rows(pass.shape);
    let Workspace { slopes, deltas: [delta, next], .. } = &mut *pass.workspace;
    let (mut delta, mut next) = (delta.as_mut_ptr(), next.as_mut_ptr());
    for (above, layer) in pass.shape.layers().enumerate().skip(l + 1).rev() {
        // SAFETY: both buffers hold the rows of any layer; slopes those of all hidden ones.
        unsafe {
            let slopes = slopes.as_ptr().add((above - 1) * rows);
            below::<V, C>(&layer, pass.parameters, slopes, delta, next);
        }
        std::mem::swap(&mut delta, &mut next);
    }
    // SAFETY: the rows of the layer's outputs, written above.
    unsafe { std::slice::from_raw_parts(delta.cast_const(), layer.outputs * BLOCK) }
}

/// Row `row` of `rows`. Checked, since anyone can set the entries, and a wrapped offset would be another row.
fn block_of(rows: &[f32], row: usize) -> &[f32; BLOCK] {
    let (rows, _) = rows.as_chunks();
    rows.get(row).unwrap_or_else(|| panic!("entry of row {row}, expected one below {}", rows.len()))
}

/// Sets `out` to what `set` makes of it and of `a · b`, point by point, `b` at the point `lag` further.
#[inline(always)]
fn each(a: &[f32; BLOCK], b: &[f32; BLOCK], lag: usize, out: &mut [f32], set: impl Fn(f32, f32) -> f32) {
    let (from_start, from_lag) = b.split_at(lag);
    let (a, wrapped) = a.split_at(BLOCK - lag);
    let (out, out_wrapped) = out.split_at_mut(BLOCK - lag);
    for (out, a, b) in [(out, a, from_lag), (out_wrapped, wrapped, from_start)] {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = set(*out, a * b);
        }
    }
}
