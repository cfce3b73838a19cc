//! The fused kernels: one generic algorithm, thin instantiations per instruction set, chosen once at run time.

#![allow(unsafe_code)]

mod fused;
mod gemm;
mod jet;
mod lanes;

pub use fused::Workspace;

use crate::network::{Jet, Network};
use fused::Pass;
use std::sync::OnceLock;

/// Points per block. Data handed to the kernels comes in rows of this many points.
pub const BLOCK: usize = 128;

/// An instruction set the kernels are compiled for. All give the same bits for [`Level::forward`] and [`Level::jet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Four lanes of plain Rust.
    Portable,
    /// AVX2 and FMA, eight lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F, sixteen lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The levels this machine can run, slowest first.
    pub fn available() -> Vec<Level> {
        let levels = [
            Level::Portable,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512,
        ];
        levels.into_iter().filter(|level| level.is_available()).collect()
    }

    /// Whether this machine has the level's instructions.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => is_x86_feature_detected!("avx512f"),
        }
    }

    /// Anyone may name any level, so every call asks before instructions run that the machine may not have. The
    /// answer is cached by the standard library.
    fn assert_available(self) {
        assert!(self.is_available(), "this machine lacks the instructions of {}", self.name());
    }

    /// The fastest available level, or the one that `SIRENC_SIMD` names (`scalar`, `avx2`, `avx512`) if it is
    /// available. Chosen at the first call.
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| {
            let levels = Level::available();
            let wanted = std::env::var("SIRENC_SIMD").unwrap_or_default();
            let named = levels.iter().copied().find(|level| level.name() == wanted);
            named.or_else(|| levels.last().copied()).unwrap_or(Level::Portable)
        })
    }

    /// `scalar`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Evaluates `network` on whole blocks: `coordinates` holds per block `inputs × BLOCK`, `values` receives per
    /// block `outputs × BLOCK`. The bits are those of [`Network::evaluate`].
    ///
    /// # Panics
    /// If the lengths are not those of whole and equally many blocks, or the level is not available.
    pub fn forward(
        self,
        network: &Network,
        coordinates: &[f32],
        values: &mut [f32],
        workspace: &mut Workspace,
    ) {
        self.assert_available();
        let pass = Pass { shape: network.shape(), parameters: network.parameters(), coordinates, workspace };
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { fused::forward::<lanes::Portable, 2>(pass, values) },
            // SAFETY: the machine has the instructions: asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { forward_avx2(pass, values) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { forward_avx512(pass, values) },
        }
    }

    /// Adds the gradient of the weighted squared error over whole blocks, times `scale`, to `gradient` (from layer
    /// `batch.first_layer` on), and returns the error `Σ_p weight_p · Σ_c (value − target)²`. `targets` holds per block `outputs × BLOCK`,
    /// `point_weights` per block `BLOCK` numbers. Levels differ in the last bits of the gradient.
    ///
    /// # Panics
    /// If the lengths are not those of whole and equally many blocks, or the level is not available.
    pub fn step(
        self,
        network: &Network,
        batch: Batch<'_>,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        self.assert_available();
        let pass = Pass {
            shape: network.shape(),
            parameters: network.parameters(),
            coordinates: batch.coordinates,
            workspace,
        };
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { fused::step::<lanes::Portable, 2, 2>(pass, batch, scale, gradient) },
            // SAFETY: the machine has the instructions: asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { step_avx2(pass, batch, scale, gradient) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { step_avx512(pass, batch, scale, gradient) },
        }
    }

    /// Evaluates `network` and its derivatives by its own coordinates on whole blocks of points.
    ///
    /// `coordinates` holds per block `inputs × BLOCK`, `out` receives per block `components × outputs × BLOCK`: for
    /// each component of `jet`, in the order it gives them, the rows of all outputs. So the first `outputs` rows of a
    /// block are the values, with the bits of [`Level::forward`]; the derivatives have the same bits on every level,
    /// and `spec/numerics.md` says how close they are.
    ///
    /// # Panics
    /// If the network has no inputs or more than 4, the lengths are not those of whole and equally many blocks, or the
    /// level is not available.
    pub fn jet(
        self,
        network: &Network,
        coordinates: &[f32],
        jet: Jet,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) {
        self.assert_available();
        let pass = Pass { shape: network.shape(), parameters: network.parameters(), coordinates, workspace };
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { jet::jet::<lanes::Portable>(pass, jet, out) },
            // SAFETY: the machine has the instructions: asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { jet_avx2(pass, jet, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { jet_avx512(pass, jet, out) },
        }
    }

    /// Replaces the square matrix `m` (`n × n`, rows `stride` apart, columns from `n` to `stride` zero) by an
    /// approximation of its nearest orthogonal matrix: five quintic Newton–Schulz iterations, as in Muon (Jordan et
    /// al. 2024), which bring all singular values to about 1.
    ///
    /// # Panics
    /// If `stride` is not a multiple of 16 and at least `n`, `m` is not `n · stride` long, or the level is not
    /// available.
    pub fn orthogonalize(self, n: usize, stride: usize, m: &mut [f32], scratch: &mut [Vec<f32>; 3]) {
        self.assert_available();
        assert!(stride.is_multiple_of(16) && stride >= n && m.len() == n * stride);
        scratch.iter_mut().for_each(|s| s.resize(n * stride, 0.0));
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { gemm::orthogonalize::<lanes::Portable>(n, stride, m, scratch) },
            // SAFETY: the machine has the instructions: asserted above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { orthogonalize_avx2(n, stride, m, scratch) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { orthogonalize_avx512(n, stride, m, scratch) },
        }
    }
}

