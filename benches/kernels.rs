//! Speed of the fused kernels: `cargo bench --bench kernels`.
//!
//! GFLOP/s count 2 flops per multiply-add forward and 6 per training step.

use sirenc::backend::simd::{BLOCK, Batch, Level, Workspace};
use sirenc::network::{Network, Shape};
use std::time::Instant;

/// Best of several runs, seconds.
fn best(mut run: impl FnMut()) -> f64 {
    (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let points = 128 * BLOCK;
    println!(
        "{:16} {:8} {:>14} {:>14}   GFLOP/s, one thread, {points} points",
        "network", "level", "forward", "step"
    );
    for (inputs, width, layers, outputs) in
        [(2, 22, 8, 3), (2, 28, 9, 3), (2, 48, 9, 3), (2, 64, 4, 3), (2, 256, 4, 3), (1, 24, 8, 1)]
    {
        let shape = Shape { inputs, outputs, layers, width };
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let network =
            Network::from_parameters(shape, (0..shape.parameters()).map(|_| 0.3 * next()).collect());
        let coordinates: Vec<f32> = (0..points * inputs).map(|_| next()).collect();
        let targets: Vec<f32> = (0..points * outputs).map(|_| next()).collect();
        let weights = vec![1.0; points];
        for level in Level::available().into_iter().rev() {
            let mut workspace = Workspace::default();
            let mut values = vec![0.0; points * outputs];
            let forward = best(|| level.forward(&network, &coordinates, &mut values, &mut workspace));
            let mut gradient = vec![0.0; shape.parameters()];
            let batch =
                Batch { coordinates: &coordinates, targets: &targets, weights: &weights, first_layer: 0 };
            let step = best(|| {
                level.step(&network, batch, 1.0, &mut gradient, &mut workspace);
            });
            let giga = (shape.macs() * points) as f64 * 1e-9;
            println!(
                "{:16} {:8} {:14.1} {:14.1}",
                format!("{inputs}->{width}x{layers}->{outputs}"),
                level.name(),
                2.0 * giga / forward,
                6.0 * giga / step
            );
            if level == Level::Portable {
                break;
            }
        }
    }
}
