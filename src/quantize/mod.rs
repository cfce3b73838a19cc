//! QUANTIZE: a fitted network to integers.
//!
//! Steps come from the curvature: a parameter of curvature `h` rounded with step `s` adds `h·s²/12` to the squared
//! error and saves `log₂ s` bits, so at equal slope every parameter of every tile adds the same error `δ`, and
//! `s = √(12δ/h)`. One number, `δ`, sets the rate of the whole file. Layers are rounded first to last with errors
//! compensating each other, and after each the layers behind it are refitted.

mod canonical;
mod curvature;
mod rounding;

pub(crate) use canonical::fold_biases;
#[cfg(feature = "cuda")]
pub(crate) use curvature::sampled;
#[cfg(all(test, feature = "cuda"))]
pub(crate) use curvature::traces as curvature_traces;

use crate::backend::simd::Level;
use crate::container::{QuantizedNetwork, step};
use crate::fit::{Dataset, Normalisation, Schedule, train};
use crate::network::Network;
use curvature::traces;
use rounding::Curvature;
use std::ops::Range;

/// Networks wider than this share one curvature matrix among the rows of a layer.
const OWN_MATRIX_WIDTH: usize = 64;

/// The largest symbol steps are chosen for: half of what the file holds, since rounding with compensation moves them.
const LARGEST_SYMBOL: f64 = (1 << 19) as f64;

/// A trained network with what quantization needs to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    /// The network, in the normalised units it was trained in, with folded biases.
    pub network: Network,
    /// The way back to signal units.
    pub normalisation: Normalisation,
    /// Mean curvature of each layer's weights and biases, in squared signal units over all points of the tile.
    curvature: Vec<(f64, f64)>,
}

impl Fitted {
    /// Measures the curvature of a trained network.
    pub fn new(mut network: Network, data: &Dataset) -> Self {
        fold_biases(&mut network);
        let means = traces(&network, data, 0).into_iter().map(|trace| trace.means()).collect();
        Self::with_means(network, data, means)
    }

    /// A trained network whose curvature nobody will ask for, since it is not quantized.
    pub fn unmeasured(network: Network, data: &Dataset) -> Self {
        Fitted { network, normalisation: data.normalisation.clone(), curvature: vec![] }
    }

    /// Whether its curvature is known.
    pub fn is_measured(&self) -> bool {
        !self.curvature.is_empty()
    }

    /// A trained network with folded biases and the mean curvature of each layer's weights and of its biases, in the units it
    /// was trained in.
    pub fn with_means(network: Network, data: &Dataset, means: Vec<(f64, f64)>) -> Self {
        let units = f64::from(data.normalisation.scale).powi(2);
        let last = network.shape().layers;
        let scaled = |(l, (weights, biases)): (usize, (f64, f64))| {
            // The output layer's parameters are themselves stored in signal units.
            let units = if l == last { 1.0 } else { units };
            (weights * units, biases * units)
        };
        let curvature = means.into_iter().enumerate().map(scaled).collect();
        Fitted { network, normalisation: data.normalisation.clone(), curvature }
    }

    /// The network in signal units.
    pub fn in_signal_units(&self) -> Network {
        self.normalisation.undo(&self.network)
    }

    /// Step indices of each layer for an added squared error of `delta` per parameter, or where that would ask for
    /// symbols beyond what the file can hold (a mean far larger than what varies around it), as fine as it allows.
    fn steps(&self, delta: f64) -> Vec<(i16, i16)> {
        let network = self.in_signal_units();
        let index = |h: f64, range: Range<usize>| {
            let peak = network.parameters()[range].iter().fold(0f32, |peak, p| peak.max(p.abs()));
            let finest = (8.0 * (f64::from(peak) / LARGEST_SYMBOL).log2()).ceil();
            (4.0 * (12.0 * delta / h.max(1e-300)).log2()).round().max(finest).clamp(-512.0, 511.0) as i16
        };
        let layers = network.shape().layers().zip(&self.curvature);
        layers
            .map(|(l, &(weights, biases))| (index(weights, l.weights()), index(biases, l.biases())))
            .collect()
    }

    /// Every parameter rounded to its nearest multiple: for a first look at the rate of `delta`.
    pub fn rounded(&self, delta: f64) -> QuantizedNetwork {
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

    /// Rounds layer after layer with compensation, and refits the layers behind by `refit` (its `first_layer` is set
    /// here). `observe` gets the steps since its last call and the mean squared error, and ends the refit by returning
    /// false.
    pub fn quantized(
        &self,
        level: Level,
        data: &Dataset,
        delta: f64,
        refit: &Schedule,
        mut observe: impl FnMut(u64, f64) -> bool,
    ) -> QuantizedNetwork {
        let mut rounding = self.rounding(delta);
        let layers = rounding.layers();
        for l in 0..layers {
            let trace = &traces(&rounding.network, data, l)[0];
            rounding.round(l, |group| trace.matrix(group));
            if l + 1 < layers && refit.steps > 0 {
                let time = refit.time.map(|time| time.part(layers - 1 - l));
                let schedule = Schedule { first_layer: l + 1, time, ..*refit };
                let mut seen = 0;
                train(level, rounding.network_mut(), data, &schedule, |step, mse| {
                    let steps = (step - seen) as u64;
                    seen = step;
                    observe(steps, mse)
                });
            }
        }
        rounding.finished()
    }

    /// The network, to be rounded layer by layer with an added squared error of `delta` per parameter.
    pub fn rounding(&self, delta: f64) -> Rounding<'_> {
        Rounding {
            fitted: self,
            steps: self.steps(delta),
            network: self.network.clone(),
            symbols: vec![0; self.network.shape().parameters()],
        }
    }
}

