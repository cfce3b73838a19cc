//! The optimiser: Muon on the square hidden matrices, Adam on everything else.
//!
//! Muon (Jordan et al. 2024) steps along the orthogonalised momentum; on SIRENs it is better than tuned Adam
//! by 0.4–0.7 dB at equal work. Two Newton–Schulz iterations train as well as five, within the variation
//! between seeds. Phases are in turns, so the learning rate of the sine layers has a factor `1/2π`.

use crate::backend::simd::Level;
use crate::backend::training::{BETA1, BETA2, EPSILON, MOMENTUM, SPECTRAL};
use crate::network::{Network, Shape};
use std::f32::consts::TAU;

/// State of the optimiser for one network.
#[derive(Clone, Debug)]
pub(crate) struct Optimizer {
    shape: Shape,
    /// First moments; Muon's momentum on hidden matrices.
    first: Vec<f32>,
    /// Second moments; unused on hidden matrices.
    second: Vec<f32>,
    steps: i32,
    matrix: Vec<f32>,
    scratch: [Vec<f32>; 3],
}

impl Optimizer {
    pub fn new(shape: Shape) -> Self {
        let zeros = vec![0.0; shape.parameters()];
        Optimizer {
            shape,
            first: zeros.clone(),
            second: zeros,
            steps: 0,
            matrix: vec![],
            scratch: [vec![], vec![], vec![]],
        }
    }

    /// One iteration along `gradient` on the layers from `first_layer` on; `rate` is the learning rate in
    /// radians.
    pub fn step(
        &mut self,
        level: Level,
        network: &mut Network,
        gradient: &[f32],
        rate: f32,
        first_layer: usize,
    ) {
        self.steps += 1;
        let parameters = network.parameters_mut();
        for (l, layer) in self.shape.layers().enumerate().skip(first_layer) {
            let rate = if layer.last { rate } else { rate / TAU };
            if l > 0 && !layer.last {
                self.muon(level, layer.weights(), layer.inputs, parameters, gradient, rate);
            } else {
                self.adam(layer.weights(), parameters, gradient, rate);
            }
            self.adam(layer.biases(), parameters, gradient, rate);
        }
    }

    fn adam(&mut self, range: std::ops::Range<usize>, parameters: &mut [f32], gradient: &[f32], rate: f32) {
        let (bias1, bias2) = (1.0 - BETA1.powi(self.steps), 1.0 - BETA2.powi(self.steps));
        let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
        for ((w, &g), (m, v)) in parameters[range.clone()].iter_mut().zip(&gradient[range]).zip(moments) {
            *m += (1.0 - BETA1) * (g - *m);
            *v += (1.0 - BETA2) * (g * g - *v);
            *w -= rate * (*m / bias1) / ((*v / bias2).sqrt() + EPSILON);
        }
    }

    fn muon(
        &mut self,
        level: Level,
        range: std::ops::Range<usize>,
        n: usize,
        parameters: &mut [f32],
        gradient: &[f32],
        rate: f32,
    ) {
        let stride = n.next_multiple_of(16);
        self.matrix.clear();
        self.matrix.resize(n * stride, 0.0);
        let rows = self.matrix.chunks_exact_mut(stride);
        let momenta = self.first[range.clone()].chunks_exact_mut(n);
        for ((row, momenta), gradient) in rows.zip(momenta).zip(gradient[range.clone()].chunks_exact(n)) {
            for ((x, m), &g) in row.iter_mut().zip(momenta).zip(gradient) {
                *m = MOMENTUM * *m + g;
                *x = g + MOMENTUM * *m;
            }
        }
        level.orthogonalize(n, stride, &mut self.matrix, &mut self.scratch);
        for (weights, row) in parameters[range].chunks_exact_mut(n).zip(self.matrix.chunks_exact(stride)) {
            for (w, x) in weights.iter_mut().zip(row) {
                *w -= rate * SPECTRAL * x;
            }
        }
    }
}
