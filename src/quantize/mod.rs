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
mod lattice;
mod rounding;

pub(crate) use canonical::fold_biases;
#[cfg(all(test, feature = "cuda"))]
pub(crate) use curvature::mean_of_outputs as mean_curvature;
#[cfg(feature = "cuda")]
pub(crate) use curvature::sampled;
pub(crate) use curvature::{HURRIED, SAMPLED};
pub(crate) use rounding::Rounding;

use crate::backend::simd::Level;
use crate::container::{QuantizedNetwork, step};
use crate::fit::{Dataset, Loss, Normalisation, Schedule, train};
use crate::network::{LayerShape, Network};
use std::f64::consts::TAU;
use std::ops::Range;

/// The largest symbol steps are chosen for: half of what the file holds, since rounding with compensation moves them.
const LARGEST_SYMBOL: f64 = (1 << 19) as f64;

/// The smallest value of the largest symbol of a sine layer's weights: with less the layer would pass nothing on.
const LEAST_LARGEST_SYMBOL: f64 = 2.0;
/// How far the roundings of a layer's weights, or of its biases, may move its phases, radians (standard deviation): beyond
/// that the sines are not linear, and the curvature says nothing.
const PHASE_NOISE: f64 = 0.5;
/// A tile is spoilt if rounding adds more than `SPOILT` times the error it was asked for, and more than the fit had left.
const SPOILT: f64 = 4.0;
/// How much finer, in added error, the roundings of a spoilt tile become each time, and how often.
const FINER: f64 = 1.0 / 16.0;
const RETRIES: usize = 4;

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
    curvature: Vec<(f64, f64)>,
}

impl Fitted {
    /// Measures the curvature of a trained network on at most `blocks` blocks of points.
    pub fn new(level: Level, mut network: Network, data: &Dataset, blocks: usize) -> Self {
        fold_biases(&mut network);
        let means = curvature::means(level, &network, data, blocks);
        Self::with_means(level, network, data, means)
    }

    /// A trained network whose curvature nobody will ask for, since it is not quantized.
    pub fn unmeasured(level: Level, network: Network, data: &Dataset) -> Self {
        let (loss, of_mean) = (data.squared_error(level, &network), data.squared_error_of_mean());
        Fitted { network, normalisation: data.normalisation.clone(), loss, of_mean, curvature: vec![] }
    }

    /// Whether its curvature is known.
    pub fn is_measured(&self) -> bool {
        !self.curvature.is_empty()
    }

