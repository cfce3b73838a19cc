//! The start of training: the usual field, or one whose grid of luma is chosen, not drawn.

use super::networks;
use crate::field::spline::{Shape, USUAL_STEP};
use std::f64::consts::TAU;

/// Weights of the finest feature in all channels: the grid that starts as luma keeps it.
const LUMA: f32 = 0.05;
/// Bound of the other skip weights.
const SKIP: f64 = 0.02;
/// Factors of the bounds of the layers' weights, `√(6 / inputs)`.
const FIRST: f64 = 0.176_776_695;
const HIDDEN: f64 = 0.6;
const OUTPUT: f64 = 0.045;
/// Standard deviation of the output weights of the context model.
const CONTEXT: f64 = 0.02;

/// The usual parameters of a shape that has some, in the order and the units of files.
pub(super) fn usual(shape: &Shape) -> Vec<Vec<f32>> {
    let tensors = shape.usual_parameters();
    tensors.iter().map(|tensor| tensor.iter().map(|&x| f32::from(x) * USUAL_STEP).collect()).collect()
}

/// First parameters of any shape, in the order and the units of files, for a signal of mean ½.
pub fn drawn(shape: &Shape, seed: u64) -> Vec<Vec<f32>> {
    let means = vec![0.5; shape.outputs];
    networks::to_file(shape, &drawn_for(shape, &means, &mut fastrand::Rng::with_seed(seed)))
}

/// First parameters of any shape in the same order but in the trainer's units; `means` are those of the
/// channels.
pub(super) fn drawn_for(shape: &Shape, means: &[f32], rng: &mut fastrand::Rng) -> Vec<Vec<f32>> {
    let (order, shapes) = (shape.order(), shape.tensors());
    let mut tensors: Vec<Vec<f32>> = shapes.iter().map(|of| vec![0.0; of.parameters()]).collect();
    let mut uniform = |tensor: &mut Vec<f32>, bound: f64| {
        tensor.iter_mut().for_each(|w| *w = (bound * (2.0 * rng.f64() - 1.0)) as f32);
    };
    for layer in 0..=shape.layers {
        let at = order.layer(layer);
        let factor = if layer == shape.layers {
            OUTPUT
        } else if layer == 0 {
            FIRST
        } else {
            HIDDEN
        };
        uniform(&mut tensors[at], factor * (6.0 / shapes[at].columns as f64).sqrt());
    }
    tensors[order.layer(shape.layers) + 1].copy_from_slice(means);
    let skip = &mut tensors[order.skip()];
    uniform(skip, SKIP);
    skip.iter_mut().step_by(shape.inputs()).for_each(|w| *w = LUMA);
    let mut gaussian = |tensor: &mut Vec<f32>, deviation: f64| {
        tensor.iter_mut().for_each(|w| *w = deviation as f32 * normal(rng));
    };
    for informed in 0..shape.context.informed.count_ones() as usize {
        let deviation = 1.0 / (shape.context.combinations * shape.context.combinations) as f64;
        gaussian(&mut tensors[order.combination(informed)], deviation);
    }
    gaussian(&mut tensors[order.context_layer(2)], CONTEXT);
    tensors
}

/// A normal deviate (Box and Muller 1958).
pub(super) fn normal(rng: &mut fastrand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    (radius * (TAU * rng.f64()).cos()) as f32
}
