//! Steps of training through derivatives of the network, beside the peak: a loss `mean (Δu − f)²` or `mean ‖∇u − f‖²`
//! and its gradient by all parameters.
//!
//! GFLOP/s count 2 flops per multiply-add of the products that a step consists of: each layer's weights times each
//! component of the jets (the value, a derivative by each input, the Laplacian) in the forward pass, in the gradient by the
//! weights and, but for the first layer, in the gradient by the inputs. Sines and their derivatives are not counted.

use super::{BATCH, Case, SHARE, Worker, fastest, peak, wanted};
use rayon::prelude::*;
use sirenc::backend::simd::{BLOCK, Level};
use sirenc::network::{Jet, Shape};

/// Width and sine layers of networks of two inputs and one output.
const CASES: [(usize, usize); 3] = [(64, 4), (128, 3), (256, 4)];
const RUNS: usize = 15;

/// Prints a row for each network and level.
pub fn measure(threads: usize) {
    println!(
        "\nStep through derivatives, GFLOP/s (share of the peak) and time\n\
         {:14} {:>7} {:8} {:>7} {:>25} {:>25} {:>7}",
        "network", "points", "level", "threads", "gradient", "Laplacian", "peak"
    );
    for (width, layers) in CASES {
        let name = format!("2->{width}x{layers}->1");
        if wanted(&name) {
            let case = Case::new(Shape { inputs: 2, outputs: 1, layers, width }, BATCH);
            for level in Level::available().into_iter().rev().filter(|&level| level != Level::Portable) {
                case.derivatives(&name, level, threads);
            }
        }
    }
}

impl Case {
    fn derivatives(&self, name: &str, level: Level, threads: usize) {
        let shape = self.network.shape();
        let mut workers: Vec<Worker> = (0..self.points / BLOCK / SHARE).map(|_| Worker::new(shape)).collect();
        let times = [Jet::Gradient, Jet::Laplacian]
            .map(|jet| (jet, fastest(RUNS, || self.through(level, jet, &mut workers))));
        let peak = peak::of_threads(level, RUNS);
        print!("{name:14} {:7} {:8} {threads:7}", self.points, level.name());
        for (jet, time) in times {
            let products = 3 * shape.macs() - shape.inputs * shape.width;
            let rate = (2 * jet.components(shape.inputs) * products * self.points) as f64 * 1e-9 / time;
            print!(" {rate:8.1} ({:2.0}%) {:8.2} ms", 100.0 * rate / peak, 1e3 * time);
        }
        println!(" {peak:7.1}");
    }

    /// One step through the last components of `jet`: the Laplacian, or the gradient.
    fn through(&self, level: Level, jet: Jet, workers: &mut [Worker]) {
        let inputs = self.network.shape().inputs;
        let from = if jet == Jet::Laplacian { 1 + inputs } else { 1 };
        workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
            let batch = self.batch(share);
            let mut seeds = |first: usize, jets: &mut [f32]| {
                let lanes = jets.len() / jet.components(inputs);
                let (others, derivatives) = jets.split_at_mut(from * lanes);
                others.fill(0.0);
                let mut loss = 0.0;
                for row in derivatives.chunks_exact_mut(lanes) {
                    for (number, target) in row.iter_mut().zip(&batch.targets[first..]) {
                        let error = *number - target;
                        loss += error * error;
                        *number = 2.0 * error;
                    }
                }
                f64::from(loss)
            };
            let Worker { gradient, workspace, .. } = worker;
            level.adjoint(&self.network, batch.coordinates, jet, &mut seeds, gradient, workspace);
        });
    }
}
