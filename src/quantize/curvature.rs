//! Gauss–Newton curvature of the squared error, from sampled points: what errors of parameters cost, alone
//! and together.

use super::SAMPLED;
use crate::backend::simd::{Batch, Entries, Level, Workspace};
use crate::fit::Dataset;
use crate::network::{LayerShape, Network};
use std::ops::Range;

/// The curvature matrix of `outputs` of layer `l`: for each output its weights, then its bias, one output
/// after the other; `(outputs · (inputs + 1))²`, row by row.
pub(crate) fn of_outputs(
    level: Level,
    network: &Network,
    data: &Dataset,
    l: usize,
    outputs: Range<usize>,
) -> Vec<f64> {
    let pairs = |n: Range<usize>| n.clone().flat_map(move |a| (n.start..=a).map(move |b| (a, b)));
    let entries = Entries {
        outputs: pairs(outputs.clone()).map(|pair| vec![pair]).collect(),
        inputs: input_pairs(network, data, l),
    };
    let numbers = entries_of(level, network, data, l, &entries);
    let n = layer_of(network, l).inputs + 1;
    let size = outputs.len() * n;
    let mut matrix = vec![0.0; size * size];
    for (pair, numbers) in entries.outputs.iter().zip(numbers.chunks_exact(entries.inputs.len())) {
        let (a, b) = (pair[0].0 - outputs.start, pair[0].1 - outputs.start);
        for (&(i, j), &number) in entries.inputs.iter().zip(numbers) {
            let mut set = |i: usize, j: usize| {
                matrix[(a * n + i) * size + b * n + j] = number;
                matrix[(b * n + j) * size + a * n + i] = number;
            };
            set(i, j);
            if is_symmetric(data) {
                set(j, i);
            }
        }
    }
    matrix
}

/// The mean of the curvature matrices of the single `outputs`, `(inputs + 1)²`, row by row.
pub(crate) fn mean_of_outputs(
    level: Level,
    network: &Network,
    data: &Dataset,
    l: usize,
    outputs: Range<usize>,
) -> Vec<f64> {
    let entries = Entries {
        outputs: vec![outputs.clone().map(|a| (a, a)).collect()],
        inputs: input_pairs(network, data, l),
    };
    let numbers = entries_of(level, network, data, l, &entries);
    let n = layer_of(network, l).inputs + 1;
    let mut matrix = vec![0.0; n * n];
    for (&(i, j), number) in entries.inputs.iter().zip(numbers) {
        let mean = number / outputs.len() as f64;
        matrix[i * n + j] = mean;
        if is_symmetric(data) {
            matrix[j * n + i] = mean;
        }
    }
    matrix
}

/// Whether the entries of two outputs are symmetric in the two inputs, so that half of them is enough: where no residual
/// is of two points.
fn is_symmetric(data: &Dataset) -> bool {
    data.points.residuals.points() == 1
}

/// The pairs of inputs, including the bias, whose entries are computed: all, or the half that says all.
fn input_pairs(network: &Network, data: &Dataset, l: usize) -> Vec<(usize, usize)> {
    let n = layer_of(network, l).inputs + 1;
    let below = |i: usize| if is_symmetric(data) { i + 1 } else { n };
    (0..n).flat_map(|i| (0..below(i)).map(move |j| (i, j))).collect()
}

fn layer_of(network: &Network, l: usize) -> LayerShape {
    network.shape().layers().nth(l).expect("a layer of the network")
}

