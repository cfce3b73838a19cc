//! Layers as products read them.

#![allow(unsafe_code)]

use crate::backend::simd::gemm::{Bias, Matrix};
use crate::backend::simd::pass::length;
use crate::field::spline::Layer;

/// The weights of a layer.
pub(super) fn matrix(layer: &Layer) -> Matrix {
    Matrix { data: layer.weights.as_ptr(), row: layer.inputs(), inner: 1 }
}

/// The biases of a layer over `columns` points.
pub(super) fn bias(biases: &[f32], columns: usize) -> Bias {
    Bias { data: biases.as_ptr(), columns }
}

/// Checks that each layer reads the one before it, and the last one the features too.
///
/// # Panics
/// If the lengths contradict each other.
pub(super) fn check(layers: &[Layer]) {
    assert!(layers.len() > 1, "{} layers, expected a hidden one and the last", layers.len());
    let mut inputs = layers[0].inputs();
    for (number, layer) in layers.iter().enumerate() {
        if number + 1 == layers.len() {
            inputs += layers[0].inputs();
        }
        assert_eq!(layer.weights.len(), length(&[layer.outputs(), inputs]), "weights of layer {number}");
        inputs = layer.outputs();
    }
}
