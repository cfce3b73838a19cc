//! The fused kernels: one generic algorithm, thin instantiations per instruction set, chosen once at run time.

#![allow(unsafe_code)]

mod fused;
mod gemm;
mod lanes;

pub use fused::Workspace;

use crate::network::Network;
use fused::Pass;
use std::sync::OnceLock;

/// Points per block. Data handed to the kernels comes in rows of this many points.
pub const BLOCK: usize = 128;

/// An instruction set the kernels are compiled for. All give the same bits for [`Level::forward`].
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
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Level::Avx512);
            }
        }
        levels
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
    /// If the lengths are not those of whole and equally many blocks.
    pub fn forward(
        self,
        network: &Network,
        coordinates: &[f32],
        values: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let pass = Pass { shape: network.shape(), parameters: network.parameters(), coordinates, workspace };
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { fused::forward::<lanes::Portable, 2>(pass, values) },
            // SAFETY: `available` found the instructions before this level could be named.
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
    /// If the lengths are not those of whole and equally many blocks.
    pub fn step(
        self,
        network: &Network,
        batch: Batch<'_>,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        let pass = Pass {
            shape: network.shape(),
            parameters: network.parameters(),
            coordinates: batch.coordinates,
            workspace,
        };
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { fused::step::<lanes::Portable, 2, 2>(pass, batch, scale, gradient) },
            // SAFETY: `available` found the instructions before this level could be named.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { step_avx2(pass, batch, scale, gradient) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { step_avx512(pass, batch, scale, gradient) },
        }
    }

    /// Replaces the square matrix `m` (`n × n`, rows `stride` apart, columns from `n` to `stride` zero) by an
    /// approximation of its nearest orthogonal matrix: five quintic Newton–Schulz iterations, as in Muon (Jordan et
    /// al. 2024), which bring all singular values to about 1.
    ///
    /// # Panics
    /// If `stride` is not a multiple of 16 and at least `n`, or `m` is not `n · stride` long.
    pub(crate) fn orthogonalize(self, n: usize, stride: usize, m: &mut [f32], scratch: &mut [Vec<f32>; 3]) {
        assert!(stride.is_multiple_of(16) && stride >= n && m.len() == n * stride);
        scratch.iter_mut().for_each(|s| s.resize(n * stride, 0.0));
        match self {
            // SAFETY: the portable kernels need no special instructions.
            Level::Portable => unsafe { gemm::orthogonalize::<lanes::Portable>(n, stride, m, scratch) },
            // SAFETY: `available` found the instructions before this level could be named.
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
    ($feature:literal, $lanes:ty, $columns:literal, $rows:literal, $forward:ident, $step:ident, $orthogonalize:ident) => {
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
    };
}

instances!("avx2,fma", lanes::Avx2, 2, 2, forward_avx2, step_avx2, orthogonalize_avx2);
instances!("avx512f", lanes::Avx512, 4, 4, forward_avx512, step_avx512, orthogonalize_avx512);

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

    fn network(shape: Shape, seed: u64) -> Network {
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