/// Entries of the curvature matrix of layer `l`, estimated for all points of the tile.
fn entries_of(level: Level, network: &Network, data: &Dataset, l: usize, entries: &Entries) -> Vec<f64> {
    let (blocks, share) = data.sampled(SAMPLED);
    let mut sums = vec![0.0; entries.outputs.len() * entries.inputs.len()];
    let batch = Batch { first_layer: l, ..data.points.batch(0..blocks) };
    level.curvature(network, batch, entries, &mut sums, &mut Workspace::default());
    sums.into_iter().map(|sum| f64::from(sum) * f64::from(share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::simd::BLOCK;
    use crate::backend::trainer::{Sampled, Trainer};
    use crate::fit::{Cpu, GradientTerm, MOST_POINTS};
    use crate::network::Shape;
    use crate::signal::{Description, SampleFormat, Samples, Signal, Tiles};
    use std::sync::Arc;

    /// A network, and points or pairs at which it has no error: an error of its parameters then costs only
    /// what the curvature says.
    fn solved(weight: f32) -> (Network, Dataset) {
        let description = Description::picture([20, 20], 2, SampleFormat::F32);
        let mut rng = fastrand::Rng::with_seed(1);
        let samples = Samples::F32((0..800).map(|_| rng.f32()).collect());
        let tiles = Tiles::one(&description);
        let signal = Signal { description, samples, metadata: vec![] };
        let term = (weight > 0.0).then_some(GradientTerm { weight, reference: None });
        let mut data = Dataset::of_tile((&signal, None), &tiles, 0, term, MOST_POINTS, 1).unwrap();
        let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 5 };
        let parameters = (0..shape.parameters()).map(|_| rng.f32() - 0.5).collect();
        let network = Network::from_parameters(shape, parameters);
        data.normalisation.scale = 1.0;
        let points = Arc::get_mut(&mut data.points).unwrap();
        Level::best().forward(&network, &points.coordinates, &mut points.targets, &mut Default::default());
        let residuals = points.residuals;
        points.targets.chunks_exact_mut(BLOCK).for_each(|values| residuals.apply(values));
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
            let cpu = Cpu { level: Level::best() };
            let resident = cpu.hold(vec![data.points.clone()]).unwrap();
            let (blocks, share) = data.sampled(SAMPLED);
            let sampled = Sampled { network: &network, points: 0, blocks, share };
            let means = resident.mean_curvatures(&[sampled]).unwrap().remove(0);
            for (l, (layer, means)) in layers.iter().zip(means).enumerate() {
                let places: Vec<usize> = (0..layer.outputs)
                    .flat_map(|row| {
                        let weights = layer.weights().skip(row * layer.inputs).take(layer.inputs);
                        weights.chain([layer.biases().start + row])
                    })
                    .collect();
                let (size, n) = (places.len(), layer.inputs + 1);
                let matrix = of_outputs(Level::best(), &network, &data, l, 0..layer.outputs);
                assert_eq!(matrix.len(), size * size);
                // Directions of one parameter, of the first output, and of all parameters.
                let mut rng = fastrand::Rng::with_seed(l as u64);
                for moved in [1, n, size] {
                    let direction: Vec<f32> =
                        (0..size).map(|i| if i < moved { 2.0 * rng.f32() - 1.0 } else { 0.0 }).collect();
                    let both = [ERROR, -ERROR].map(|error| {
                        let mut moved = network.clone();
                        for (&i, d) in places.iter().zip(&direction) {
                            moved.parameters_mut()[i] += error * d;
                        }
                        loss(&moved)
                    });
                    let added = 0.5 * (both[0] + both[1]) / f64::from(ERROR * ERROR);
                    let product =
                        |i: usize, j: usize| f64::from(direction[i] * direction[j]) * matrix[i * size + j];
                    let expected: f64 = (0..size * size).map(|k| product(k / size, k % size)).sum();
                    assert!((added / expected - 1.0).abs() < 0.02, "{weight} {layer:?}: {added} {expected}");
                }
                let diagonal = |bias: bool| {
                    let entries = (0..size).filter(|i| (i % n == layer.inputs) == bias);
                    let entries: Vec<f64> = entries.map(|i| matrix[i * (size + 1)]).collect();
                    entries.iter().sum::<f64>() / entries.len() as f64
                };
                assert!((means.weights / diagonal(false) - 1.0).abs() < 1e-3, "{weight} {layer:?}");
                assert!((means.biases / diagonal(true) - 1.0).abs() < 1e-3, "{weight} {layer:?}");
                let mean = mean_of_outputs(Level::best(), &network, &data, l, 0..layer.outputs);
                for (k, mean) in mean.into_iter().enumerate() {
                    let of_output = |a: usize| matrix[(a * n + k / n) * size + a * n + k % n];
                    let expected = (0..layer.outputs).map(of_output).sum::<f64>() / layer.outputs as f64;
                    assert!(
                        (mean - expected).abs() < 1e-4 * matrix[0].abs().max(expected),
                        "{weight} {layer:?}"
                    );
                }
            }
        }
    }
}
