//! The network: a multilayer perceptron with sine activations whose phase is in turns. Pure arithmetic, no
//! files.
//!
//! Layer by layer `t = W·h + b`, `h' = sin(2πt)`; the last layer is linear. This module is the specification
//! as loops, defined to the last bit; the fast backends give the same bits.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod jet;
mod shape;
pub mod sine;

pub use jet::Jet;
pub use shape::{LayerShape, Shape};

/// A network: a shape and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    shape: Shape,
    parameters: Vec<f32>,
}

impl Network {
    /// A network of `shape` with all parameters 0.
    pub fn zeros(shape: Shape) -> Self {
        Network { parameters: vec![0.0; shape.parameters()], shape }
    }
    /// A network from its parameters: layer by layer, weights row by row (one row per output), then biases.
    ///
    /// # Panics
    /// If the number of parameters is not `shape.parameters()`.
    pub fn from_parameters(shape: Shape, parameters: Vec<f32>) -> Self {
        assert_eq!(parameters.len(), shape.parameters(), "parameters of {shape:?}");
        Network { shape, parameters }
    }
    /// The shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }
    /// All parameters in file order.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }
    /// All parameters in file order, mutable.
    pub fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }
    /// The value at one point, by the loops of the specification: from `inputs` coordinates to `outputs`
    /// values.
    ///
    /// Accumulators start at the bias and run over the inputs in ascending order, one fused multiply-add
    /// each.
    ///
    /// # Panics
    /// If the number of coordinates is not `inputs`.
    pub fn evaluate(&self, coordinates: &[f32]) -> Vec<f32> {
        assert_eq!(coordinates.len(), self.shape.inputs, "coordinates of {:?}", self.shape);
        let mut h = coordinates.to_vec();
        for layer in self.shape.layers() {
            let (weights, biases) = layer.split(&self.parameters);
            let mut next: Vec<f32> = biases.to_vec();
            for (t, row) in next.iter_mut().zip(weights.chunks_exact(layer.inputs)) {
                for (&w, &x) in row.iter().zip(&h) {
                    *t = w.mul_add(x, *t);
                }
                if !layer.last {
                    *t = sine::sine(*t);
                }
            }
            h = next;
        }
        h
    }
}
