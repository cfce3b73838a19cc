//! How much each parameter matters: the Gauss–Newton curvature of the squared error, from sampled points.

use crate::backend::simd::BLOCK;
use crate::fit::Dataset;
use crate::network::{LayerShape, Network};
use std::f32::consts::TAU;

/// Blocks of points the curvature is sampled on.
const SAMPLED: usize = 16;

/// What one layer sees and does at sampled points: enough for the curvature of all its parameters.
pub(crate) struct Trace {
    /// Points.
    pub points: usize,
    /// Inputs of the layer, `inputs × points`.
    pub inputs: Vec<f32>,
    /// `Σ_c (∂y_c / ∂t_j)²` at each point, `outputs × points`, scaled so that sums over the sampled points estimate
    /// sums over all points of the dataset, weights included.
    pub energy: Vec<f32>,
}

/// Traces of the layers from `first` on.
pub(crate) fn traces(network: &Network, data: &Dataset, first: usize) -> Vec<Trace> {
    let shape = network.shape();
    let layers: Vec<LayerShape> = shape.layers().collect();
    let sampled = data.batch(0..data.blocks().min(SAMPLED));
    let points = sampled.weights.len();
    let total = |w: &[f32]| w.iter().map(|&w| f64::from(w)).sum::<f64>();
    let share = (total(&data.weights) / total(sampled.weights).max(1e-30)) as f32;

    // Forward: inputs of every layer and slopes of every hidden one, feature by feature.
    let mut inputs: Vec<Vec<f32>> = vec![vec![0.0; shape.inputs * points]];
    for (p, value) in sampled.coordinates.iter().enumerate() {
        let (block, row, lane) = (p / BLOCK / shape.inputs, p / BLOCK % shape.inputs, p % BLOCK);
        inputs[0][row * points + block * BLOCK + lane] = *value;
    }
    let mut slopes: Vec<Vec<f32>> = vec![];
    for layer in &layers[..shape.layers] {
        let mut phase = multiply(layer, network.parameters(), &inputs[inputs.len() - 1], points, false);
        slopes.push(phase.iter().map(|t| TAU * (TAU * (t - t.round())).cos()).collect());
        phase.iter_mut().for_each(|t| *t = (TAU * (*t - t.round())).sin());
        inputs.push(phase);
    }

    // Backward, once per output channel.
    let mut energy: Vec<Vec<f32>> = layers.iter().map(|layer| vec![0.0; layer.outputs * points]).collect();
    for channel in 0..shape.outputs {
        let mut delta = vec![0.0; shape.outputs * points];
        for (d, w) in delta[channel * points..][..points].iter_mut().zip(sampled.weights) {
            *d = (w * share).sqrt();
        }
        for l in (first..layers.len()).rev() {
            energy[l].iter_mut().zip(&delta).for_each(|(e, d)| *e += d * d);
            if l > first {
                delta = multiply(&layers[l], network.parameters(), &delta, points, true);
                delta.iter_mut().zip(&slopes[l - 1]).for_each(|(d, s)| *d *= s);
            }
        }
    }
    let layers = inputs.into_iter().zip(energy).skip(first);
    layers.map(|(inputs, energy)| Trace { points, inputs, energy }).collect()
}

/// `W·x + b`, or `Wᵀ·x` if `transposed`, on rows of `points`.
fn multiply(layer: &LayerShape, parameters: &[f32], x: &[f32], points: usize, transposed: bool) -> Vec<f32> {
    let (weights, biases) = layer.split(parameters);
    let rows = if transposed { layer.inputs } else { layer.outputs };
    let mut out = vec![0.0; rows * points];
    for (r, out) in out.chunks_exact_mut(points).enumerate() {
        if !transposed {
            out.fill(biases[r]);
        }
        for (k, x) in x.chunks_exact(points).enumerate() {
            let w = weights[if transposed { k * layer.inputs + r } else { r * layer.inputs + k }];
            out.iter_mut().zip(x).for_each(|(o, x)| *o += w * x);
        }
    }
    out
}

impl Trace {
    /// Mean curvature of the layer's weights and of its biases: what a squared unit of error in one of them adds to
    /// the summed squared error of the outputs, on average.
    pub fn means(&self) -> (f64, f64) {
        let sum = |rows: &[f32]| -> Vec<f64> {
            let mut total = vec![0.0; self.points];
            for row in rows.chunks_exact(self.points) {
                total.iter_mut().zip(row).for_each(|(t, &x)| *t += f64::from(x));
            }
            total
        };
        let squares: Vec<f32> = self.inputs.iter().map(|x| x * x).collect();
        let (energy, squares) = (sum(&self.energy), sum(&squares));
        let (outputs, inputs) = (self.energy.len() / self.points, self.inputs.len() / self.points);
        let weights: f64 = energy.iter().zip(&squares).map(|(e, s)| e * s).sum();
        (weights / (outputs * inputs) as f64, energy.iter().sum::<f64>() / outputs as f64)
    }

    /// The curvature matrix of the weights into outputs `outputs`, averaged, and of their bias:
    /// `Σ_p energy(p) · x(p) x(p)ᵀ` with `x` extended by 1, `(inputs + 1)²`, row by row.
    pub fn matrix(&self, outputs: std::ops::Range<usize>) -> Vec<f64> {
        let (n, points) = (self.inputs.len() / self.points + 1, self.points);
        let mut energy = vec![0.0f32; points];
        for row in self.energy[outputs.start * points..outputs.end * points].chunks_exact(points) {
            energy.iter_mut().zip(row).for_each(|(t, x)| *t += x / outputs.len() as f32);
        }
        let one = vec![1.0; points];
        let row = |i: usize| if i + 1 == n { &one[..] } else { &self.inputs[i * points..(i + 1) * points] };
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            let weighted: Vec<f32> = row(i).iter().zip(&energy).map(|(x, e)| x * e).collect();
            for j in 0..=i {
                matrix[i * n + j] = dot(&weighted, row(j));
                matrix[j * n + i] = matrix[i * n + j];
            }
        }
        matrix
    }
}

/// A dot product in sixteen binary32 lanes, summed in binary64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().map(|&x| f64::from(x)).sum()
}
