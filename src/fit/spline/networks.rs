//! The parameters in the units of files, of the kernels and of the trainer.
//!
//! Files and kernels have phases in turns: a hidden unit is `t + sin(2πt) / 2π`. The trainer has `snake(z) =
//! z + ½ − cos(2z) / 2` of `z = π (t + ¼)`, which is `π (t + sin(2πt) / 2π) + π/4 + ½`: its learning rates
//! fit all layers. Likewise files have scales in octaves, the trainer their natural logarithm plus 1.

use crate::backend::simd::spline::training::{ContextNetwork, SynthesisNetwork};
use crate::field::spline::{Layer, OCTAVES_OF_ONE, Shape};
use std::f32::consts::{LN_2, PI};

/// A hidden unit of the trainer is π times that of the file plus this.
const OFFSET: f32 = PI / 4.0 + 0.5;

/// The factors between the parameters of one layer in the trainer's units and those of the file:
/// `weights' = out · in · weights` and `biases' = out · (biases + offset · Σ weights) + shift`.
struct Change {
    input: f32,
    offset: f32,
    output: f32,
    shift: f32,
}

fn change(shape: &Shape, layer: usize) -> Change {
    let (input, offset) = if layer == 0 { (1.0, 0.0) } else { (PI, OFFSET) };
    let (output, shift) = if layer == shape.layers { (1.0, 0.0) } else { (1.0 / PI, -0.25) };
    Change { input, offset, output, shift }
}

/// The trainer's `tensors` in the units of files.
pub(super) fn to_file(shape: &Shape, tensors: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let order = shape.order();
    let mut file = tensors.to_vec();
    for layer in 0..=shape.layers {
        let Change { input, offset, output, shift } = change(shape, layer);
        let at = order.layer(layer);
        let columns = tensors[at].len() / tensors[at + 1].len();
        for (row, bias) in tensors[at].chunks_exact(columns).zip(&mut file[at + 1]) {
            *bias = output * (*bias + offset * row.iter().sum::<f32>()) + shift;
        }
        file[at].iter_mut().for_each(|w| *w *= input * output);
    }
    let bias = &mut file[order.context_layer(2) + 1][1];
    *bias = (*bias - 1.0) / LN_2 + OCTAVES_OF_ONE;
    for at in [order.context_layer(2), order.context_skip()] {
        file[at][shape.context.width()..].iter_mut().for_each(|w| *w /= LN_2);
    }
    file
}

/// A file's tensors in the units of the trainer.
pub(super) fn from_file(shape: &Shape, file: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let order = shape.order();
    let mut tensors = file.to_vec();
    for layer in 0..=shape.layers {
        let Change { input, offset, output, shift } = change(shape, layer);
        let at = order.layer(layer);
        let columns = file[at].len() / file[at + 1].len();
        tensors[at].iter_mut().for_each(|w| *w /= input * output);
        let (weights, biases) = tensors[at..].split_at_mut(1);
        for (row, bias) in weights[0].chunks_exact(columns).zip(&mut biases[0]) {
            *bias = (*bias - shift) / output - offset * row.iter().sum::<f32>();
        }
    }
    let bias = &mut tensors[order.context_layer(2) + 1][1];
    *bias = (*bias - OCTAVES_OF_ONE) * LN_2 + 1.0;
    for at in [order.context_layer(2), order.context_skip()] {
        tensors[at][shape.context.width()..].iter_mut().for_each(|w| *w *= LN_2);
    }
    tensors
}

/// Turns slopes by parameters in the units of files into slopes by the trainer's.
pub(super) fn to_trainer(shape: &Shape, slopes: &mut [Vec<f32>]) {
    let order = shape.order();
    for layer in 0..=shape.layers {
        let Change { input, offset, output, .. } = change(shape, layer);
        let at = order.layer(layer);
        let (weights, biases) = slopes[at..].split_at_mut(1);
        let columns = weights[0].len() / biases[0].len();
        for (row, bias) in weights[0].chunks_exact_mut(columns).zip(&mut biases[0]) {
            *bias *= output;
            row.iter_mut().for_each(|w| *w = input * output * *w + offset * *bias);
        }
    }
    slopes[order.context_layer(2) + 1][1] /= LN_2;
    for at in [order.context_layer(2), order.context_skip()] {
        slopes[at][shape.context.width()..].iter_mut().for_each(|w| *w /= LN_2);
    }
}

