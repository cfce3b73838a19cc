//! Implements the interface to the encoder: groups of tiles that are on the device together.

use super::Cuda;
use super::curvature::CurvatureOf;
use super::samples::DeviceSamples;
use super::train::Fit;
use crate::backend::trainer::{Observe, PerKind, Points, Resident, Run, Sampled, Trainer, Turn};
use crate::error::Result;
use crate::network::LayerShape;
use std::ops::Range;
use std::sync::Arc;

/// Approximate number of points on the device at a time: 24 bytes each for three channels, there and on the
/// host.
const GROUP_POINTS: u64 = 1 << 24;
/// Tiles at a time: a grid of thread blocks has a row for each.
const GROUP_TILES: usize = 1 << 12;

impl Trainer for Cuda {
    fn groups(&self, points: &[u64]) -> Vec<Range<usize>> {
        let (mut groups, mut from, mut held) = (vec![], 0, 0);
        for (n, &points) in points.iter().enumerate() {
            if n > from && (held + points > GROUP_POINTS || n - from == GROUP_TILES) {
                groups.push(from..n);
                (from, held) = (n, 0);
            }
            held += points;
        }
        groups.push(from..points.len());
        groups
    }
    fn concurrency(&self) -> usize {
        1
    }
    fn is_parallel(&self) -> bool {
        true
    }
    fn hold<'a>(&'a self, points: Vec<Arc<Points>>) -> Result<Box<dyn Resident + 'a>> {
        let samples = points.iter().map(|points| self.upload(points.all())).collect::<Result<_>>()?;
        Ok(Box::new(Held { cuda: self, samples }))
    }
}

struct Held<'a> {
    cuda: &'a Cuda,
    samples: Vec<DeviceSamples>,
}

impl Resident for Held<'_> {
    fn train(&self, runs: &mut [Run<'_>], turn: Turn, observe: Observe<'_>) -> Result<()> {
        let mut seen = vec![0; runs.len()];
        let mut fits: Vec<Fit<'_>> = runs
            .iter_mut()
            .map(|Run { network, points, schedule }| Fit {
                network,
                samples: &self.samples[*points],
                schedule: *schedule,
            })
            .collect();
        self.cuda.train(&mut fits, turn.time.as_ref(), |fit, iteration, mse| {
            let iterations = (iteration - seen[fit]) as u64;
            seen[fit] = iteration;
            observe(fit, iterations, mse)
        })
    }

    fn mean_curvatures(&self, of: &[Sampled<'_>]) -> Result<Vec<Vec<PerKind<f64>>>> {
        let layers = |&Sampled { network, points, blocks, share }| {
            let samples = &self.samples[points];
            let layers = network.shape().layers().enumerate();
            layers.map(move |(layer, of)| CurvatureOf {
                network,
                layer,
                samples,
                blocks,
                share,
                together: of.outputs,
            })
        };
        let matrices = self.cuda.curvatures(&of.iter().flat_map(layers).collect::<Vec<_>>())?;
        let mut matrices = matrices.iter();
        let of_network = |of: &Sampled<'_>| {
            let layers = of.network.shape().layers().zip(matrices.by_ref());
            layers.map(|(layer, matrix)| diagonal_means(matrix, layer)).collect()
        };
        Ok(of.iter().map(of_network).collect())
    }
}

/// The means of a layer from the diagonal of the mean matrix of its outputs, `(inputs + 1)²`.
fn diagonal_means(matrix: &[f64], layer: LayerShape) -> PerKind<f64> {
    let diagonal = |i: usize| matrix[i * (layer.inputs + 2)];
    let weights = (0..layer.inputs).map(diagonal).sum::<f64>() / layer.inputs as f64;
    PerKind { weights, biases: diagonal(layer.inputs) }
}