/// Training points in whole blocks.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Per block `inputs × BLOCK`.
    pub coordinates: &'a [f32],
    /// Per block `outputs × BLOCK`.
    pub targets: &'a [f32],
    /// Per block `BLOCK`; 0 for padding.
    pub weights: &'a [f32],
    /// The first layer whose gradient is wanted; the layers before it are frozen.
    pub first_layer: usize,
}

macro_rules! instances {
    ($feature:literal, $lanes:ty, $columns:literal, $rows:literal, $forward:ident, $step:ident, $jet:ident, $orthogonalize:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        unsafe fn $orthogonalize(n: usize, stride: usize, m: &mut [f32], scratch: &mut [Vec<f32>; 3]) {
            // SAFETY: this function's target features are those of the lanes.
            unsafe { gemm::orthogonalize::<$lanes>(n, stride, m, scratch) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        unsafe fn $forward(pass: Pass<'_>, values: &mut [f32]) {
            // SAFETY: this function's target features are those of the lanes.
            unsafe { fused::forward::<$lanes, $columns>(pass, values) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        unsafe fn $step(pass: Pass<'_>, batch: Batch<'_>, scale: f32, gradient: &mut [f32]) -> f64 {
            // SAFETY: this function's target features are those of the lanes.
            unsafe { fused::step::<$lanes, $columns, $rows>(pass, batch, scale, gradient) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $feature)]
        unsafe fn $jet(pass: Pass<'_>, jet: Jet, out: &mut [f32]) {
            // SAFETY: this function's target features are those of the lanes.
            unsafe { jet::jet::<$lanes>(pass, jet, out) }
        }
    };
}

instances!("avx2,fma", lanes::Avx2, 2, 2, forward_avx2, step_avx2, jet_avx2, orthogonalize_avx2);
instances!("avx512f", lanes::Avx512, 4, 4, forward_avx512, step_avx512, jet_avx512, orthogonalize_avx512);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    /// A small deterministic generator; the tests need variety, not quality.
    pub(super) fn numbers(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        }
    }

    pub(super) fn network(shape: Shape, seed: u64) -> Network {
        let mut next = numbers(seed);
        let parameters = (0..shape.parameters()).map(|_| 0.5 * next()).collect();
        Network::from_parameters(shape, parameters)
    }

    fn assert_bits(network: &Network, coordinates: &[f32]) {
        let Shape { inputs, outputs, .. } = network.shape();
        for level in Level::available() {
            let mut values = vec![0.0; coordinates.len() / inputs * outputs];
            level.forward(network, coordinates, &mut values, &mut Workspace::default());
            for p in 0..coordinates.len() / inputs {
                let (block, lane) = (p / BLOCK, p % BLOCK);
                let point: Vec<f32> =
                    (0..inputs).map(|i| coordinates[(block * inputs + i) * BLOCK + lane]).collect();
                for (c, expected) in network.evaluate(&point).into_iter().enumerate() {
                    let got = values[(block * outputs + c) * BLOCK + lane];
                    assert_eq!(
                        got.to_bits(),
                        expected.to_bits(),
                        "{level:?} {:?} {point:?}",
                        network.shape()
                    );
                }
            }
        }
    }

    #[test]
    fn every_level_has_the_bits_of_the_specification_at_every_width() {
        let mut next = numbers(7);
        let coordinates: Vec<f32> = (0..2 * BLOCK).map(|_| next()).collect();
        for width in (1..=64).chain([100, 127, 300]) {
            for (inputs, outputs, layers) in [(2, 3, 2), (1, 1, 1), (2, 8, 3)] {
                let shape = Shape { inputs, outputs, layers, width };
                assert_bits(&network(shape, width as u64), &coordinates);
            }
        }
    }

    #[test]
    fn hostile_phases_have_the_bits_of_the_specification() {
        let special =
            [0.0, -0.0, 1e-45, -1e-40, 0.5, 8388607.5, 16777216.0, -3e9, 65536.0, f32::MIN_POSITIVE];
        let mut coordinates = vec![0.0; BLOCK];
        coordinates.iter_mut().zip(special.iter().cycle()).for_each(|(c, &s)| *c = s);
        for scale in [1.0, -1e-30, 65536.0] {
            let shape = Shape { inputs: 1, outputs: 2, layers: 2, width: 5 };
            let mut network = network(shape, 3);
            network.parameters_mut()[..5].iter_mut().for_each(|w| *w *= scale);
            assert_bits(&network, &coordinates);
        }
    }

    #[test]
    fn gradients_match_binary64_backpropagation() {
        for (seed, shape) in [
            Shape { inputs: 2, outputs: 3, layers: 4, width: 22 },
            Shape { inputs: 1, outputs: 1, layers: 1, width: 3 },
            Shape { inputs: 2, outputs: 4, layers: 2, width: 37 },
        ]
        .into_iter()
        .enumerate()
        {
            let mut network = network(shape, seed as u64);
            // Trained networks have phases of about a turn; larger ones only amplify the rounding of the inputs.
            network.parameters_mut().iter_mut().for_each(|w| *w *= 0.4);
            let mut next = numbers(99);
            let points = 2 * BLOCK;
            let coordinates: Vec<f32> = (0..points * shape.inputs).map(|_| next()).collect();
            let targets: Vec<f32> = (0..points * shape.outputs).map(|_| next()).collect();
            let weights: Vec<f32> = (0..points).map(|p| (p % 3) as f32 * 0.5).collect();
            let batch =
                Batch { coordinates: &coordinates, targets: &targets, weights: &weights, first_layer: 0 };
            let (loss, gradient) = binary64_step(&network, batch);
            for level in Level::available() {
                let mut got = vec![0.0; shape.parameters()];
                let got_loss = level.step(&network, batch, 1.0, &mut got, &mut Workspace::default());
                let error: f64 = got.iter().zip(&gradient).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
                let norm: f64 = gradient.iter().map(|b| b * b).sum();
                assert!((error / norm).sqrt() < 1e-5, "{level:?} {shape:?}: {:e}", (error / norm).sqrt());
                assert!((got_loss / loss - 1.0).abs() < 1e-6, "{level:?} {got_loss} {loss}");
            }
        }
    }

    /// Points of a batch for `shape` in `blocks` blocks: coordinates, targets, weights.
    fn points(shape: Shape, blocks: usize) -> [Vec<f32>; 3] {
        [shape.inputs, shape.outputs, 1].map(|rows| {
            let mut next = numbers(rows as u64);
            (0..blocks * rows * BLOCK).map(|_| next()).collect()
        })
    }

    #[test]
    fn a_used_workspace_gives_the_bits_of_a_fresh_one() {
        let shapes = [(2, 3, 5, 40), (1, 8, 1, 1), (2, 8, 3, 2), (2, 1, 9, 7), (1, 1, 2, 64), (2, 3, 5, 40)];
        for level in Level::available() {
            let mut used = Workspace::default();
            for (inputs, outputs, layers, width) in shapes {
                let shape = Shape { inputs, outputs, layers, width };
                let network = network(shape, 5);
                let [coordinates, targets, weights] = &points(shape, 2);
                let batch = Batch { coordinates, targets, weights, first_layer: 0 };
                let run = |workspace: &mut Workspace| {
                    let mut values = vec![0.0; targets.len()];
                    level.forward(&network, coordinates, &mut values, workspace);
                    let mut gradient = vec![0.0; shape.parameters()];
                    let loss = level.step(&network, batch, 0.5, &mut gradient, workspace);
                    values.extend(gradient);
                    (values, loss)
                };
                // What an earlier pass left behind must not be read.
                used.poison();
                assert_eq!(run(&mut used), run(&mut Workspace::default()), "{level:?} {shape:?}");
            }
        }
    }

    #[test]
    fn the_bounds_of_every_buffer_hold_for_thin_and_shallow_networks() {
        for (inputs, outputs, layers, width) in
            [(1, 1, 1, 1), (4, 8, 1, 1), (1, 8, 3, 2), (4, 1, 2, 5), (3, 8, 1, 7)]
        {
            let shape = Shape { inputs, outputs, layers, width };
            let network = network(shape, 11);
            let [coordinates, targets, weights] = &points(shape, 2);
            let batch = Batch { coordinates, targets, weights, first_layer: 0 };
            let (loss, gradient) = binary64_step(&network, batch);
            let norm = gradient.iter().map(|b| b * b).sum::<f64>().sqrt();
            for level in Level::available() {
                assert_bits(&network, coordinates);
                let mut got = vec![0.0; shape.parameters()];
                let got_loss = level.step(&network, batch, 1.0, &mut got, &mut Workspace::default());
                for (&a, b) in got.iter().zip(&gradient) {
                    assert!((f64::from(a) - b).abs() < 1e-5 * norm, "{level:?} {shape:?}: {a} {b}");
                }
                assert!((got_loss - loss).abs() < 1e-5 * loss.abs().max(1.0), "{level:?} {got_loss} {loss}");
            }
        }
    }

    #[test]
    fn no_blocks_give_no_values_and_no_gradient() {
        let shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 5 };
        let network = network(shape, 1);
        let batch = Batch { coordinates: &[], targets: &[], weights: &[], first_layer: 0 };
        for level in Level::available() {
            let (mut workspace, mut gradient) = (Workspace::default(), vec![7.0; shape.parameters()]);
            level.forward(&network, &[], &mut [], &mut workspace);
            assert_eq!(level.step(&network, batch, 1.0, &mut gradient, &mut workspace), 0.0);
            assert!(gradient.iter().all(|&g| g == 7.0));
        }
    }

    #[test]
    #[should_panic(expected = "whole blocks")]
    fn ragged_coordinates_are_refused() {
        let shape = Shape { inputs: 2, outputs: 1, layers: 1, width: 3 };
        let mut values = [0.0; BLOCK];
        let coordinates = [0.0; 3 * BLOCK];
        Level::Portable.forward(&network(shape, 1), &coordinates, &mut values, &mut Workspace::default());
    }

    /// `(2^57 + 1) · 128` is 128 in 64 bits, so every length of this network agrees, after wrapping around.
    #[test]
    #[cfg(target_pointer_width = "64")]
    #[should_panic]
    fn shapes_whose_sizes_wrap_around_are_refused() {
        let shape = Shape { inputs: (1 << 57) + 1, outputs: 1, layers: 1, width: 128 };
        let network = Network::zeros(shape);
        Level::Portable.forward(&network, &[0.0; BLOCK], &mut [0.0; BLOCK], &mut Workspace::default());
    }

    #[test]
    fn levels_that_can_be_named_but_not_run_are_refused() {
        #[cfg(target_arch = "x86_64")]
        for level in [Level::Avx2, Level::Avx512] {
            let run = || {
                level.forward(
                    &Network::zeros(Shape { inputs: 1, outputs: 1, layers: 1, width: 1 }),
                    &[],
                    &mut [],
                    &mut Workspace::default(),
                )
            };
            assert_eq!(std::panic::catch_unwind(run).is_ok(), level.is_available());
        }
    }

    #[test]
    fn orthogonalization_does_not_depend_on_the_scale() {
        let (n, stride) = (20, 32);
        let mut next = numbers(4);
        let m: Vec<f32> = (0..n * stride).map(|i| if i % stride < n { next() } else { 0.0 }).collect();
        for level in Level::available() {
            let orthogonal = |scale: f32| {
                let mut m: Vec<f32> = m.iter().map(|x| scale * x).collect();
                level.orthogonalize(n, stride, &mut m, &mut Default::default());
                m
            };
            let expected = orthogonal(1.0);
            for scale in [1e-20, 1e-26, 1e-30, 1e20, 1e30] {
                for (a, b) in orthogonal(scale).iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-3, "{level:?} at {scale:e}: {a}, expected {b}");
                }
            }
            assert!(orthogonal(0.0).iter().all(|&x| x == 0.0));
        }
    }

    fn binary64_step(network: &Network, batch: Batch<'_>) -> (f64, Vec<f64>) {
        let shape = network.shape();
        let parameters: Vec<f64> = network.parameters().iter().map(|&w| w.into()).collect();
        let (mut loss, mut gradient) = (0.0, vec![0.0; parameters.len()]);
        let at = |data: &[f32], rows: usize, row: usize, p: usize| {
            f64::from(data[(p / BLOCK * rows + row) * BLOCK + p % BLOCK])
        };
        for p in 0..batch.weights.len() {
            let mut inputs = vec![
                (0..shape.inputs).map(|i| at(batch.coordinates, shape.inputs, i, p)).collect::<Vec<_>>(),
            ];
            let mut slopes = vec![];
            for layer in shape.layers() {
                let x = inputs.last().unwrap();
                let phase = |j: usize| {
                    let row = &parameters[layer.weights()][j * layer.inputs..][..layer.inputs];
                    parameters[layer.biases()][j] + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
                };
                let t: Vec<f64> = (0..layer.outputs).map(phase).collect();
                let tau = std::f64::consts::TAU;
                slopes.push(t.iter().map(|t| tau * (tau * t).cos()).collect::<Vec<_>>());
                inputs.push(if layer.last { t } else { t.iter().map(|t| (tau * t).sin()).collect() });
            }
            let weight = f64::from(batch.weights[p]);
            let mut delta: Vec<f64> = inputs
                .pop()
                .unwrap()
                .iter()
                .enumerate()
                .map(|(c, y)| y - at(batch.targets, shape.outputs, c, p))
                .collect();
            loss += weight * delta.iter().map(|e| e * e).sum::<f64>();
            delta.iter_mut().for_each(|e| *e *= 2.0 * weight);
            for (l, layer) in shape.layers().enumerate().rev() {
                let (x, weights) = (&inputs[l], &parameters[layer.weights()]);
                for (j, d) in delta.iter().enumerate() {
                    gradient[layer.biases()][j] += d;
                    for (i, x) in x.iter().enumerate() {
                        gradient[layer.weights()][j * layer.inputs + i] += d * x;
                    }
                }
                if l > 0 {
                    delta = (0..layer.inputs)
                        .map(|i| {
                            let back: f64 = delta
                                .iter()
                                .enumerate()
                                .map(|(j, d)| d * weights[j * layer.inputs + i])
                                .sum();
                            back * slopes[l - 1][i]
                        })
                        .collect();
                }
            }
        }
        (loss, gradient)
    }
}
