//! Training on the CPU: each tile on its own, as many side by side as there are threads.

use super::train::{Values, train};
use crate::backend::simd::{Batch, Entries, Level, Workspace};
use crate::backend::trainer::{Observe, PerKind, Points, Resident, Run, Sampled, Trainer, Turn};
use crate::error::Result;
use crate::network::LayerShape;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The CPU at one instruction level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub level: Level,
}

impl Trainer for Cpu {
    fn groups(&self, points: &[u64]) -> Vec<Range<usize>> {
        (0..points.len()).map(|n| n..n + 1).collect()
    }
    fn concurrency(&self) -> usize {
        rayon::current_num_threads()
    }
    fn is_parallel(&self) -> bool {
        false
    }
    fn hold<'a>(&'a self, points: Vec<Arc<Points>>) -> Result<Box<dyn Resident + 'a>> {
        Ok(Box::new(Held { level: self.level, points }))
    }
}

/// Displays as `cpu (avx512, 2 threads)`.
impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = rayon::current_num_threads();
        write!(f, "cpu ({}, {threads} thread{})", self.level.name(), if threads == 1 { "" } else { "s" })
    }
}

struct Held {
    level: Level,
    points: Vec<Arc<Points>>,
}

impl Resident for Held {
    fn train(&self, runs: &mut [Run<'_>], turn: Turn, observe: Observe<'_>) -> Result<()> {
        for (number, Run { network, points, schedule }) in runs.iter_mut().enumerate() {
            let mut seen = 0;
            let values = Values::new(&self.points[*points], schedule);
            train(self.level, std::slice::from_mut(network), &values, schedule, turn, |iteration, mse| {
                let iterations = (iteration - seen) as u64;
                seen = iteration;
                observe(number, iterations, mse)
            });
        }
        Ok(())
    }

    fn mean_curvatures(&self, of: &[Sampled<'_>]) -> Result<Vec<Vec<PerKind<f64>>>> {
        Ok(of.iter().map(|of| mean_curvatures(self.level, &self.points[of.points], of)).collect())
    }
}

/// The mean curvature of each layer, from the diagonals of the Gauss–Newton matrices.
fn mean_curvatures(level: Level, points: &Points, of: &Sampled<'_>) -> Vec<PerKind<f64>> {
    let of_layer = |(l, layer): (usize, LayerShape)| {
        let entries = Entries {
            outputs: vec![(0..layer.outputs).map(|a| (a, a)).collect()],
            inputs: (0..=layer.inputs).map(|i| (i, i)).collect(),
        };
        let mut sums = vec![0.0; layer.inputs + 1];
        let batch = Batch { first_layer: l, ..points.batch(0..of.blocks) };
        level.curvature(of.network, batch, &entries, &mut sums, &mut Workspace::default());
        let sums: Vec<f64> = sums.into_iter().map(|sum| f64::from(sum) * f64::from(of.share)).collect();
        let (bias, weights) = sums.split_last().expect("an entry of the biases");
        let outputs = layer.outputs as f64;
        PerKind {
            weights: weights.iter().sum::<f64>() / (outputs * layer.inputs as f64),
            biases: bias / outputs,
        }
    };
    of.network.shape().layers().enumerate().map(of_layer).collect()
}
