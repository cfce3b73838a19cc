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
    /// sums over all points of the dataset, weights included. Of pairs, over the sum and the difference of their values.
    pub energy: Vec<f32>,
    /// `Σ_c ∂y_c / ∂t_j · ∂y_c / ∂t'_j`, where the second is by the phase of the other point of the pair; empty for points.
    cross: Vec<f32>,
}

/// How many blocks of points the curvature is sampled on, the first ones, and what sums over them are multiplied by to estimate
/// those over all points of the dataset, weights included.
pub(crate) fn sampled(data: &Dataset) -> (usize, f32) {
    let blocks = data.blocks().min(SAMPLED);
    let total = |w: &[f32]| w.iter().map(|&w| f64::from(w)).sum::<f64>();
    (blocks, (total(&data.weights) / total(data.batch(0..blocks).weights).max(1e-30)) as f32)
}

/// Traces of the layers from `first` on.
pub(crate) fn traces(network: &Network, data: &Dataset, first: usize) -> Vec<Trace> {
    let shape = network.shape();
    let layers: Vec<LayerShape> = shape.layers().collect();
    let (blocks, share) = sampled(data);
    let sampled = data.batch(0..blocks);
    let points = sampled.weights.len();

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

    // Backward, once per residual: those of each output channel, or of its sums and of its differences.
    let zeros = |layer: &LayerShape| vec![0.0; layer.outputs * points];
    let mut energy: Vec<Vec<f32>> = layers.iter().map(zeros).collect();
    let mut cross = if data.paired { energy.clone() } else { vec![vec![]; layers.len()] };
    let seeds: &[Seed] = if data.paired { &[Seed::Sum, Seed::Difference] } else { &[Seed::Value] };
    for (channel, &seed) in (0..shape.outputs).flat_map(|c| seeds.iter().map(move |seed| (c, seed))) {
        let mut delta = vec![0.0; shape.outputs * points];
        for (p, d) in delta[channel * points..][..points].iter_mut().enumerate() {
            *d = seed.of(sampled.weights, p) * share.sqrt();
        }
        for l in (first..layers.len()).rev() {
            energy[l].iter_mut().zip(&delta).for_each(|(e, d)| *e += d * d);
            cross[l].iter_mut().enumerate().for_each(|(p, x)| *x += delta[p] * delta[partner(p)]);
            if l > first {
                delta = multiply(&layers[l], network.parameters(), &delta, points, true);
                delta.iter_mut().zip(&slopes[l - 1]).for_each(|(d, s)| *d *= s);
            }
        }
    }
    let layers = inputs.into_iter().zip(energy).zip(cross).skip(first);
    layers.map(|((inputs, energy), cross)| Trace { points, inputs, energy, cross }).collect()
}

/// What an output is asked for.
#[derive(Clone, Copy)]
enum Seed {
    Value,
    Sum,
    Difference,
}

impl Seed {
    /// The root of the weight of the residual that point `p` is part of, with the sign of the value in it.
    fn of(self, weights: &[f32], p: usize) -> f32 {
        let second = p % BLOCK >= BLOCK / 2;
        match self {
            Seed::Value => weights[p].sqrt(),
            Seed::Sum => weights[if second { partner(p) } else { p }].sqrt(),
            Seed::Difference if second => -weights[p].sqrt(),
            Seed::Difference => weights[partner(p)].sqrt(),
        }
    }
}

