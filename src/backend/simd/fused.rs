//! Forward and backward passes over one block of points at a time: everything between the block's coordinates
//! and its part of the gradient stays in cache.

#![allow(unsafe_code)]

use super::BLOCK;
use super::gemm::{Bias, Epilogue, Identity, Matrix, outer, product};
use super::lanes::{Lanes, sine, sine_and_slope};
use super::pass::{Pass, Workspace, length, rows, weights};
use crate::network::LayerShape;

/// Turns phases into activations.
#[derive(Clone, Copy)]
struct Sine;

impl<V: Lanes> Epilogue<V> for Sine {
    #[inline(always)]
    unsafe fn apply(self, _: usize, phase: V) -> V {
        // SAFETY: the caller's contract.
        unsafe { sine(phase) }
    }
}

/// Turns phases into activations and stores their slopes in `slopes`.
#[derive(Clone, Copy)]
struct SineAndSlope {
    slopes: *mut f32,
}

impl<V: Lanes> Epilogue<V> for SineAndSlope {
    #[inline(always)]
    unsafe fn apply(self, at: usize, phase: V) -> V {
        // SAFETY: the caller's contract.
        unsafe {
            let (activation, slope) = sine_and_slope(phase);
            slope.store(self.slopes.add(at));
            activation
        }
    }
}

/// Multiplies sums by `factors`.
#[derive(Clone, Copy)]
struct Times {
    factors: *const f32,
}

impl<V: Lanes> Epilogue<V> for Times {
    #[inline(always)]
    unsafe fn apply(self, at: usize, sum: V) -> V {
        // SAFETY: the caller's contract.
        unsafe { sum.mul(V::load(self.factors.add(at))) }
    }
}

/// Values of the network: writes `outputs × BLOCK` numbers per block into `values`.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(crate) unsafe fn forward<V: Lanes, const C: usize>(pass: Pass<'_>, values: &mut [f32]) {
    let shape = pass.shape;
    assert_eq!(pass.parameters.len(), shape.parameters());
    assert_eq!(values.len(), length(&[pass.blocks(), shape.outputs, BLOCK]));
    pass.workspace.reserve(shape, false);
    let rows = rows(shape);
    let scratch = pass.workspace.activations.as_mut_ptr();
    for (block, values) in values.chunks_exact_mut(shape.outputs * BLOCK).enumerate() {
        // SAFETY: the layers' slices are checked by `weights`; scratch holds two layers (one if there is only
        // one).
        unsafe {
            let mut input = pass.coordinates.as_ptr().add(block * shape.inputs * BLOCK);
            for (l, layer) in shape.layers().enumerate() {
                let (matrix, biases) = weights(&layer, pass.parameters);
                let output = if layer.last { values.as_mut_ptr() } else { scratch.add((l % 2) * rows) };
                let size = (layer.outputs, layer.inputs, BLOCK);
                if layer.last {
                    product::<V, C>(size, matrix, input, biases, Identity, output);
                } else {
                    product::<V, C>(size, matrix, input, biases, Sine, output);
                }
                input = output;
            }
        }
    }
}

/// The forward pass of one block before a backward pass: stores the activations of all hidden layers and
/// their slopes in the workspace, and the values in the first of its deltas. Returns the coordinates of the
/// block.
///
/// # Safety
/// V's instructions are present; the pass has the block and as many parameters as its shape; the workspace is
/// reserved for training.
#[inline(always)]
pub(super) unsafe fn forward_and_slopes<V: Lanes, const C: usize>(
    pass: &mut Pass<'_>,
    block: usize,
) -> *const f32 {
    let (shape, rows) = (pass.shape, rows(pass.shape));
    let Workspace { activations, slopes, deltas: [values, _] } = &mut *pass.workspace;
    // SAFETY: the caller's contract.
    unsafe {
        let coordinates = pass.coordinates.as_ptr().add(block * shape.inputs * BLOCK);
        let mut input = coordinates;
        for (l, layer) in shape.layers().enumerate() {
            let (matrix, biases) = weights(&layer, pass.parameters);
            let size = (layer.outputs, layer.inputs, BLOCK);
            if layer.last {
                product::<V, C>(size, matrix, input, biases, Identity, values.as_mut_ptr());
            } else {
                let output = activations.as_mut_ptr().add(l * rows);
                let sine = SineAndSlope { slopes: slopes.as_mut_ptr().add(l * rows) };
                product::<V, C>(size, matrix, input, biases, sine, output);
                input = output;
            }
        }
        coordinates
    }
}

/// The derivatives by the phases below `layer`, whose slopes are `slopes`, from those by its own in `delta`.
///
/// # Safety
/// V's instructions are present; the pointers are to as many rows of a block as the layers have neurons.
#[inline(always)]
pub(super) unsafe fn below<V: Lanes, const C: usize>(
    layer: &LayerShape,
    parameters: &[f32],
    slopes: *const f32,
    delta: *const f32,
    out: *mut f32,
) {
    let (matrix, _) = weights(layer, parameters);
    let transposed = Matrix { row: matrix.inner, inner: matrix.row, ..matrix };
    let size = (layer.inputs, layer.outputs, BLOCK);
    // SAFETY: the caller's contract.
    unsafe { product::<V, C>(size, transposed, delta, Bias::NONE, Times { factors: slopes }, out) }
}

/// A loss of the values at points.
pub(super) trait Loss {
    /// The loss of a block. Replaces its values, `outputs × BLOCK`, by the derivatives of the loss by them.
    ///
    /// # Safety
    /// V's instructions are present.
    unsafe fn seed<V: Lanes>(&self, block: usize, values: &mut [f32]) -> f64;
}

/// The loss of all blocks; adds its derivatives by the parameters to `gradient`, from `first_layer` on.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(super) unsafe fn backward<V: Lanes, const C: usize, const R: usize>(
    mut pass: Pass<'_>,
    first_layer: usize,
    loss: &impl Loss,
    gradient: &mut [f32],
) -> f64 {
    let shape = pass.shape;
    assert_eq!(pass.parameters.len(), shape.parameters());
    assert_eq!(gradient.len(), shape.parameters());
    pass.workspace.reserve(shape, true);
    let rows = rows(shape);
    let mut total = 0f64;
    for block in 0..pass.blocks() {
        // SAFETY: every pointer stays within the slices asserted above or the workspace reserved for this
        // shape.
        unsafe {
            let coordinates = forward_and_slopes::<V, C>(&mut pass, block);
            let Workspace { activations, slopes, deltas: [delta, next] } = &mut *pass.workspace;
            total += loss.seed::<V>(block, &mut delta[..shape.outputs * BLOCK]);
            let (mut delta, mut next) = (delta.as_mut_ptr(), next.as_mut_ptr());
            for (l, layer) in shape.layers().enumerate().skip(first_layer).rev() {
                let input = if l == 0 { coordinates } else { activations.as_ptr().add((l - 1) * rows) };
                let g = gradient.as_mut_ptr();
                outer::<V, R>(
                    (layer.outputs, layer.inputs),
                    (BLOCK, BLOCK),
                    delta,
                    input,
                    g.add(layer.weights().start),
                    g.add(layer.biases().start),
                );
                if l > first_layer {
                    let slopes = slopes.as_ptr().add((l - 1) * rows);
                    below::<V, C>(&layer, pass.parameters, slopes, delta, next);
                    std::mem::swap(&mut delta, &mut next);
                }
            }
        }
    }
    total
}
