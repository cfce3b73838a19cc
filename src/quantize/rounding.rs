//! Rounds a network layer by layer; parameters rounded later compensate for the errors of earlier ones.

use super::curvature::{mean_of_outputs, of_outputs};
use super::lattice::Curvature;
use super::{Fitted, finished};
use crate::backend::simd::{Batch, Level, Workspace};
use crate::container::{LayerSteps, QuantizedNetwork, step};
use crate::fit::Dataset;
use crate::network::{LayerShape, Network};

/// In networks wider than this, all outputs of a layer share one curvature matrix.
const OWN_MATRIX_WIDTH: usize = 64;
/// The most parameters of a layer that are rounded as one lattice, those of as many neighbouring outputs as
/// fit. gt_bach at 64 kbps, with layers of up to 1640 parameters: 29.72, 30.37, 30.94 and 31.10 dB with 200,
/// 512, 1024 and 2048.
const LATTICE: usize = 1024;

/// A network whose first layers are rounded.
pub(crate) struct Rounding<'a> {
    fitted: &'a Fitted,
    steps: Vec<LayerSteps>,
    network: Network,
    symbols: Vec<i32>,
}

impl<'a> Rounding<'a> {
    /// Begins to round `fitted` to multiples of `steps`.
    pub(super) fn new(fitted: &'a Fitted, steps: Vec<LayerSteps>) -> Self {
        let symbols = vec![0; fitted.network.shape().parameters()];
        Rounding { fitted, steps, network: fitted.network.clone(), symbols }
    }

    /// The number of layers, including the output layer.
    pub fn layers(&self) -> usize {
        self.steps.len()
    }

    /// The network; layers that are not rounded yet may be refitted.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Rounds layer `l`, after all layers before it, with errors that compensate each other.
    pub fn round(&mut self, level: Level, data: &Dataset, l: usize) {
        let curvature = curvature(level, &self.network, data, l);
        if self.layer(l).last {
            self.network = self.fitted.normalisation.undo(&self.network);
        }
        self.round_by(l, &curvature, None);
    }

    /// Rounds all layers again, one after the other, `sweeps` times. `observe` gets the mean squared error
    /// after each layer, in units of training, and ends the sweeps by returning false.
    pub fn sweep(
        &mut self,
        level: Level,
        data: &Dataset,
        sweeps: usize,
        mut observe: impl FnMut(f64) -> bool,
    ) {
        let network = self.trained();
        let curvature: Vec<_> = (0..self.layers()).map(|l| curvature(level, &network, data, l)).collect();
        let mut error = self.error(level, data);
        let weight = data.thinning * data.points.weights.iter().map(|&w| f64::from(w)).sum::<f64>();
        let per_sample =
            1.0 / (weight * data.points.outputs as f64 * f64::from(data.normalisation.scale).powi(2));
        for (l, curvature) in std::iter::repeat_n(curvature.iter().enumerate(), sweeps).flatten() {
            error = self.round_again(level, data, l, curvature, error);
            if !observe(error * per_sample) {
                break;
            }
        }
    }

    /// Rounds layer `l` of the rounded network again, to the minimum of the squared error predicted by slope
    /// and curvature, if that reduces the error below `before`. Returns the error after it.
    fn round_again(
        &mut self,
        level: Level,
        data: &Dataset,
        l: usize,
        curvature: &[Curvature],
        before: f64,
    ) -> f64 {
        let mut slope = vec![0.0; self.symbols.len()];
        let all = Batch { first_layer: l, ..data.points.all() };
        let half = (0.5 * data.thinning) as f32;
        level.step(&self.trained(), all, half, &mut slope, &mut Workspace::default());
        if self.layer(l).last {
            // The parameters of the output layer are in signal units, and then so is the error.
            slope.iter_mut().for_each(|slope| *slope *= data.normalisation.scale);
        }
        let (network, symbols) = (self.network.clone(), self.symbols.clone());
        self.round_by(l, curvature, Some(&slope));
        if self.symbols == symbols {
            return before;
        }
        let after = self.error(level, data);
        if after < before {
            return after;
        }
        (self.network, self.symbols) = (network, symbols);
        before
    }

    /// The squared error of the rounded network, in squared signal units.
    pub fn error(&self, level: Level, data: &Dataset) -> f64 {
        data.squared_error(level, &self.trained()).total
    }

    /// The rounded network in units of training.
    fn trained(&self) -> Network {
        self.fitted.normalisation.redo(&self.network)
    }

    /// Rounds layer `l` to multiples near its parameters or, with half the `slope` of the squared error by
    /// each parameter, near the predicted minimum. `curvature` has a matrix for each group of neighbouring
    /// outputs, repeated from the first if there are more groups.
    fn round_by(&mut self, l: usize, curvature: &[Curvature], slope: Option<&[f32]>) {
        let (LayerSteps { weights, biases }, layer) = (self.steps[l], self.layer(l));
        let of_output = |row: usize| {
            let weights = layer.weights().skip(row * layer.inputs).take(layer.inputs);
            weights.chain([layer.biases().start + row])
        };
        let (mut curvature, mut row) = (curvature.iter().cycle(), 0);
        while row < layer.outputs {
            let curvature = curvature.next().expect("a curvature of the layer");
            let rows = row..row + curvature.parameters() / (layer.inputs + 1);
            row = rows.end;
            let places: Vec<usize> = rows.flat_map(of_output).collect();
            let mut sizes = vec![step(weights); layer.inputs];
            sizes.push(step(biases));
            let sizes: Vec<f32> = sizes.iter().copied().cycle().take(places.len()).collect();
            let mut values: Vec<f32> = places.iter().map(|&i| self.network.parameters()[i]).collect();
            if let Some(slope) = slope {
                let slope = places.iter().map(|&i| f64::from(slope[i])).collect();
                for (value, way) in values.iter_mut().zip(curvature.solve(slope)) {
                    *value = (f64::from(*value) - way) as f32;
                }
            }
            let rounded = curvature.closest(&mut values, &sizes);
            for ((&i, value), symbol) in places.iter().zip(values).zip(rounded) {
                self.network.parameters_mut()[i] = value;
                self.symbols[i] = symbol;
            }
        }
    }

    fn layer(&self, l: usize) -> LayerShape {
        self.network.shape().layers().nth(l).expect("a layer of the network")
    }

    /// The rounded network, after all layers are rounded.
    pub fn finished(self) -> QuantizedNetwork {
        let Rounding { steps, network, symbols, .. } = self;
        finished(QuantizedNetwork { shape: network.shape(), steps, symbols })
    }
}

/// The curvature of layer `l`: a matrix for each group of neighbouring outputs, or a mean matrix of one
/// output that all outputs share.
fn curvature(level: Level, network: &Network, data: &Dataset, l: usize) -> Vec<Curvature> {
    let shape = network.shape();
    let layer = shape.layers().nth(l).expect("a layer of the network");
    if layer.last || shape.width > OWN_MATRIX_WIDTH {
        return vec![Curvature::new(mean_of_outputs(level, network, data, l, 0..layer.outputs))];
    }
    let together = LATTICE / (layer.inputs + 1);
    let groups = (0..layer.outputs).step_by(together);
    let of_group = |from| from..layer.outputs.min(from + together);
    groups.map(|from| Curvature::new(of_outputs(level, network, data, l, of_group(from)))).collect()
}
