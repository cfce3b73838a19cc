//! Speed of the fused kernels against the machine's peak and, with the feature `candle`, against candle:
//! `cargo bench --bench kernels --features candle [-- NETWORK …]`. Results are recorded in
//! `benches/README.md`.
//!
//! GFLOP/s count 2 flops per multiply-add in a forward pass and 6 in a training step, for every engine; sines
//! are not counted. Times of jets are multiples of `forward`. The peak is that of independent fused
//! multiply-adds in registers, measured with each row on the same threads. Every figure is the fastest of its
//! runs: other work on the machine only ever adds time. A second table is of steps through derivatives (`adjoint.rs`).

mod adjoint;
mod peak;

use rayon::prelude::*;
use sirenc::backend::simd::{BLOCK, Batch, Level, Residuals, Workspace};
use sirenc::network::{Jet, Network, Shape};
use std::collections::HashMap;
#[cfg(feature = "candle")]
use std::hint::black_box;
use std::time::Instant;

/// A minibatch, and every pixel of a picture of the Kodak set.
const BATCH: usize = 1 << 14;
const KODAK: usize = 768 * 512;
/// Blocks per work item of one thread, as in the fit.
const SHARE: usize = 4;

/// Points, inputs, width, sine layers, outputs; the first network is typical of the codec.
const CASES: [(usize, usize, usize, usize, usize); 10] = [
    (BATCH, 2, 22, 8, 3),
    (BATCH, 2, 28, 9, 3),
    (BATCH, 2, 48, 9, 3),
    (BATCH, 2, 64, 4, 3),
    (BATCH, 2, 128, 4, 3),
    (BATCH, 2, 256, 4, 3),
    (BATCH, 3, 64, 6, 1),
    (BATCH, 1, 48, 6, 1),
    (BATCH, 1, 24, 8, 1),
    (KODAK, 2, 28, 9, 3),
];

/// Time of the fastest of several runs in seconds, after two warm-up runs.
fn fastest(runs: usize, mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs + 2).map(time).skip(2).fold(f64::INFINITY, f64::min)
}

/// Whether the command line names the network, or none.
fn wanted(name: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|a| !a.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|other| other == name)
}

fn main() {
    println!(
        "GFLOP/s (share of the peak), jets in times of forward, and the gain over one thread\n\
         {:14} {:>7} {:8} {:>7} {:>14} {:>14} {:>8} {:>9} {:>7} {:>14}",
        "network", "points", "level", "threads", "forward", "step", "gradient", "Laplacian", "peak", "gain"
    );
    let all = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut single = HashMap::new();
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        for (points, inputs, width, layers, outputs) in CASES {
            let name = format!("{inputs}->{width}x{layers}->{outputs}");
            if wanted(&name) {
                let case = Case::new(Shape { inputs, outputs, layers, width }, points);
                pool.install(|| case.measure(&name, threads, &mut single));
            }
        }
        pool.install(|| adjoint::measure(threads));
    }
}

/// A network and points to train it on.
struct Case {
    network: Network,
    points: usize,
    coordinates: Vec<f32>,
    targets: Vec<f32>,
    weights: Vec<f32>,
}

/// The fastest run of each kernel, in seconds.
#[derive(Clone, Copy)]
struct Times {
    forward: f64,
    step: f64,
}

impl Case {
    fn new(shape: Shape, points: usize) -> Self {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        Case {
            network: Network::from_parameters(shape, (0..shape.parameters()).map(|_| 0.3 * next()).collect()),
            points,
            coordinates: (0..points * shape.inputs).map(|_| next()).collect(),
            targets: (0..points * shape.outputs).map(|_| next()).collect(),
            weights: vec![1.0; points],
        }
    }