/// Rows of two matrices side by side.
fn beside(left: &[f32], right: &[f32], rows: usize) -> Vec<f32> {
    let parts = left.chunks_exact(left.len() / rows).zip(right.chunks_exact(right.len() / rows));
    parts.flat_map(|(left, right)| left.iter().chain(right)).copied().collect()
}

/// Splits the slopes of two matrices side by side.
fn apart(both: &[f32], left: &mut [f32], right: &mut [f32], rows: usize) {
    let (l, r) = (left.len() / rows, right.len() / rows);
    let parts = left.chunks_exact_mut(l).zip(right.chunks_exact_mut(r));
    for (both, (left, right)) in both.chunks_exact(l + r).zip(parts) {
        left.copy_from_slice(&both[..l]);
        right.copy_from_slice(&both[l..]);
    }
}

/// The synthesis network of a file's tensors.
pub(super) fn synthesis(shape: &Shape, file: &[Vec<f32>]) -> SynthesisNetwork {
    let layers = shape.network(file);
    let back = [&layers[0].weights[..], &file[shape.order().skip()]].concat();
    SynthesisNetwork { layers, back }
}

/// Writes the slopes of [`synthesis`]'s parameters, in its order, as those of a file's tensors.
pub(super) fn synthesis_slopes(shape: &Shape, slopes: &[f32], tensors: &mut [Vec<f32>]) {
    let order = shape.order();
    let (mut slopes, first) = (slopes, order.layer(0));
    let mut take = |n: usize| {
        let (taken, rest) = slopes.split_at(n);
        slopes = rest;
        taken
    };
    for tensor in &mut tensors[first..order.layer(shape.layers)] {
        let n = tensor.len();
        tensor.copy_from_slice(take(n));
    }
    let output = order.layer(shape.layers);
    let [weights, biases, skip] = &mut tensors[output..output + 3] else { unreachable!("three tensors") };
    let n = weights.len() + skip.len();
    apart(take(n), weights, skip, shape.outputs);
    let n = biases.len();
    biases.copy_from_slice(take(n));
}

/// `weights` of a layer that adds its input to its sums.
fn residual(weights: &[f32], m: usize) -> Vec<f32> {
    let mut weights = weights.to_vec();
    weights.iter_mut().step_by(m + 1).for_each(|w| *w += 1.0);
    weights
}

/// The context network of a file's tensors.
pub(super) fn context(shape: &Shape, file: &[Vec<f32>]) -> ContextNetwork {
    let (order, m) = (shape.order(), shape.context.width());
    let tensor = |layer: usize, biases: usize| &file[order.context_layer(layer) + biases];
    let first = residual(tensor(0, 0), m);
    let skip = &file[order.context_skip()];
    ContextNetwork {
        back: [&first[..], skip].concat(),
        first,
        biases: tensor(0, 1).clone(),
        second: Layer { weights: residual(tensor(1, 0), m), biases: tensor(1, 1).clone() },
        output: Layer { weights: beside(tensor(2, 0), skip, 2), biases: tensor(2, 1).clone() },
    }
}

/// Adds the slopes of [`context`]'s parameters with the biases of `grid`, in its order, to those of a file's
/// tensors.
pub(super) fn add_context_slopes(shape: &Shape, grid: usize, slopes: &[f32], tensors: &mut [Vec<f32>]) {
    let (order, m) = (shape.order(), shape.context.width());
    let first = order.context_layer(0);
    let add = |to: &mut [f32], from: &[f32]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
    let (weights, slopes) = slopes.split_at(m * m);
    add(&mut tensors[first], weights);
    let (biases, slopes) = slopes.split_at(m);
    add(&mut tensors[first + 1][grid * m..][..m], biases);
    let (weights, slopes) = slopes.split_at(m * m);
    add(&mut tensors[first + 2], weights);
    let (biases, slopes) = slopes.split_at(m);
    add(&mut tensors[first + 3], biases);
    let (both, biases) = slopes.split_at(4 * m);
    let (mut output, mut skip) = (vec![0.0; 2 * m], vec![0.0; 2 * m]);
    apart(both, &mut output, &mut skip, 2);
    add(&mut tensors[first + 4], &output);
    add(&mut tensors[first + 5], biases);
    add(&mut tensors[first + 6], &skip);
}
