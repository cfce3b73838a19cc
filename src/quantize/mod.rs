//! QUANTIZE: from a fitted network to integers.
//!
//! Steps come from the curvature: a parameter of curvature `h` rounded with step `s` adds `h·s²/12` to the
//! squared error and saves `log₂ s` bits. At equal slope every parameter of every tile therefore adds the
//! same error `δ`, and `s = √(12δ/h)`: the single number `δ` sets the rate of the whole file. Layers are
//! rounded first to last with errors compensating each other, and after each the later layers are refitted.
//! Finally, sweeps round each layer again, with all other layers as the file will store them.
//!
//! A curvature describes small errors only. In an exact fit the sines may be saturated, so that the curvature
//! vanishes and a whole layer could be rounded to nothing. So steps are also bounded by the weights and
//! phases they round, a tile that rounding still spoils is rounded again with finer steps, and no tile ends
//! worse than its mean.

mod canonical;
mod curvature;
mod group;
mod lattice;
mod rounding;
mod spline;

#[cfg(all(test, feature = "cuda"))]
pub(crate) use curvature::mean_of_outputs as mean_curvature;
pub(crate) use group::{Rounded, measure, quantize};
pub(crate) use spline::{best_exponents, spline_of, stored_latents, tensors_of, usual_exponents};

use crate::backend::simd::Level;
use crate::backend::trainer::PerKind;
use crate::container::{LayerSteps, QuantizedNetwork, step};
use crate::fit::{Dataset, Loss, Normalisation};
use crate::network::{LayerShape, Network};
use rounding::Rounding;
use std::f64::consts::TAU;
use std::ops::Range;

/// Blocks of points on which curvatures are sampled (`SAMPLED`), and once the encode is stopped (`HURRIED`).
/// Twelve crops of Kodak pictures at 0.5 bits per pixel have 29.57 dB with 64 blocks and 29.55 with 16.
pub(crate) const SAMPLED: usize = 64;
pub(crate) const HURRIED: usize = 8;
/// The largest symbol for which steps are chosen: half of what the file can store, since compensation moves
/// symbols.
const LARGEST_SYMBOL: f64 = (1 << 19) as f64;

// Bounds on steps and another rounding of spoilt tiles: a drawing of 60 strokes (256×192) at 0.3, 1 and 2
// bits per pixel and effort 3 has 53.5, 59.0 and 61.8 dB with them, and 53.5, 24.2 and 19.1 without; Kodak
// pictures keep their bytes.

/// The least value of the largest symbol among the weights of a sine layer: below it the layer would be
/// almost constant.
const LEAST_LARGEST_SYMBOL: f64 = 2.0;
/// The most that rounding a layer's weights, or its biases, may move its phases, radians (standard
/// deviation): beyond that the sines are not linear, and the curvature is meaningless.
const PHASE_NOISE: f64 = 0.5;
/// A tile is spoilt if rounding adds more than `SPOILT` times the intended error and more than the error of
/// the fit.
const SPOILT: f64 = 4.0;

/// A trained network with the measurements that quantization needs.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    /// The network in units of training, with folded biases.
    pub network: Network,
    /// The way back to signal units.
    pub normalisation: Normalisation,
    /// Loss of the network.
    pub loss: Loss,
    /// Squared error of the tile's mean.
    error_of_mean: f64,
    /// Mean curvature of each layer's weights and biases, in squared signal units over all points of the
    /// tile.
    curvature: Vec<PerKind<f64>>,
}

impl Fitted {
    /// A trained network without curvature, which will not be quantized.
    pub fn unmeasured(level: Level, network: Network, data: &Dataset) -> Self {
        let (loss, error_of_mean) = (data.squared_error(level, &network), data.squared_error_of_mean());
        Fitted { network, normalisation: data.normalisation.clone(), loss, error_of_mean, curvature: vec![] }
    }

    /// A network that solves equations, with the mean curvatures of their loss by the parameters of each layer; network
    /// and curvatures in units of training.
    pub fn of_equations(
        mut network: Network,
        normalisation: Normalisation,
        curvature: Vec<PerKind<f64>>,
    ) -> Self {
        canonical::fold_biases(&mut network);
        let scale = f64::from(normalisation.scale).powi(2);
        let last = network.shape().layers;
        let scaled = |(l, PerKind { weights, biases }): (usize, PerKind<f64>)| {
            // The output layer's parameters are stored in signal units.
            let units = if l == last { 1.0 / scale } else { 1.0 };
            PerKind { weights: weights * units, biases: biases * units }
        };
        let curvature = curvature.into_iter().enumerate().map(scaled).collect();
        let loss = Loss { values: 0.0, total: 0.0 };
        Fitted { network, normalisation, loss, error_of_mean: f64::INFINITY, curvature }
    }

    /// Whether the curvature was measured.
    pub fn is_measured(&self) -> bool {
        !self.curvature.is_empty()
    }

