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

use crate::backend::simd::Level;
use crate::container::{QuantizedNetwork, step};
use crate::fit::{Dataset, Normalisation, Schedule, train};
use crate::network::Network;
use curvature::traces;
use rounding::Curvature;

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
        let units = f64::from(data.normalisation.scale).powi(2);
        let last = network.shape().layers;
        let scaled = |(l, (weights, biases)): (usize, (f64, f64))| {
            // The output layer's parameters are themselves stored in signal units.
            let units = if l == last { 1.0 } else { units };
            (weights * units, biases * units)
        };
        let means = traces(&network, data, 0).into_iter().map(|trace| trace.means());
        let curvature = means.enumerate().map(scaled).collect();
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
        let index = |h: f64, range: std::ops::Range<usize>| {
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
            rounding.round(l, data);
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

    /// Rounds layer `l`, after all layers before it, with errors that compensate each other on `data`.
    pub fn round(&mut self, l: usize, data: &Dataset) {
        let Rounding { fitted, steps, network, symbols } = self;
        let shape = network.shape();
        let ((weights, biases), layer) = (steps[l], shape.layers().nth(l).expect("a layer of the network"));
        if layer.last {
            *network = fitted.normalisation.undo(network);
        }
        let trace = &traces(network, data, l)[0];
        let mut sizes = vec![step(weights); layer.inputs];
        sizes.push(step(biases));
        let together = if layer.last || shape.width > OWN_MATRIX_WIDTH { layer.outputs } else { 1 };
        for group in (0..layer.outputs).step_by(together) {
            let matrix = trace.matrix(group..group + together);
            let curvature = Curvature::new(&matrix, layer.inputs + 1);
            for row in group..group + together {
                let weights = layer.weights().skip(row * layer.inputs).take(layer.inputs);
                let places: Vec<usize> = weights.chain([layer.biases().start + row]).collect();
                let mut values: Vec<f32> = places.iter().map(|&i| network.parameters()[i]).collect();
                let rounded = curvature.nearest_plane(&mut values, &sizes);
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