/// The other point of the pair; rows of features are whole blocks.
fn partner(p: usize) -> usize {
    p ^ (BLOCK / 2)
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
        let (outputs, inputs) = (self.energy.len() / self.points, self.inputs.len() / self.points);
        let (mut weights, mut biases) = (0.0, 0.0);
        let mut add = |energy: &[f32], products: Vec<f32>| {
            let (energy, products) = (sum(energy), sum(&products));
            weights += energy.iter().zip(&products).map(|(e, s)| e * s).sum::<f64>();
            biases += energy.iter().sum::<f64>();
        };
        add(&self.energy, self.inputs.iter().map(|x| x * x).collect());
        if !self.cross.is_empty() {
            add(
                &self.cross,
                self.inputs.iter().enumerate().map(|(p, x)| x * self.inputs[partner(p)]).collect(),
            );
        }
        (weights / (outputs * inputs) as f64, biases / outputs as f64)
    }

    /// The curvature matrix of the weights into outputs `outputs`, averaged, and of their bias:
    /// `Σ_p energy(p) · x(p) x(p)ᵀ + cross(p) · x(p) x'(p)ᵀ` with `x` extended by 1 and `x'` of the other point of the pair,
    /// `(inputs + 1)²`, row by row.
    pub fn matrix(&self, outputs: std::ops::Range<usize>) -> Vec<f64> {
        let (n, points) = (self.inputs.len() / self.points + 1, self.points);
        let mean = |rows: &[f32]| {
            let mut mean = vec![0.0f32; points];
            for row in rows[outputs.start * points..outputs.end * points].chunks_exact(points) {
                mean.iter_mut().zip(row).for_each(|(t, x)| *t += x / outputs.len() as f32);
            }
            mean
        };
        let energy = mean(&self.energy);
        let cross = if self.cross.is_empty() { vec![] } else { mean(&self.cross) };
        let one = vec![1.0; points];
        let row = |i: usize| if i + 1 == n { &one[..] } else { &self.inputs[i * points..(i + 1) * points] };
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            let mut weighted: Vec<f32> = row(i).iter().zip(&energy).map(|(x, e)| x * e).collect();
            for (p, (w, x)) in weighted.iter_mut().zip(&cross).enumerate() {
                *w += x * row(i)[partner(p)];
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::simd::Level;
    use crate::fit::GradientTerm;
    use crate::network::Shape;
    use crate::signal::{Description, Kind, SampleFormat, Samples, Signal, Tiles};

    /// A network, and points or pairs it has no error at: the curvature is then all that an error of its parameters costs.
    fn solved(weight: f32) -> (Network, Dataset) {
        let description = Description {
            kind: Kind::Picture,
            lengths: vec![20, 20],
            channels: 2,
            format: SampleFormat::F32,
            rate: 0,
        };
        let mut rng = fastrand::Rng::with_seed(1);
        let samples = Samples::F32((0..800).map(|_| rng.f32()).collect());
        let tiles = Tiles::one(&description);
        let signal = Signal { description, samples, metadata: vec![] };
        let term = (weight > 0.0).then_some(GradientTerm { weight, reference: None });
        let mut data = Dataset::of_tile(&signal, &tiles, 0, term, 1);
        let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 5 };
        let parameters = (0..shape.parameters()).map(|_| rng.f32() - 0.5).collect();
        let network = Network::from_parameters(shape, parameters);
        data.normalisation.scale = 1.0;
        Level::best().forward(&network, &data.coordinates, &mut data.targets, &mut Default::default());
        if data.paired {
            for row in data.targets.chunks_exact_mut(BLOCK) {
                let (first, second) = row.split_at_mut(BLOCK / 2);
                first.iter_mut().zip(second).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
            }
        }
        (network, data)
    }

    #[test]
    fn the_curvature_is_what_an_error_of_the_parameters_adds() {
        const ERROR: f32 = 3e-4;
        for weight in [0.0, 2.0, 50.0] {
            let (network, data) = solved(weight);
            let loss = |network: &Network| data.squared_error(Level::best(), network).total;
            assert!(loss(&network) < 1e-6);
            let layers: Vec<LayerShape> = network.shape().layers().collect();
            for (layer, trace) in layers.iter().zip(traces(&network, &data, 0)) {
                let mut sums = (0.0, 0.0);
                for row in 0..layer.outputs {
                    let weights = layer.weights().skip(row * layer.inputs).take(layer.inputs);
                    let places: Vec<usize> = weights.chain([layer.biases().start + row]).collect();
                    let (matrix, n) = (trace.matrix(row..row + 1), places.len());
                    sums.0 += (0..n - 1).map(|i| matrix[i * n + i]).sum::<f64>();
                    sums.1 += matrix[n * n - 1];
                    // Along one parameter, and along all at once.
                    let mut rng = fastrand::Rng::with_seed(row as u64);
                    let all: Vec<f32> = (0..n).map(|_| 2.0 * rng.f32() - 1.0).collect();
                    let mut first = vec![0.0; n];
                    first[0] = 1.0;
                    for direction in [first, all] {
                        let both = [ERROR, -ERROR].map(|error| {
                            let mut moved = network.clone();
                            for (&i, d) in places.iter().zip(&direction) {
                                moved.parameters_mut()[i] += error * d;
                            }
                            loss(&moved)
                        });
                        let added = 0.5 * (both[0] + both[1]) / f64::from(ERROR * ERROR);
                        let product =
                            |i: usize, j: usize| f64::from(direction[i] * direction[j]) * matrix[i * n + j];
                        let expected: f64 = (0..n * n).map(|k| product(k / n, k % n)).sum();
                        assert!(
                            (added / expected - 1.0).abs() < 0.02,
                            "{weight} {layer:?}: {added} {expected}"
                        );
                    }
                }
                let (weights, biases) = trace.means();
                let expected =
                    (sums.0 / (layer.inputs * layer.outputs) as f64, sums.1 / layer.outputs as f64);
                assert!(
                    (weights / expected.0 - 1.0).abs() < 1e-3 && (biases / expected.1 - 1.0).abs() < 1e-3
                );
            }
        }
    }
}