    /// A trained network with folded biases and its mean curvatures; network and curvatures in units of
    /// training.
    fn measured(level: Level, network: Network, data: &Dataset, means: Vec<PerKind<f64>>) -> Self {
        let units = f64::from(data.normalisation.scale).powi(2);
        let last = network.shape().layers;
        let scaled = |(l, PerKind { weights, biases }): (usize, PerKind<f64>)| {
            // The output layer's parameters are themselves stored in signal units.
            let units = if l == last { 1.0 } else { units };
            PerKind { weights: weights * units, biases: biases * units }
        };
        let curvature = means.into_iter().enumerate().map(scaled).collect();
        Fitted { curvature, ..Self::unmeasured(level, network, data) }
    }

    /// The network in signal units.
    pub fn in_signal_units(&self) -> Network {
        self.normalisation.undo(&self.network)
    }

    /// Step indices of each layer for an added squared error of `delta` per parameter. If symbols would
    /// exceed what the file can store (a mean far larger than the variation around it), steps are as fine as
    /// the file allows; if the curvature of a sine layer is small, they are no coarser than the layer needs
    /// to keep working.
    fn steps(&self, delta: f64) -> Vec<LayerSteps> {
        let network = self.in_signal_units();
        let index = |h: f64, range: Range<usize>, coarsest: f64| {
            let peak = peak(&network.parameters()[range]);
            let finest = (8.0 * (peak / LARGEST_SYMBOL).log2()).ceil();
            let coarsest = (8.0 * coarsest.log2()).floor();
            let wanted = (4.0 * (12.0 * delta / h.max(1e-300)).log2()).round();
            wanted.min(coarsest).max(finest).clamp(-512.0, 511.0) as i16
        };
        let of_layer = |(l, (layer, curvature)): (usize, (LayerShape, &PerKind<f64>))| {
            let (mut most, mut most_bias) = (f64::INFINITY, f64::INFINITY);
            if !layer.last {
                // An error in -s/2..s/2 has the variance s²/12; the mean square of a coordinate is 1/3, that
                // of a sine 1/2.
                let square = if l == 0 { 1.0 / 3.0 } else { 0.5 };
                most_bias = PHASE_NOISE / TAU * 12f64.sqrt();
                most = most_bias / (square * layer.inputs as f64).sqrt();
                most = most.min(peak(&network.parameters()[layer.weights()]) / LEAST_LARGEST_SYMBOL);
            }
            LayerSteps {
                weights: index(curvature.weights, layer.weights(), most),
                biases: index(curvature.biases, layer.biases(), most_bias),
            }
        };
        network.shape().layers().zip(&self.curvature).enumerate().map(of_layer).collect()
    }

    /// Whether the mean of the tile is at least as good as its network would be after rounding at `delta`.
    fn is_constant(&self, delta: f64) -> bool {
        self.error_of_mean <= self.loss.total + delta * self.network.parameters().len() as f64
    }

    /// The network that gives the mean everywhere: only the biases of its last layer are not 0.
    fn constant(&self, delta: f64) -> QuantizedNetwork {
        let (shape, steps) = (self.network.shape(), self.steps(delta));
        let mut symbols = vec![0; shape.parameters()];
        let last = shape.layers().next_back().expect("a network has layers");
        let size = step(steps[shape.layers].biases);
        for (i, &mean) in last.biases().zip(&self.normalisation.means) {
            symbols[i] = symbol(mean.into(), size);
        }
        QuantizedNetwork { shape, steps, symbols }
    }

    /// Every parameter rounded to the nearest multiple of its step: a fast estimate of the rate at `delta`.
    pub fn rounded(&self, delta: f64) -> QuantizedNetwork {
        if self.is_constant(delta) {
            return self.constant(delta);
        }
        let (shape, steps, network) = (self.network.shape(), self.steps(delta), self.in_signal_units());
        let mut symbols = vec![0; shape.parameters()];
        for (layer, &LayerSteps { weights, biases }) in shape.layers().zip(&steps) {
            for (range, size) in [(layer.weights(), step(weights)), (layer.biases(), step(biases))] {
                for i in range {
                    symbols[i] = symbol(network.parameters()[i].into(), size);
                }
            }
        }
        finished(QuantizedNetwork { shape, steps, symbols })
    }

    /// Whether rounding at `delta` left a disproportionate `error`.
    fn is_spoilt(&self, error: f64, delta: f64) -> bool {
        let added = error - self.loss.total;
        added > SPOILT * delta * self.network.parameters().len() as f64 && added > self.loss.total
    }

    /// Begins rounding the network layer by layer with an added squared error of `delta` per parameter.
    fn rounding(&self, delta: f64) -> Rounding<'_> {
        Rounding::new(self, self.steps(delta))
    }
}

/// The largest magnitude.
fn peak(parameters: &[f32]) -> f64 {
    parameters.iter().fold(0f32, |peak, p| peak.max(p.abs())).into()
}

/// The multiple of `size` nearest to `value`, within what the file can store.
fn symbol(value: f64, size: f32) -> i32 {
    (value / f64::from(size)).round_ties_even().clamp(-1048576.0, 1048576.0) as i32
}

/// Sorts the neurons into the order that takes the fewest bits.
fn finished(mut network: QuantizedNetwork) -> QuantizedNetwork {
    network.sort_neurons();
    network
}

#[cfg(test)]
mod tests;
