//! A pyramid of integer grids, each interpolated by cubic B-splines, and a small network of the numbers that
//! they give at a position.
//!
//! `value(p) = N(f₀(p), f₁(p), …)`: feature `fₖ` interpolates the grid whose spacing is `2ᵏ` samples. Splines
//! are twice continuously differentiable and the activations smooth, so the field is too. This module is the
//! specification as loops, defined to the last bit; the fast kernels give the same bits.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

pub mod basis;
mod filter;
mod scales;
mod shape;
mod tensors;
mod usual;

pub use filter::{filter, gain, mirror, taps};
pub use scales::{OCTAVES_OF_ONE, SCALES, SCALES_PER_OCTAVE};
pub use shape::{
    ContextShape, FURTHER, Further, Grid, MAX_COMBINATIONS, MAX_EARLIER, MAX_LATENT, MAX_LAYERS, MAX_LEVELS,
    MAX_NEIGHBOURS, MAX_SLOW, MAX_WIDTH, Role, Shape, Slow, coarser,
};
pub use tensors::{Order, Tensor};
pub use usual::{USUAL_STEP, usual_symbol};

use crate::network::sine::sine;
use std::f32::consts::FRAC_1_PI;

/// `1 / 2π`.
pub const PER_TURN: f32 = FRAC_1_PI / 2.0;

/// A dense layer: sums that start at the biases and run over the inputs in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// The weights of each output, `outputs × inputs`.
    pub weights: Vec<f32>,
    /// The bias of each output.
    pub biases: Vec<f32>,
}

/// A decoded field.
#[derive(Clone, Debug, PartialEq)]
pub struct Spline {
    /// Its shape.
    pub shape: Shape,
    /// The spline coefficients of each feature grid, ascending levels, first axis fastest.
    pub coefficients: Vec<Vec<f32>>,
    /// The layers of the network: hidden ones, whose sums pass through [`Spline::activation`], and a linear
    /// one, whose inputs are the last hidden neurons and then the features.
    pub layers: Vec<Layer>,
}

impl Spline {
    /// The activation of a phase in turns: `t + sin(2πt) / 2π`, a ramp that advances in waves.
    pub fn activation(t: f32) -> f32 {
        sine(t).mul_add(PER_TURN, t)
    }

    /// The feature of each grid at a position, native samples, by the loops of the specification.
    pub fn features(&self, position: &[f64]) -> Vec<f32> {
        let grids = self.shape.features().zip(&self.coefficients);
        grids
            .map(|(grid, coefficients)| {
                let axes = position.iter().enumerate();
                let taps: Vec<_> = axes.map(|(axis, &p)| basis::Taps::new(p, grid.level(axis))).collect();
                feature(&grid.lengths, coefficients, &taps)
            })
            .collect()
    }

    /// The values at a position, native samples, by the loops of the specification.
    pub fn evaluate(&self, position: &[f64]) -> Vec<f32> {
        let features = self.features(position);
        let Some((last, hidden)) = self.layers.split_last() else { return vec![] };
        let mut h = features.clone();
        for layer in hidden {
            h = layer.apply(&h).into_iter().map(Self::activation).collect();
        }
        h.extend(features);
        last.apply(&h)
    }
}

impl Layer {
    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.biases.len()
    }
    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.weights.len() / self.outputs().max(1)
    }
    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.weights.len() + self.biases.len()
    }

    fn apply(&self, inputs: &[f32]) -> Vec<f32> {
        let rows = self.weights.chunks_exact(inputs.len()).zip(&self.biases);
        rows.map(|(row, &bias)| row.iter().zip(inputs).fold(bias, |t, (&w, &h)| w.mul_add(h, t))).collect()
    }
}

/// Contracts the box of four coefficients along each axis with their weights, the first axis first.
fn feature(lengths: &[u32], coefficients: &[f32], taps: &[basis::Taps]) -> f32 {
    let Some((last, inner)) = taps.split_last() else { return coefficients[0] };
    let (&length, inner_lengths) = lengths.split_last().unwrap_or((&1, &[]));
    let stride = coefficients.len() / length as usize;
    (0..4).fold(0.0, |sum: f32, j| {
        let index = mirror(last.first + j as i64, length as usize);
        last.weights[j].mul_add(feature(inner_lengths, &coefficients[index * stride..][..stride], inner), sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{binary32, rows};

    #[test]
    fn activations_are_those_of_the_specification() {
        for (input, result) in rows("activation") {
            assert_eq!(
                Spline::activation(binary32(input[0])).to_bits(),
                binary32(result).to_bits(),
                "{input:?}"
            );
        }
    }

    /// `1/6`, `2/3` and `1/2π` have the bits of the specification.
    #[test]
    fn constants_have_their_bits() {
        let constants: [f32; 3] = [1.0 / 6.0, 2.0 / 3.0, PER_TURN];
        assert_eq!(constants.map(f32::to_bits), [0x3e2a_aaab, 0x3f2a_aaab, 0x3e22_f983]);
    }
}
