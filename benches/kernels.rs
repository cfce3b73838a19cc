//! Speed of the fused kernels against the machine's peak and, with the feature `candle`, against candle:
//! `cargo bench --bench kernels --features candle`. Records stand in `benches/README.md`.
//!
//! GFLOP/s count 2 flops per multiply-add forward and 6 per training step, for every engine; sines are not counted.
//! The peak is that of independent fused multiply-adds in registers, measured beside each row on the same threads.

#![allow(unsafe_code)]

use rayon::prelude::*;
use sirenc::backend::simd::{BLOCK, Batch, Level, Workspace};
use sirenc::network::{Network, Shape};
use std::hint::black_box;
use std::time::Instant;

const BLOCKS: usize = 128;
/// Blocks per piece of work of one thread, as in the fit.
const SHARE: usize = 4;

/// Median time of several runs in seconds, after two that warm up.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs + 2)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .skip(2)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Training points of one network.
struct Points {
    coordinates: Vec<f32>,
    targets: Vec<f32>,
    weights: Vec<f32>,
}

impl Points {
    fn batch(&self, shape: Shape, share: usize) -> Batch<'_> {
        let part = |rows: usize| share * SHARE * rows * BLOCK..(share + 1) * SHARE * rows * BLOCK;
        Batch {
            coordinates: &self.coordinates[part(shape.inputs)],
            targets: &self.targets[part(shape.outputs)],
            weights: &self.weights[part(1)],
            first_layer: 0,
        }
    }
}

fn main() {
    println!(
        "{} points, GFLOP/s (share of the peak); medians\n{:16} {:8} {:>7} {:>15} {:>15} {:>9}",
        BLOCKS * BLOCK,
        "network",
        "level",
        "threads",
        "forward",
        "step",
        "peak"
    );
    let all = std::thread::available_parallelism().map_or(1, |n| n.get());
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        for (inputs, width, layers, outputs) in
            [(2, 22, 8, 3), (2, 28, 9, 3), (2, 48, 9, 3), (2, 64, 4, 3), (2, 256, 4, 3), (1, 24, 8, 1)]
        {
            pool.install(|| measure(Shape { inputs, outputs, layers, width }, threads));
        }
    }
}

fn measure(shape: Shape, threads: usize) {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let network = Network::from_parameters(shape, (0..shape.parameters()).map(|_| 0.3 * next()).collect());
    let count = BLOCKS * BLOCK;
    let points = Points {
        coordinates: (0..count * shape.inputs).map(|_| next()).collect(),
        targets: (0..count * shape.outputs).map(|_| next()).collect(),
        weights: vec![1.0; count],
    };
    let name = format!("{}->{}x{}->{}", shape.inputs, shape.width, shape.layers, shape.outputs);
    let giga = (shape.macs() * count) as f64 * 1e-9;
    for level in Level::available().into_iter().rev() {
        // Without an FMA instruction the portable level calls the library's: where there are faster ones, one row of
        // it is enough.
        if level == Level::Portable && level != Level::best() && (threads > 1 || shape.width != 28) {
            continue;
        }
        let runs = if level == Level::Portable { 3 } else { 15 };
        let mut workers: Vec<Worker> = (0..BLOCKS / SHARE).map(|_| Worker::new(shape)).collect();
        let forward = median(runs, || {
            workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
                let coordinates = points.batch(shape, share).coordinates;
                level.forward(&network, coordinates, &mut worker.values, &mut worker.workspace);
            });
        });
        let step = median(runs, || {
            workers.par_iter_mut().enumerate().for_each(|(share, worker)| {
                let batch = points.batch(shape, share);
                level.step(&network, batch, 1.0, &mut worker.gradient, &mut worker.workspace);
            });
        });
        // The slowest thread counts: that is what a row of threads waits for.
        let peak = threads as f64
            * rayon::broadcast(|_| peak::gigaflops(level, runs)).into_iter().fold(f64::INFINITY, f64::min);
        let (forward, step) = (2.0 * giga / forward, 6.0 * giga / step);
        println!(
            "{name:16} {:8} {threads:7} {forward:8.1} ({:3.0}%) {step:8.1} ({:3.0}%) {peak:9.1}",
            level.name(),
            100.0 * forward / peak,
            100.0 * step / peak
        );
    }
    #[cfg(feature = "candle")]
    {
        use sirenc::backend::candle::{CandleBackend, Precision};
        let candle = CandleBackend::new(Precision::Binary32);
        let whole = Batch {
            coordinates: &points.coordinates,
            targets: &points.targets,
            weights: &points.weights,
            first_layer: 0,
        };
        let forward = median(7, || {
            black_box(candle.forward(&network, &points.coordinates).expect("candle evaluates"));
        });
        let step = median(7, || {
            black_box(candle.step(&network, whole, 1.0).expect("candle differentiates"));
        });
        println!(
            "{name:16} candle   {threads:7} {:8.1}        {:8.1}",
            2.0 * giga / forward,
            6.0 * giga / step
        );
    }
}

/// What one share of the points needs for itself.
struct Worker {
    values: Vec<f32>,
    gradient: Vec<f32>,
    workspace: Workspace,
}

impl Worker {
    fn new(shape: Shape) -> Self {
        Worker {
            values: vec![0.0; SHARE * shape.outputs * BLOCK],
            gradient: vec![0.0; shape.parameters()],
            workspace: Workspace::default(),
        }
    }
}

/// The rate of fused multiply-adds that depend on nothing but themselves.
mod peak {
    use super::{Level, black_box, median};

    /// More than latency × throughput of any unit, and few enough to stay in registers.
    const CHAINS: usize = 14;
    const ROUNDS: usize = 100_000;

    /// GFLOP/s of this thread.
    pub fn gigaflops(level: Level, runs: usize) -> f64 {
        let lanes = match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => 8,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => 16,
            _ => 1,
        };
        let seconds = median(runs, || match level {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Level::available` found the instructions.
            Level::Avx2 => unsafe { x86::avx2(black_box(0.5), ROUNDS) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx512 => unsafe { x86::avx512(black_box(0.5), ROUNDS) },
            _ => scalar(black_box(0.5), ROUNDS),
        });
        (2 * CHAINS * lanes * ROUNDS) as f64 * 1e-9 / seconds
    }

    fn scalar(x: f32, rounds: usize) {
        let mut sums = [0f32; CHAINS];
        for _ in 0..rounds {
            sums.iter_mut().for_each(|sum| *sum = sum.mul_add(x, x));
        }
        black_box(sums);
    }

    #[cfg(target_arch = "x86_64")]
    mod x86 {
        use super::{CHAINS, black_box};
        use std::arch::x86_64::*;

        #[target_feature(enable = "avx2,fma")]
        pub unsafe fn avx2(x: f32, rounds: usize) {
            let x = _mm256_set1_ps(x);
            let mut sums = [_mm256_setzero_ps(); CHAINS];
            for _ in 0..rounds {
                sums.iter_mut().for_each(|sum| *sum = _mm256_fmadd_ps(*sum, x, x));
            }
            black_box(sums);
        }

        #[target_feature(enable = "avx512f")]
        pub unsafe fn avx512(x: f32, rounds: usize) {
            let x = _mm512_set1_ps(x);
            let mut sums = [_mm512_setzero_ps(); CHAINS];
            for _ in 0..rounds {
                sums.iter_mut().for_each(|sum| *sum = _mm512_fmadd_ps(*sum, x, x));
            }
            black_box(sums);
        }
    }
}
