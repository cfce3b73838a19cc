//! The network of a spline field over blocks of points: features → values, with derivatives.
//!
//! With `t = W·h + b` and `h' = t + sin(2πt) / 2π`: `∂ᵢh' = s·∂ᵢt` and `∂ᵢⱼh' = s·∂ᵢⱼt + c·∂ᵢt·∂ⱼt`, where
//! `s = 1 + cos(2πt)` and `c = −2π·sin(2πt)`. The components of a jet are additional columns of one
//! product with W.

#![allow(unsafe_code)]

use super::activation::{activation, activation_and_slope};
use super::layers::{bias, check, matrix};
use crate::backend::simd::BLOCK;
use crate::backend::simd::gemm::{Epilogue, Identity, product};
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::pass::{JET_POINTS as POINTS, grow, length};
use crate::field::spline::Layer;
use crate::network::Jet;
use std::f32::consts::TAU;

/// Vectors of columns per block of a product of a jet: `COLUMNS · N` divides [`POINTS`] for every N.
const COLUMNS: usize = 2;

/// Turns phases into activations.
#[derive(Clone, Copy)]
struct Ramp;

impl<V: Lanes> Epilogue<V> for Ramp {
    #[inline(always)]
    unsafe fn apply(self, _: usize, phase: V) -> V {
        // SAFETY: the caller's contract.
        unsafe { activation(phase) }
    }
}

/// The jets of a network at whole blocks of points.
///
/// # Panics
/// If the lengths do not match.
pub(crate) struct Synthesis<'a> {
    pub layers: &'a [Layer],
    /// The axes of the signal, by which jets are.
    pub axes: usize,
    pub jet: Jet,
    /// Per block `components × features × BLOCK`, the jets of the features.
    pub features: &'a [f32],
    pub scratch: &'a mut Vec<f32>,
    /// Per block `components × outputs × BLOCK`, as [`Level::jet`](crate::backend::simd::Level::jet).
    pub out: &'a mut [f32],
}

impl Kernel for Synthesis<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let Synthesis { layers, axes, jet, features, scratch, out } = self;
        check(layers);
        let size = |rows: usize| length(&[jet.components(axes), rows, BLOCK]);
        let [inside, outside] = [layers[0].inputs(), layers[layers.len() - 1].outputs()].map(size);
        assert!(features.len().is_multiple_of(inside) && features.len() / inside == out.len() / outside);
        assert!(out.len().is_multiple_of(outside));
        for (features, out) in features.chunks_exact(inside).zip(out.chunks_exact_mut(outside)) {
            // SAFETY: the slices hold a block each, the layers were checked against each other.
            unsafe {
                match jet {
                    Jet::Value => values::<V, C>(layers, features, scratch, out),
                    _ => jets::<V>(layers, (axes, jet), features, scratch, out),
                }
            }
        }
    }
}

/// Rows of the widest layer with the features beside it.
fn rows(layers: &[Layer]) -> usize {
    layers.iter().map(Layer::outputs).max().unwrap_or(0) + layers[0].inputs()
}

/// The values of a block.
#[inline(always)]
unsafe fn values<V: Lanes, const C: usize>(
    layers: &[Layer],
    input: &[f32],
    scratch: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (rows, features) = (rows(layers), layers[0].inputs());
    grow(scratch, 2 * rows * BLOCK);
    // SAFETY: the scratch holds two layers of `rows`, each with room for the features.
    unsafe {
        let (mut from, mut to, mut other) =
            (input.as_ptr(), scratch.as_mut_ptr(), scratch.as_mut_ptr().add(rows * BLOCK));
        for (number, layer) in layers.iter().enumerate() {
            let size = (layer.outputs(), layer.inputs(), BLOCK);
            let (matrix, biases) = (matrix(layer), bias(&layer.biases, BLOCK));
            if number + 1 == layers.len() {
                product::<V, C>(size, matrix, from, biases, Identity, out.as_mut_ptr());
            } else {
                product::<V, C>(size, matrix, from, biases, Ramp, to);
                if number + 2 == layers.len() {
                    to.add(layer.outputs() * BLOCK)
                        .copy_from_nonoverlapping(input.as_ptr(), features * BLOCK);
                }
                from = to;
                std::mem::swap(&mut to, &mut other);
            }
        }
    }
}

/// The jets of a block, some points at a time: all components of two layers stay in the first level of cache.
#[inline(always)]
unsafe fn jets<V: Lanes>(
    layers: &[Layer],
    (axes, jet): (usize, Jet),
    input: &[f32],
    scratch: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (rows, features) = (rows(layers), layers[0].inputs());
    let components = jet.components(axes);
    let columns = components * POINTS;
    grow(scratch, 2 * rows * columns);
    for from in (0..BLOCK).step_by(POINTS) {
        // SAFETY: the scratch holds two layers of `rows`, each with room for the features; blocks hold
        // components of rows of BLOCK points.
        unsafe {
            let (mut h, mut next) = (scratch.as_mut_ptr(), scratch.as_mut_ptr().add(rows * columns));
            let enter = |to: *mut f32| {
                for feature in 0..features {
                    for component in 0..components {
                        let row = input.as_ptr().add((component * features + feature) * BLOCK + from);
                        let to = to.add(feature * columns + component * POINTS);
                        to.copy_from_nonoverlapping(row, POINTS);
                    }
                }
            };
            enter(h);
            for (number, layer) in layers.iter().enumerate() {
                let outputs = layer.outputs();
                let size = (outputs, layer.inputs(), columns);
                let biases = bias(&layer.biases, POINTS);
                product::<V, COLUMNS>(size, matrix(layer), h, biases, Identity, next);
                if number + 1 < layers.len() {
                    for row in 0..outputs {
                        activate::<V>(jet, axes, next.add(row * columns));
                    }
                }
                if number + 2 == layers.len() {
                    enter(next.add(outputs * columns));
                }
                std::mem::swap(&mut h, &mut next);
            }
            let outputs = out.len() / (components * BLOCK);
            for component in 0..components {
                for output in 0..outputs {
                    let row = h.add(output * columns + component * POINTS);
                    let at = out.as_mut_ptr().add((component * outputs + output) * BLOCK + from);
                    row.copy_to_nonoverlapping(at, POINTS);
                }
            }
        }
    }
}

/// Applies the activation to one neuron's jet.
#[inline(always)]
unsafe fn activate<V: Lanes>(jet: Jet, axes: usize, row: *mut f32) {
    // SAFETY: the row holds POINTS of every component.
    unsafe {
        for p in (0..POINTS).step_by(V::N) {
            let at = |component: usize| row.add(component * POINTS + p);
            let (value, slope, sine) = activation_and_slope(V::load(at(0)));
            value.store(at(0));
            let curvature = sine.mul(V::splat(-TAU));
            let first = |i: usize| V::load(at(1 + i));
            let bend = |second: usize, product: V| {
                let second = at(1 + axes + second);
                curvature.fma(product, slope.mul(V::load(second))).store(second);
            };
            match jet {
                Jet::Value | Jet::Gradient => (),
                Jet::Laplacian => {
                    let squares = (0..axes).fold(V::splat(0.0), |sum, i| first(i).fma(first(i), sum));
                    bend(0, squares);
                }
                Jet::Hessian => {
                    let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| (i, j)));
                    pairs.enumerate().for_each(|(k, (i, j))| bend(k, first(i).mul(first(j))));
                }
            }
            for i in 0..axes {
                slope.mul(first(i)).store(at(1 + i));
            }
        }
    }
}
