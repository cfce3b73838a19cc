//! The arguments of a pass over blocks of points, and its scratch memory.

use super::BLOCK;
use super::gemm::{Bias, Matrix};
use crate::error::Result;
use crate::limits::try_grow;
use crate::network::{Jet, LayerShape, Shape};

/// Points of a jet at a time: all components of two layers of ordinary width stay in the first level of
/// cache.
pub(super) const JET_POINTS: usize = 32;

/// Scratch memory for one thread: activations, their slopes and the backward pass of one block.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Activations of each hidden layer, `layers × width × BLOCK`. The forward pass alone uses two layers in
    /// turn, and a jet two of its own size.
    pub(super) activations: Vec<f32>,
    /// `2π·cos` of each hidden layer's phase.
    pub(super) slopes: Vec<f32>,
    /// Gradients at the phases of the current and the next layer.
    pub(super) deltas: [Vec<f32>; 2],
}

impl Workspace {
    /// Allocates the memory for jets of networks of `shape`, if the system has it, so that computing them
    /// allocates nothing.
    pub(crate) fn make_room(&mut self, shape: Shape, jet: Jet) -> Result<()> {
        let length = match jet {
            Jet::Value => activations(shape, shape.layers.min(2)),
            _ => jet_activations(shape, jet),
        };
        try_grow(&mut self.activations, length, 0.0)
    }
    pub(super) fn reserve(&mut self, shape: Shape, train: bool) {
        let length = activations(shape, if train { shape.layers } else { shape.layers.min(2) });
        grow(&mut self.activations, length);
        if train {
            grow(&mut self.slopes, length);
            self.deltas.iter_mut().for_each(|d| grow(d, rows(shape)));
        }
    }
}

/// The product of `sizes`, as the length of a buffer. Checked, since a wrapped product would accept or
/// allocate a buffer that is too small.
///
/// # Panics
/// If the product overflows.
pub(super) fn length(sizes: &[usize]) -> usize {
    let product = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    product.unwrap_or_else(|| panic!("{sizes:?} numbers, expected as many as fit in memory"))
}

/// Numbers of the activations of `layers` layers over a block.
fn activations(shape: Shape, layers: usize) -> usize {
    length(&[layers, rows(shape)])
}

/// Numbers of the components of two layers of a jet.
pub(super) fn jet_activations(shape: Shape, jet: Jet) -> usize {
    length(&[shape.width.max(shape.outputs), jet.components(shape.inputs), JET_POINTS, 2])
}

#[cfg(test)]
impl Workspace {
    /// Overwrites everything left by an earlier pass with NaN.
    pub(super) fn poison(&mut self) {
        let Workspace { activations, slopes, deltas: [delta, next] } = self;
        [activations, slopes, delta, next].into_iter().for_each(|buffer| buffer.fill(f32::NAN));
    }
}

/// Numbers of one layer's activations over a block.
pub(super) fn rows(shape: Shape) -> usize {
    length(&[shape.width.max(shape.outputs), BLOCK])
}

/// Extends `buffer` to at least `length`.
pub(super) fn grow(buffer: &mut Vec<f32>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
}

/// Numbers of a cache line, which are those of the longest vector.
const LINE: usize = 16;

/// Extends `buffer` to at least `length` numbers from the start of a cache line on, and returns where they begin: a vector that
/// crosses lines takes two loads.
pub(super) fn aligned(buffer: &mut Vec<f32>, length: usize) -> *mut f32 {
    grow(buffer, length.saturating_add(LINE));
    let start = buffer.as_mut_ptr();
    start.wrapping_add(start.align_offset(LINE * size_of::<f32>()).min(LINE))
}

/// The arguments of a pass: slices of whole blocks, rows of [`BLOCK`] points.
pub(crate) struct Pass<'a> {
    pub shape: Shape,
    pub parameters: &'a [f32],
    /// `inputs × BLOCK` numbers per block.
    pub coordinates: &'a [f32],
    pub workspace: &'a mut Workspace,
}

impl Pass<'_> {
    pub(super) fn blocks(&self) -> usize {
        let block = length(&[self.shape.inputs, BLOCK]);
        assert!(
            self.coordinates.len().is_multiple_of(block),
            "{} coordinates, expected whole blocks of {block}",
            self.coordinates.len()
        );
        self.coordinates.len() / block
    }
}

/// Weights of `layer` as rows of outputs. The lengths are asserted, since anyone can set the fields of a
/// shape, and the sizes of an absurd one may wrap around to small numbers.
pub(super) fn weights(layer: &LayerShape, parameters: &[f32]) -> (Matrix, Bias) {
    let (weights, biases) = layer.split(parameters);
    assert_eq!(layer.inputs.checked_mul(layer.outputs), Some(weights.len()));
    assert_eq!(layer.outputs, biases.len());
    (
        Matrix { data: weights.as_ptr(), row: layer.inputs, inner: 1 },
        Bias { data: biases.as_ptr(), columns: BLOCK },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "expected as many as fit in memory")]
    fn a_length_that_would_wrap_around_is_refused() {
        // Also 32-bit machines count these points in one number, but not their components.
        length(&[usize::MAX / BLOCK, BLOCK, 2]);
    }
}
