//! QUANTIZE: a fitted network to integers.
//!
//! Steps come from the curvature: a parameter of curvature `h` rounded with step `s` adds `h·s²/12` to the squared
//! error and saves `log₂ s` bits, so at equal slope every parameter of every tile adds the same error `δ`, and
//! `s = √(12δ/h)`. One number, `δ`, sets the rate of the whole file. Layers are rounded first to last with errors
//! compensating each other, and after each the layers behind it are refitted. In the end sweeps round one layer after the other
//! anew, now that all others are what the file will hold.
//!
//! A curvature describes small errors only. Where a fit is exact its sines are saturated, the curvature vanishes, and by it a
//! whole layer could be rounded to nothing. So steps are bounded by the weights and phases they round, a tile that rounding
//! spoils all the same is rounded again with finer steps, and none ends worse than its mean.

mod canonical;
mod curvature;
mod group;
mod lattice;
mod rounding;

#[cfg(all(test, feature = "cuda"))]
pub(crate) use curvature::mean_of_outputs as mean_curvature;
pub(crate) use group::{Rounded, measure, quantize};

use crate::backend::simd::Level;
use crate::backend::trainer::PerKind;
use crate::container::{QuantizedNetwork, step};
use crate::fit::{Dataset, Loss, Normalisation};
use crate::network::{LayerShape, Network};
use rounding::Rounding;
use std::f64::consts::TAU;
use std::ops::Range;

/// Blocks of points that curvatures are sampled on, and so many when time is up.
pub(crate) const SAMPLED: usize = 64;
pub(crate) const HURRIED: usize = 8;
/// The largest symbol steps are chosen for: half of what the file holds, since rounding with compensation moves them.
const LARGEST_SYMBOL: f64 = (1 << 19) as f64;

/// The smallest value of the largest symbol of a sine layer's weights: with less the layer would pass nothing on.
const LEAST_LARGEST_SYMBOL: f64 = 2.0;
/// How far the roundings of a layer's weights, or of its biases, may move its phases, radians (standard deviation): beyond
/// that the sines are not linear, and the curvature says nothing.
const PHASE_NOISE: f64 = 0.5;
/// A tile is spoilt if rounding adds more than so many times the error it was asked for, and more than the fit had left.
const SPOILT: f64 = 4.0;

/// A trained network with what quantization needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    /// The network, in the normalised units it was trained in, with folded biases.
    pub network: Network,
    /// The way back to signal units.
    pub normalisation: Normalisation,
    /// What it leaves of the loss.
    pub loss: Loss,
    /// What the mean alone would leave of it.
    of_mean: f64,
    /// Mean curvature of each layer's weights and biases, in squared signal units over all points of the tile.
    curvature: Vec<PerKind<f64>>,
}

impl Fitted {
    /// A trained network whose curvature nobody will ask for, since it is not quantized.
    pub fn unmeasured(level: Level, network: Network, data: &Dataset) -> Self {
        let (loss, of_mean) = (data.squared_error(level, &network), data.squared_error_of_mean());
        Fitted { network, normalisation: data.normalisation.clone(), loss, of_mean, curvature: vec![] }
    }

    /// Whether its curvature is known.
    pub fn is_measured(&self) -> bool {
        !self.curvature.is_empty()
    }

    /// A trained network with folded biases and its mean curvatures, in the units it was trained in.
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

    /// Step indices of each layer for an added squared error of `delta` per parameter. Where that would ask for symbols
    /// beyond what the file can hold (a mean far larger than what varies around it), steps are as fine as it allows; where the
    /// curvature hardly sees a sine layer, no coarser than what keeps it working.
    fn steps(&self, delta: f64) -> Vec<(i16, i16)> {
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
                // An error in -s/2..s/2 has the variance s²/12; the mean square of a coordinate is 1/3, that of a sine 1/2.
                let square = if l == 0 { 1.0 / 3.0 } else { 0.5 };
                most_bias = PHASE_NOISE / TAU * 12f64.sqrt();
                most = most_bias / (square * layer.inputs as f64).sqrt();
                most = most.min(peak(&network.parameters()[layer.weights()]) / LEAST_LARGEST_SYMBOL);
            }
            (
                index(curvature.weights, layer.weights(), most),
                index(curvature.biases, layer.biases(), most_bias),
            )
        };
        network.shape().layers().zip(&self.curvature).enumerate().map(of_layer).collect()
    }

    /// Whether the mean of the tile is as good as its network would be once it is rounded at `delta`.
    fn is_constant(&self, delta: f64) -> bool {
        self.of_mean <= self.loss.total + delta * self.network.parameters().len() as f64
    }

    /// The network that is the mean everywhere: nothing but the biases of its last layer.
    fn constant(&self, delta: f64) -> QuantizedNetwork {
        let (shape, steps) = (self.network.shape(), self.steps(delta));
        let mut symbols = vec![0; shape.parameters()];
        let last = shape.layers().next_back().expect("a network has layers");
        let size = step(steps[shape.layers].1);
        for (i, &mean) in last.biases().zip(&self.normalisation.means) {
            symbols[i] = symbol(mean.into(), size);
        }
        QuantizedNetwork { shape, steps, symbols }
    }

    /// Every parameter rounded to its nearest multiple: for a first look at the rate of `delta`.
    pub fn rounded(&self, delta: f64) -> QuantizedNetwork {
        if self.is_constant(delta) {
            return self.constant(delta);
        }
        let (shape, steps, network) = (self.network.shape(), self.steps(delta), self.in_signal_units());
        let mut symbols = vec![0; shape.parameters()];
        for (layer, &(weights, biases)) in shape.layers().zip(&steps) {
            for (range, size) in [(layer.weights(), step(weights)), (layer.biases(), step(biases))] {
                for i in range {
                    symbols[i] = symbol(network.parameters()[i].into(), size);
                }
            }
        }
        finished(QuantizedNetwork { shape, steps, symbols })
    }

    /// Whether rounding at `delta` left an `error` that is out of proportion.
    fn is_spoilt(&self, error: f64, delta: f64) -> bool {
        let added = error - self.loss.total;
        added > SPOILT * delta * self.network.parameters().len() as f64 && added > self.loss.total
    }

    /// The network, to be rounded layer by layer with an added squared error of `delta` per parameter.
    fn rounding(&self, delta: f64) -> Rounding<'_> {
        Rounding::new(self, self.steps(delta))
    }
}

/// The largest magnitude.
fn peak(parameters: &[f32]) -> f64 {
    parameters.iter().fold(0f32, |peak, p| peak.max(p.abs())).into()
}

/// The multiple of `size` nearest to `value`, within what the file can hold.
fn symbol(value: f64, size: f32) -> i32 {
    (value / f64::from(size)).round_ties_even().clamp(-1048576.0, 1048576.0) as i32
}

/// In the order that takes the fewest bits.
fn finished(mut network: QuantizedNetwork) -> QuantizedNetwork {
    network.sort_neurons();
    network
}

#[cfg(test)]
mod tests;
