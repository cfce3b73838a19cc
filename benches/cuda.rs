//! Speed of a training step on a CUDA device: `cargo bench --bench cuda [-- NETWORK …]`, or as a part of
//! `benches/cuda.sh`.
//!
//! A step computes the loss and its gradient with respect to all parameters, on samples that are on the
//! device already. GFLOP/s count 6 flops per multiply-add and no sines. The peak is lanes times clock, as
//! reported by the driver. Every figure is the fastest of its runs.

use sirenc::backend::cuda::Cuda;
use sirenc::backend::simd::{BLOCK, Batch, Residuals};
use sirenc::network::{Network, Shape};

/// Points, inputs, width, sine layers, outputs; the first is a tile of the codec with its batch.
const CASES: [(usize, usize, usize, usize, usize); 7] = [
    (1536, 2, 14, 7, 3),
    (1 << 16, 2, 14, 7, 3),
    (1 << 16, 2, 28, 9, 3),
    (1 << 16, 2, 48, 9, 3),
    (1 << 16, 2, 64, 4, 3),
    (1 << 16, 2, 128, 4, 3),
    (1 << 16, 2, 256, 4, 3),
];
const RUNS: usize = 9;
const STEPS: usize = 20;

fn main() -> sirenc::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let cuda = match Cuda::open(0) {
        Ok(cuda) => cuda,
        Err(error) => {
            println!("skipped: {error}");
            return Ok(());
        }
    };
    let peak = cuda.peak()? * 1e-9;
    println!(
        "{cuda}, peak {peak:.0} GFLOP/s\n\n| network | points | µs | GFLOP/s | share |\n|---|---|---|---|---|"
    );
    for (points, inputs, width, layers, outputs) in CASES {
        let shape = Shape { inputs, outputs, layers, width };
        let name = format!("{inputs}→{width}×{layers}→{outputs}");
        if width > cuda.widest()
            || !(wanted.is_empty() || wanted.contains(&name.replace('→', "->").replace('×', "x")))
        {
            continue;
        }
        let numbers = |rows: usize| -> Vec<f32> {
            (0..rows * points).map(|n| (n * 40503 % 65536) as f32 / 32768.0 - 1.0).collect()
        };
        let network =
            Network::from_parameters(shape, numbers(shape.parameters())[..shape.parameters()].into());
        let [coordinates, targets] = [inputs, outputs].map(numbers);
        let weights = vec![1.0; points.next_multiple_of(BLOCK)];
        let batch = Batch {
            coordinates: &coordinates,
            targets: &targets,
            weights: &weights,
            first_layer: 0,
            residuals: Residuals::Values,
        };
        let mut fastest = f64::INFINITY;
        for _ in 0..RUNS {
            fastest = fastest.min(cuda.time_steps(&network, batch, STEPS)?.as_secs_f64() / STEPS as f64);
        }
        let rate = 6e-9 * (shape.macs() * points) as f64 / fastest;
        println!("| {name} | {points} | {:.1} | {rate:.0} | {:.0} % |", 1e6 * fastest, 100.0 * rate / peak);
    }
    Ok(())
}