    /// A trained network with folded biases and the mean curvature of each layer's weights and of its biases, in the units it
    /// was trained in.
    pub fn with_means(level: Level, network: Network, data: &Dataset, means: Vec<(f64, f64)>) -> Self {
        let units = f64::from(data.normalisation.scale).powi(2);
        let last = network.shape().layers;
        let scaled = |(l, (weights, biases)): (usize, (f64, f64))| {
            // The output layer's parameters are themselves stored in signal units.
            let units = if l == last { 1.0 } else { units };
            (weights * units, biases * units)
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
        let of_layer = |(l, (layer, &(weights, biases))): (usize, (LayerShape, &(f64, f64)))| {
            let (mut most, mut most_bias) = (f64::INFINITY, f64::INFINITY);
            if !layer.last {
                // An error in -s/2..s/2 has the variance s²/12; the mean square of a coordinate is 1/3, that of a sine 1/2.
                let square = if l == 0 { 1.0 / 3.0 } else { 0.5 };
                most_bias = PHASE_NOISE / TAU * 12f64.sqrt();
                most = most_bias / (square * layer.inputs as f64).sqrt();
                most = most.min(peak(&network.parameters()[layer.weights()]) / LEAST_LARGEST_SYMBOL);
            }
            (index(weights, layer.weights(), most), index(biases, layer.biases(), most_bias))
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

    /// The network rounded with an added squared error of about `delta` per parameter, or finer where that spoils it; at worst
    /// its mean.
    ///
    /// Rounds layer after layer with compensation, refits the layers behind by `refit` (its `first_layer` is set here), and then
    /// rounds all of them anew in `sweeps`, as far as the time of `refit` allows. `observe` gets the steps since its last call and
    /// the mean squared error, and ends refits and sweeps by returning false.
    pub fn quantized(
        &self,
        level: Level,
        data: &Dataset,
        delta: f64,
        refit: &Schedule,
        sweeps: usize,
        mut observe: impl FnMut(u64, f64) -> bool,
    ) -> QuantizedNetwork {
        if self.is_constant(delta) {
            return self.constant(delta);
        }
        let (mut first, mut going) = (true, true);
        self.least_spoilt(level, data, delta, |delta| {
            let again = going && refit.time.is_none_or(|time| time.passed() < 1.0);
            (std::mem::take(&mut first) || again).then(|| {
                self.round_layers(level, data, delta, refit, sweeps, |steps, mse| {
                    going = observe(steps, mse);
                    going
                })
            })
        })
    }

    /// What `round` makes of the network at `delta`, or with finer steps where that spoils it, as long as it makes anything; at
    /// worst the mean.
    pub fn least_spoilt<'a>(
        &'a self,
        level: Level,
        data: &Dataset,
        delta: f64,
        mut round: impl FnMut(f64) -> Option<Rounding<'a>>,
    ) -> QuantizedNetwork {
        let (mut best, mut least) = (self.constant(delta), self.of_mean);
        let mut finer = delta;
        for _ in 0..=RETRIES {
            let Some(rounding) = round(finer) else { break };
            let error = rounding.error(level, data);
            if error < least {
                (best, least) = (rounding.finished(), error);
            }
            if !self.is_spoilt(least, delta) {
                break;
            }
            finer *= FINER;
        }
        best
    }

    /// Whether rounding at `delta` left an `error` that is out of proportion.
    fn is_spoilt(&self, error: f64, delta: f64) -> bool {
        let added = error - self.loss.total;
        added > SPOILT * delta * self.network.parameters().len() as f64 && added > self.loss.total
    }

    /// All layers rounded one after the other.
    pub fn round_layers(
        &self,
        level: Level,
        data: &Dataset,
        delta: f64,
        refit: &Schedule,
        sweeps: usize,
        mut observe: impl FnMut(u64, f64) -> bool,
    ) -> Rounding<'_> {
        let (mut rounding, mut going) = (self.rounding(delta), true);
        let layers = rounding.layers();
        for l in 0..layers {
            rounding.round(level, data, l);
            if l + 1 < layers && refit.steps > 0 {
                let time = refit.time.map(|time| time.part(layers - 1 - l));
                let schedule = Schedule { first_layer: l + 1, time, ..*refit };
                let mut seen = 0;
                train(level, rounding.network_mut(), data, &schedule, |step, mse| {
                    let steps = (step - seen) as u64;
                    seen = step;
                    going = observe(steps, mse);
                    going
                });
            }
        }
        let in_time = || refit.time.is_none_or(|time| time.passed() < 1.0);
        if sweeps > 0 && going && in_time() {
            let steps = data.blocks().div_ceil(refit.blocks) as u64;
            rounding.sweep(level, data, sweeps, |mse| observe(steps, mse) && in_time());
        }
        rounding
    }

    /// The network, to be rounded layer by layer with an added squared error of `delta` per parameter.
    pub fn rounding(&self, delta: f64) -> Rounding<'_> {
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
mod tests {
    use super::*;
    use crate::backend::simd::BLOCK;
    use crate::fit::{Allowance, MOST_POINTS};
    use crate::network::Shape;
    use crate::signal::{Description, Kind, SampleFormat, Samples, Signal, Tiles};
    use std::time::{Duration, Instant};

    const NO_REFIT: Schedule = Schedule {
        steps: 0,
        blocks: 4,
        rate: 0.003,
        warmup: 0.1,
        end: 0.1,
        first_layer: 0,
        of_mean: f64::INFINITY,
        parallel: false,
        time: None,
    };

    /// A network that has learnt its points perfectly, in units of its own.
    fn solved(means: [f32; 2], scale: f32) -> (Fitted, Dataset) {
        let description = Description {
            kind: Kind::Picture,
            lengths: vec![24, 24],
            channels: 2,
            format: SampleFormat::F32,
            rate: 0,
        };
        let mut rng = fastrand::Rng::with_seed(5);
        let samples = Samples::F32((0..2 * 24 * 24).map(|_| rng.f32()).collect());
        let tiles = Tiles::one(&description);
        let signal = Signal { description, samples, metadata: vec![] };
        let mut data = Dataset::of_tile(&signal, &tiles, 0, None, MOST_POINTS, 1);
        let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 8 };
        let parameters = (0..shape.parameters()).map(|_| 0.6 * (rng.f32() - 0.5)).collect();
        let network = Network::from_parameters(shape, parameters);
        Level::best().forward(&network, &data.coordinates, &mut data.targets, &mut Default::default());
        data.normalisation = Normalisation { means: means.to_vec(), scale };
        (Fitted::new(Level::best(), network, &data, SAMPLED), data)
    }

    /// The squared error that quantization has added at the points, signal units.
    fn added(fitted: &Fitted, data: &Dataset, quantized: &QuantizedNetwork) -> f64 {
        let (before, after) = (fitted.in_signal_units(), quantized.dequantize());
        let point = |n| {
            let (block, lane) = data.place(n);
            let coordinate = |a| data.coordinates[(block * data.inputs + a) * BLOCK + lane];
            let point: Vec<f32> = (0..data.inputs).map(coordinate).collect();
            let channels = before.evaluate(&point).into_iter().zip(after.evaluate(&point));
            channels.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        (0..data.points).map(point).sum()
    }

    #[test]
    fn a_step_adds_its_share_of_the_error() {
        let (fitted, _) = solved([0.3, -2.0], 0.25);
        for delta in [1e-7, 1e-4] {
            for (steps, curvature) in fitted.steps(delta).into_iter().zip(&fitted.curvature) {
                for (index, curvature) in [(steps.0, curvature.0), (steps.1, curvature.1)] {
                    // Eighths of an octave, the nearest.
                    let share = curvature * f64::from(step(index)).powi(2) / 12.0;
                    assert!((share / delta).log2().abs() <= 0.1251, "{index}: {share} for {delta}");
                }
            }
        }
    }

    #[test]
    fn rounding_to_nearest_adds_the_error_it_was_asked_for() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        for delta in [1e-7, 1e-5] {
            let rounded = fitted.rounded(delta);
            let ratio = added(&fitted, &data, &rounded) / (delta * rounded.symbols.len() as f64);
            assert!((0.6..1.6).contains(&ratio), "{ratio} at {delta}");
        }
    }

    #[test]
    fn a_curvature_that_vanishes_rounds_no_layer_to_nothing() {
        let (mut fitted, data) = solved([0.3, -2.0], 0.25);
        // As of a fit whose sines are saturated; the last layer has none.
        fitted.curvature[..3].iter_mut().for_each(|curvature| *curvature = (1e-30, 1e-30));
        let rounded = fitted.rounded(1e-6);
        for layer in rounded.shape.layers().filter(|layer| !layer.last) {
            let largest = rounded.symbols[layer.weights()].iter().map(|symbol| symbol.abs()).max();
            assert!(largest >= Some(2), "{layer:?}");
            let noise = f64::from(step(rounded.steps[0].1)) / 12f64.sqrt() * TAU;
            assert!(noise <= PHASE_NOISE, "{noise} radians");
        }
        // What that spoils is seen and mended.
        let quantized = fitted.quantized(Level::best(), &data, 1e-6, &NO_REFIT, 0, |_, _| true);
        let left = added(&fitted, &data, &quantized);
        assert!(left <= fitted.of_mean * 1.001, "{left} of {}", fitted.of_mean);
    }

    #[test]
    fn a_tile_that_is_its_mean_is_stored_as_that() {
        let (mut fitted, data) = solved([0.3, -2.0], 0.25);
        fitted.of_mean = fitted.loss.total;
        let quantized = fitted.quantized(Level::best(), &data, 1e-6, &NO_REFIT, 0, |_, _| panic!("no refit"));
        let network = quantized.dequantize();
        let value = network.evaluate(&[0.3, 0.1]);
        assert!((value[0] - 0.3).abs() < 0.01 && (value[1] + 2.0).abs() < 0.01, "{value:?}");
        assert!(quantized.symbols.iter().filter(|&&symbol| symbol != 0).count() <= 2);
    }

    #[test]
    fn steps_become_finer_only_as_far_as_symbols_can_follow() {
        let (fitted, _) = solved([1e6, 0.0], 0.25);
        let rounded = fitted.rounded(1e-12);
        let bias = rounded.symbols[rounded.symbols.len() - 2];
        // The largest parameter by far, whose symbol is as large as symbols are chosen, within a step of the index.
        assert!((1 << 19) * 9 / 10 < bias && bias <= 1 << 19, "{bias}");
        let value = f64::from(bias) * f64::from(step(rounded.steps[3].1));
        assert!((value - 1e6).abs() < 2.0, "{value}");
    }

    #[test]
    fn errors_that_compensate_each_other_add_less_than_those_of_the_nearest_multiples() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        for delta in [1e-7, 1e-5] {
            let nearest = added(&fitted, &data, &fitted.rounded(delta));
            let quantized =
                fitted.quantized(Level::best(), &data, delta, &NO_REFIT, 0, |_, _| panic!("no refit"));
            let compensated = added(&fitted, &data, &quantized);
            assert!(compensated < 0.75 * nearest, "{compensated} of {nearest} at {delta}");
            assert!(quantized.is_sorted());
        }
    }

