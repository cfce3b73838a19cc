//! Networks of one shape that differ in what their first layer sees, and in their activation.

use crate::activation::Activation;
use crate::features::{Features, Input};
use crate::jet::{Jet, Order};
use candle_core::{DType, Device, Result, Tensor, Var};

/// A kind of network.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub input: Input,
    pub activation: Activation,
}

/// The kinds that are compared, for pictures with `side` samples along an axis, of which the octaves stay below
/// Nyquist's frequency, `π · side / 2`.
pub fn kinds(side: usize) -> [Kind; 7] {
    let octaves = (0..).take_while(|&k| 2usize << k < side).count();
    let kind = |name, input, activation| Kind { name, input, activation };
    [
        kind("sine", Input::Coordinates, Activation::Sine(30.0)),
        kind("ReLU", Input::Coordinates, Activation::Relu),
        kind("tanh", Input::Coordinates, Activation::Tanh),
        kind("ReLU of octaves", Input::Octaves(octaves), Activation::Relu),
        kind("softplus", Input::Coordinates, Activation::Softplus),
        kind("ELU", Input::Coordinates, Activation::Elu),
        kind("ReLU of Gaussians", Input::Gaussians(256), Activation::Relu),
    ]
}

/// A function of the plane: features, hidden layers with an activation, and a linear layer to one output.
pub struct Network {
    features: Features,
    /// Weights and biases.
    layers: Vec<(Var, Var)>,
    activation: Activation,
}

impl Network {
    /// A network with random parameters and `hidden` layers of `width` neurons each.
    ///
    /// Weights are uniform with the activation's gain, in the first layer of sines in `±1 / inputs`, as SIREN's;
    /// biases are uniform in `±1 / √inputs`.
    pub fn new(kind: Kind, width: usize, hidden: usize, dtype: DType, seed: u64) -> Result<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (features, count) = Features::new(kind.input, dtype, &mut rng)?;
        let mut uniform = |rows: usize, columns: usize, bound: f64| {
            let numbers = (0..rows * columns).map(|_| bound * (2.0 * rng.f64() - 1.0)).collect();
            Tensor::from_vec(numbers, (rows, columns), &Device::Cpu)?.to_dtype(dtype)
        };
        let layer = |l: usize| {
            let inputs = if l == 0 { count } else { width };
            let outputs = if l == hidden { 1 } else { width };
            let n = inputs as f64;
            let bound = match kind.activation {
                Activation::Sine(_) if l == 0 => 1.0 / n,
                activation => activation.gain() * (3.0 / n).sqrt(),
            };
            let (weights, biases) = (uniform(outputs, inputs, bound)?, uniform(1, outputs, 1.0 / n.sqrt())?);
            Ok((Var::from_tensor(&weights)?, Var::from_tensor(&biases)?))
        };
        let layers = (0..=hidden).map(layer).collect::<Result<_>>()?;
        Ok(Network { features, layers, activation: kind.activation })
    }

    /// All that is trained.
    pub fn variables(&self) -> Vec<Var> {
        let layers = self.layers.iter().flat_map(|(weights, biases)| [weights, biases]);
        layers.chain(self.features.variables()).cloned().collect()
    }

    /// The function at `points` (points × 2).
    pub fn jet(&self, points: &Tensor, order: Order) -> Result<Jet> {
        let features = self.features.of(Jet::of_points(points, order)?)?;
        let (hidden, last) = self.layers.split_at(self.layers.len() - 1);
        let h = hidden.iter().try_fold(features, |h, (weights, biases)| {
            h.linear(weights, biases)?.activate(self.activation)
        })?;
        h.linear(&last[0].0, &last[0].1)
    }
}