/// A network of which some layers are rounded.
pub(crate) struct Rounding<'a> {
    fitted: &'a Fitted,
    steps: Vec<(i16, i16)>,
    network: Network,
    symbols: Vec<i32>,
}

impl Rounding<'_> {
    /// Layers, the last one included.
    pub fn layers(&self) -> usize {
        self.steps.len()
    }
    /// The network, whose layers behind the rounded ones may be refitted.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The network.
    #[cfg(feature = "cuda")]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Neighbouring outputs of layer `l` that share a curvature matrix: one or all.
    pub fn together(&self, l: usize) -> usize {
        let shape = self.network.shape();
        let layer = shape.layers().nth(l).expect("a layer of the network");
        if layer.last || shape.width > OWN_MATRIX_WIDTH { layer.outputs } else { 1 }
    }

    /// Rounds layer `l`, after all layers before it, with errors that compensate each other by the `curvature` of groups of
    /// its outputs.
    pub fn round(&mut self, l: usize, mut curvature: impl FnMut(Range<usize>) -> Vec<f64>) {
        let together = self.together(l);
        let Rounding { fitted, steps, network, symbols } = self;
        let shape = network.shape();
        let ((weights, biases), layer) = (steps[l], shape.layers().nth(l).expect("a layer of the network"));
        if layer.last {
            *network = fitted.normalisation.undo(network);
        }
        let mut sizes = vec![step(weights); layer.inputs];
        sizes.push(step(biases));
        for group in (0..layer.outputs).step_by(together) {
            let rows = group..group + together;
            let curvature = Curvature::new(&curvature(rows.clone()), layer.inputs + 1);
            for row in rows {
                let weights = layer.weights().skip(row * layer.inputs).take(layer.inputs);
                let places: Vec<usize> = weights.chain([layer.biases().start + row]).collect();
                let mut values: Vec<f32> = places.iter().map(|&i| network.parameters()[i]).collect();
                let rounded = curvature.closest(&mut values, &sizes);
                for ((&i, value), symbol) in places.iter().zip(values).zip(rounded) {
                    network.parameters_mut()[i] = value;
                    symbols[i] = symbol;
                }
            }
        }
    }

    /// The rounded network, once all layers are.
    pub fn finished(self) -> QuantizedNetwork {
        let Rounding { steps, network, symbols, .. } = self;
        finished(QuantizedNetwork { shape: network.shape(), steps, symbols })
    }
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
    use crate::network::Shape;
    use crate::signal::{Description, Kind, SampleFormat, Samples, Signal, Tiles};

    const NO_REFIT: Schedule = Schedule {
        steps: 0,
        blocks: 4,
        rate: 0.003,
        warmup: 0.1,
        end: 0.1,
        first_layer: 0,
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
        let mut data = Dataset::of_tile(&signal, &tiles, 0, None, 1);
        let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 8 };
        let parameters = (0..shape.parameters()).map(|_| 0.6 * (rng.f32() - 0.5)).collect();
        let network = Network::from_parameters(shape, parameters);
        Level::best().forward(&network, &data.coordinates, &mut data.targets, &mut Default::default());
        data.normalisation = Normalisation { means: means.to_vec(), scale };
        (Fitted::new(network, &data), data)
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
                fitted.quantized(Level::best(), &data, delta, &NO_REFIT, |_, _| panic!("no refit"));
            let compensated = added(&fitted, &data, &quantized);
            assert!(compensated < 0.75 * nearest, "{compensated} of {nearest} at {delta}");
            assert!(quantized.is_sorted());
        }
    }

    #[test]
    fn refits_between_the_layers_take_their_steps_and_make_up_for_errors_before() {
        let (fitted, data) = solved([0.3, -2.0], 0.25);
        let (delta, level) = (1e-4, Level::best());
        let without = fitted.quantized(level, &data, delta, &NO_REFIT, |_, _| true);
        let mut steps = 0;
        let refit = Schedule { steps: 65, ..NO_REFIT };
        let with = fitted.quantized(level, &data, delta, &refit, |more, _| {
            steps += more;
            true
        });
        // Three layers have others behind them; steps are told by 32.
        assert_eq!(steps, 3 * 64);
        let [with, without] = [with, without].map(|quantized| added(&fitted, &data, &quantized));
        assert!(with < without, "{with} of {without}");
    }
}