    #[test]
    fn refits_between_the_layers_take_their_steps_and_make_up_for_errors_before() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        let (delta, level) = (1e-4, Level::best());
        let without = fitted.quantized(level, &data, delta, &NO_REFIT, 0, |_, _| true);
        let mut steps = 0;
        let refit = Schedule { steps: 65, ..NO_REFIT };
        let with = fitted.quantized(level, &data, delta, &refit, 0, |more, _| {
            steps += more;
            true
        });
        // Three layers have others behind them; steps are told by 32.
        assert_eq!(steps, 3 * 64);
        let [with, without] = [with, without].map(|quantized| added(&fitted, &data, &quantized));
        assert!(with < without, "{with} of {without}");
    }

    #[test]
    fn sweeps_lower_the_error_and_tell_what_is_left_of_it() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        let level = Level::best();
        for delta in [1e-5, 1e-3] {
            let errors = [0, 1, 3].map(|sweeps| {
                let (mut calls, mut told) = (0, f64::NAN);
                let quantized = fitted.quantized(level, &data, delta, &NO_REFIT, sweeps, |steps, mse| {
                    assert!(calls == 0 || mse <= told, "{mse} after {told}");
                    (calls, told) = (calls + 1, mse);
                    steps == 2
                });
                // A call for each of four layers, a pass of two batches each.
                assert_eq!(calls, 4 * sweeps);
                let added = added(&fitted, &data, &quantized);
                let told = told * f64::from(data.normalisation.scale).powi(2) * (2 * data.points) as f64;
                assert!(sweeps == 0 || (told / added - 1.0).abs() < 0.02, "{told} told, {added} added");
                added
            });
            assert!(errors[1] < 0.9 * errors[0] && errors[2] <= errors[1], "{errors:?} at {delta}");
        }
    }

    #[test]
    fn sweeps_end_when_they_are_told_to_or_have_no_time() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        let quantized = |refit: &Schedule, sweeps, mut go_on: usize| {
            let mut calls = 0;
            let symbols = fitted.quantized(Level::best(), &data, 1e-4, refit, sweeps, |_, _| {
                (calls, go_on) = (calls + 1, go_on.saturating_sub(1));
                go_on > 0
            });
            (calls, symbols.symbols)
        };
        let none = quantized(&NO_REFIT, 0, 0);
        assert_eq!(quantized(&NO_REFIT, 2, 3).0, 3);
        let time = Some(Allowance { from: Instant::now(), length: Duration::ZERO });
        assert_eq!(quantized(&Schedule { time, ..NO_REFIT }, 2, 3), none);
    }
}