    /// The points of one work item.
    fn batch(&self, share: usize) -> Batch<'_> {
        let Shape { inputs, outputs, .. } = self.network.shape();
        let part = |rows: usize| share * SHARE * rows * BLOCK..(share + 1) * SHARE * rows * BLOCK;
        Batch {
            coordinates: &self.coordinates[part(inputs)],
            targets: &self.targets[part(outputs)],
            weights: &self.weights[part(1)],
            first_layer: 0,
            residuals: Residuals::Values,
        }
    }

    /// GFLOP/s of a forward pass and of a training step that take `times`.
    fn rates(&self, times: Times) -> (f64, f64) {
        let giga = (self.network.shape().macs() * self.points) as f64 * 1e-9;
        (2.0 * giga / times.forward, 6.0 * giga / times.step)
    }

    /// Prints a row per level, and one for candle. `single` stores the times of one thread.
    fn measure(&self, name: &str, threads: usize, single: &mut HashMap<(String, usize, Level), Times>) {
        let row = format!("{name:14} {:7}", self.points);
        for level in Level::available().into_iter().rev() {
            // Without an FMA instruction the portable level calls a library function: if there are faster
            // levels, one row of it is enough.
            let slow = level == Level::Portable && level != Level::best();
            if slow && (threads > 1 || self.points != BATCH || name != "2->28x9->3") {
                continue;
            }
            let runs = if slow { 3 } else { 15 };
            let mut workers: Vec<Worker> =
                (0..self.points / BLOCK / SHARE).map(|_| Worker::new(self.network.shape())).collect();
            let times = Times {
                forward: fastest(runs, || self.forward(level, &mut workers)),
                step: fastest(runs, || self.step(level, &mut workers)),
            };
            let [gradient, laplacian] = [Jet::Gradient, Jet::Laplacian]
                .map(|jet| fastest(runs, || self.jet(level, jet, &mut workers)) / times.forward);
            let peak = peak::of_threads(level, runs);
            let one = *single.entry((name.to_string(), self.points, level)).or_insert(times);
            let (forward, step) = self.rates(times);
            println!(
                "{row} {:8} {threads:7} {forward:8.1} ({:2.0}%) {step:8.1} ({:2.0}%) {gradient:8.2} {laplacian:9.2} \
                 {peak:7.1} {:6.2} / {:.2}",
                level.name(),
                100.0 * forward / peak,
                100.0 * step / peak,
                one.forward / times.forward,
                one.step / times.step
            );
        }
        #[cfg(feature = "candle")]
        {
            let (forward, step) = self.rates(self.candle());
            println!("{row} candle   {threads:7} {forward:8.1}       {step:8.1}");
        }
    }

    fn forward(&self, level: Level, workers: &mut [Worker]) {
        workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
            let coordinates = self.batch(share).coordinates;
            level.forward(&self.network, coordinates, &mut worker.values, &mut worker.workspace);
        });
    }

    fn step(&self, level: Level, workers: &mut [Worker]) {
        workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
            level.step(&self.network, self.batch(share), 1.0, &mut worker.gradient, &mut worker.workspace);
        });
    }

    fn jet(&self, level: Level, jet: Jet, workers: &mut [Worker]) {
        let Shape { inputs, outputs, .. } = self.network.shape();
        let rows = jet.components(inputs) * outputs;
        workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
            worker.jet.resize(SHARE * rows * BLOCK, 0.0);
            let coordinates = self.batch(share).coordinates;
            level.jet(&self.network, coordinates, jet, &mut worker.jet, &mut worker.workspace);
        });
    }

    #[cfg(feature = "candle")]
    fn candle(&self) -> Times {
        use sirenc::backend::candle::{CandleBackend, Precision};
        let candle = CandleBackend::new(Precision::Binary32);
        let batch = Batch {
            coordinates: &self.coordinates,
            targets: &self.targets,
            weights: &self.weights,
            first_layer: 0,
            residuals: Residuals::Values,
        };
        Times {
            forward: fastest(5, || {
                black_box(candle.forward(&self.network, &self.coordinates).expect("candle evaluates"));
            }),
            step: fastest(5, || {
                black_box(candle.step(&self.network, batch, 1.0).expect("candle differentiates"));
            }),
        }
    }
}

/// The buffers of one work item.
struct Worker {
    values: Vec<f32>,
    jet: Vec<f32>,
    gradient: Vec<f32>,
    workspace: Workspace,
}

impl Worker {
    fn new(shape: Shape) -> Self {
        Worker {
            values: vec![0.0; SHARE * shape.outputs * BLOCK],
            jet: vec![],
            gradient: vec![0.0; shape.parameters()],
            workspace: Workspace::default(),
        }
    }
}
