//! Quantized networks: integers, and the binary32 parameters that they represent.

use super::magnitude::MAX_MAGNITUDE;
use super::{MAX_DEPTH, MAX_PARAMETER, MAX_WIDTH, Networks};
use crate::error::Result;
use crate::ieee::ieee;
use crate::limits::try_vec;
use crate::network::{Network, Shape};

/// The allowed step indices.
pub(super) const STEP_INDICES: std::ops::RangeInclusive<i16> = -512..=511;

/// `2^(j/8)` for `j` from 0 to 7, rounded to the nearest binary32.
const MANTISSAS: [f32; 8] = [
    f32::from_bits(0x3f800000),
    f32::from_bits(0x3f8b95c2),
    f32::from_bits(0x3f9837f0),
    f32::from_bits(0x3fa5fed7),
    f32::from_bits(0x3fb504f3),
    f32::from_bits(0x3fc5672a),
    f32::from_bits(0x3fd744fd),
    f32::from_bits(0x3feac0c7),
];

/// A network as integers: two quantizer steps for each layer, a symbol for each parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantizedNetwork {
    /// The shape.
    pub shape: Shape,
    /// Step indices of each layer.
    pub steps: Vec<LayerSteps>,
    /// Symbols in file order: layer by layer, weights row by row, then biases. Magnitudes up to 2²⁰.
    pub symbols: Vec<i32>,
}

/// The indices of the two quantizer steps of a layer; see [`step`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerSteps {
    /// Index of the step of the weights.
    pub weights: i16,
    /// Index of the step of the biases.
    pub biases: i16,
}

impl LayerSteps {
    /// These two indices.
    pub const fn new(weights: i16, biases: i16) -> Self {
        LayerSteps { weights, biases }
    }
}

/// The quantizer step with index `index`, −512..=511: `2^(index/8)`, its mantissa rounded to binary32.
/// Indices out of range are clamped.
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "clamped, and 8 mantissas")]
pub fn step(index: i16) -> f32 {
    let index = index.clamp(*STEP_INDICES.start(), *STEP_INDICES.end());
    let octave = u32::from((index.div_euclid(8) + 127).unsigned_abs());
    let mantissa = MANTISSAS[usize::from(index.rem_euclid(8).unsigned_abs())];
    // A power of two times a mantissa in 1..2: exact.
    f32::from_bits(octave << 23) * mantissa
}

impl QuantizedNetwork {
    /// The network that the integers represent: every parameter is its symbol times the step of its layer and
    /// kind, one binary32 multiplication.
    ///
    /// # Panics
    /// If the numbers of steps and symbols do not match the shape. They do in networks read from a file.
    pub fn dequantize(&self) -> Network {
        self.dequantize_into(Vec::with_capacity(self.shape.parameters()))
    }
    /// The network that the integers represent, in the memory of `parameters`, which is empty.
    fn dequantize_into(&self, mut parameters: Vec<f32>) -> Network {
        assert_eq!(self.steps.len(), self.shape.layers().len(), "steps of {:?}", self.shape);
        assert_eq!(self.symbols.len(), self.shape.parameters(), "symbols of {:?}", self.shape);
        ieee(|| parameters.extend(self.parameters()));
        Network::from_parameters(self.shape, parameters)
    }
    #[allow(clippy::indexing_slicing, reason = "as many symbols as the shape requires")]
    fn parameters(&self) -> impl Iterator<Item = f32> {
        self.shape.layers().zip(&self.steps).flat_map(move |(layer, &LayerSteps { weights, biases })| {
            let scaled = move |range: std::ops::Range<usize>, index: i16| {
                self.symbols[range].iter().map(move |&symbol| symbol as f32 * step(index))
            };
            scaled(layer.weights(), weights).chain(scaled(layer.biases(), biases))
        })
    }
    /// `Ok` if the numbers of steps and symbols match the shape, the integers are within their ranges, and
    /// the parameters are at most 2⁶⁴; otherwise what is wrong.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let Shape { layers, width, .. } = self.shape;
        if layers > MAX_DEPTH.into() || !(1..=MAX_WIDTH as usize).contains(&width) {
            return Err(format!("{:?}, expected up to {MAX_DEPTH} layers of 1 to {MAX_WIDTH}", self.shape));
        }
        if self.steps.len() != self.shape.layers().len() || self.symbols.len() != self.shape.parameters() {
            return Err(format!(
                "{} pairs of steps and {} symbols for {:?}",
                self.steps.len(),
                self.symbols.len(),
                self.shape
            ));
        }
        if let Some(index) =
            self.steps.iter().flat_map(|s| [s.weights, s.biases]).find(|i| !STEP_INDICES.contains(i))
        {
            return Err(format!("step index {index}, expected −512 to 511"));
        }
        if let Some(symbol) = self.symbols.iter().find(|s| s.unsigned_abs() > MAX_MAGNITUDE) {
            return Err(format!("symbol {symbol}, expected magnitudes up to {MAX_MAGNITUDE}"));
        }
        check_parameters(self.parameters())
    }
    /// Whether the biases of every sine layer are non-negative and ascending, which the file stores in fewer
    /// bits.
    ///
    /// # Panics
    /// If there are fewer symbols than the shape requires.
    #[allow(clippy::indexing_slicing, reason = "the caller's own network, or one that has been checked")]
    pub fn is_sorted(&self) -> bool {
        let mut sine_layers = self.shape.layers().filter(|l| !l.last);
        sine_layers.all(|layer| {
            let biases = &self.symbols[layer.biases()];
            biases.first().is_none_or(|&b| b >= 0) && biases.is_sorted()
        })
    }
    /// Rearranges the neurons so that [`Self::is_sorted`] holds, without changing the function except for
    /// rounding: a neuron whose bias is negative changes sign (`sin(−t) = −sin t`), and the neurons of a
    /// layer are sorted by their biases. This saves `w + log₂ w!` bits for each hidden layer of `w` neurons.
    ///
    /// # Panics
    /// If the number of symbols does not match the shape.
    #[cfg(feature = "encoder")]
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "the caller's own network, not input"
    )]
    pub fn sort_neurons(&mut self) {
        assert_eq!(self.symbols.len(), self.shape.parameters(), "symbols of {:?}", self.shape);
        let layers: Vec<_> = self.shape.layers().collect();
        let old = self.symbols.clone();
        let sign = |bias: i32| if bias < 0 { -1 } else { 1 };
        // For each input of a layer: its previous index and its sign.
        let mut inputs: Vec<(usize, i32)> = (0..self.shape.inputs).map(|i| (i, 1)).collect();
        for layer in layers {
            let bias = |row: usize| old[layer.biases().start + row];
            let mut rows: Vec<(usize, i32)> = (0..layer.outputs).map(|row| (row, sign(bias(row)))).collect();
            if layer.last {
                rows.iter_mut().for_each(|row| row.1 = 1);
            } else {
                rows.sort_by_key(|&(row, _)| bias(row).unsigned_abs());
            }
            for (to, &(from, row_sign)) in rows.iter().enumerate() {
                for (column, &(input, input_sign)) in inputs.iter().enumerate() {
                    self.symbols[layer.offset + to * layer.inputs + column] =
                        row_sign * input_sign * old[layer.offset + from * layer.inputs + input];
                }
                self.symbols[layer.biases().start + to] = row_sign * bias(from);
            }
            inputs = rows;
        }
    }
}

impl Networks {
    /// The networks with their parameters in binary32, one per tile.
    ///
    /// # Errors
    /// `Io` if the system has not enough memory.
    pub fn decode(&self) -> Result<Vec<Network>> {
        let copy = |network: &Network| {
            let mut parameters = try_vec(network.parameters().len())?;
            parameters.extend_from_slice(network.parameters());
            Ok(Network::from_parameters(network.shape(), parameters))
        };
        match self {
            Networks::Quantized(networks) => {
                each(networks, |n| Ok(n.dequantize_into(try_vec(n.shape.parameters())?)))
            }
            Networks::Half(networks) | Networks::Single(networks) => each(networks, copy),
        }
    }
    /// The shapes of the networks, one per tile.
    pub fn shapes(&self) -> Vec<Shape> {
        self.each_shape().collect()
    }
    /// The shapes of the networks, one at a time.
    pub(super) fn each_shape(&self) -> Box<dyn Iterator<Item = Shape> + '_> {
        match self {
            Networks::Quantized(networks) => Box::new(networks.iter().map(|n| n.shape)),
            Networks::Half(networks) | Networks::Single(networks) => {
                Box::new(networks.iter().map(Network::shape))
            }
        }
    }
}

/// The results of `convert` for all `items`, if the system has the memory.
fn each<T>(items: &[T], convert: impl Fn(&T) -> Result<Network>) -> Result<Vec<Network>> {
    let mut networks = try_vec(items.len())?;
    for item in items {
        networks.push(convert(item)?);
    }
    Ok(networks)
}

/// `Ok` if all parameters are finite and at most 2⁶⁴, so that no phase can overflow; otherwise the first that
/// is not.
pub(super) fn check_parameters(mut parameters: impl Iterator<Item = f32>) -> std::result::Result<(), String> {
    match parameters.find(|p| p.is_nan() || p.abs() > MAX_PARAMETER) {
        None => Ok(()),
        Some(p) => Err(format!("parameter {p:e}, expected magnitudes up to 2⁶⁴")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_eighths_of_octaves() {
        assert_eq!(
            [0, 8, -8, -512, 511].map(|i| step(i).to_bits()),
            [0x3f800000, 0x40000000, 0x3f000000, 0x1f800000, 0x5f6ac0c7]
        );
        for index in STEP_INDICES {
            let exact = (f64::from(index) / 8.0).exp2();
            assert!((f64::from(step(index)) / exact - 1.0).abs() < 6e-8, "{index}");
        }
    }

    #[test]
    fn parameters_are_symbols_times_steps() {
        let shape = Shape { inputs: 1, outputs: 1, layers: 1, width: 1 };
        let network = QuantizedNetwork {
            shape,
            steps: vec![LayerSteps::new(-8, 0), LayerSteps::new(4, -16)],
            symbols: vec![3, -2, 1, 5],
        };
        assert_eq!(network.dequantize().parameters(), [1.5, -2.0, step(4), 1.25]);
        assert!(network.check().is_ok());
    }

    /// Every step with the smallest and largest symbols: the exact product is rounded once, and 2⁶⁴ is the
    /// limit.
    #[test]
    fn parameters_are_rounded_once() {
        let shape = Shape { inputs: 1, outputs: 1, layers: 1, width: 1 };
        let magnitudes = (0..=20).flat_map(|bit| [1i32 << bit, (1 << bit) - 1, (1 << bit) / 3 + 1]);
        let symbols: Vec<i32> = magnitudes.flat_map(|m| [m, -m]).filter(|m| m.abs() <= 1 << 20).collect();
        for index in STEP_INDICES {
            for &symbol in &symbols {
                let network = QuantizedNetwork {
                    shape,
                    steps: vec![LayerSteps::new(index, 0), LayerSteps::default()],
                    symbols: vec![symbol, 0, 0, 0],
                };
                let exact = f64::from(symbol) * f64::from(step(index));
                assert_eq!(network.dequantize().parameters()[0], exact as f32, "{symbol} {index}");
                assert_eq!(network.check().is_ok(), exact.abs() <= 2f64.powi(64), "{symbol} {index}");
            }
        }
    }

    /// Every symbol with a step of every mantissa; the steps of other octaves differ by a power of two.
    #[test]
    fn every_symbol_is_dequantized_exactly_rounded() {
        let shape = Shape { inputs: 1 << 20, outputs: 1, layers: 1, width: 1 };
        let mut symbols: Vec<i32> = (1..=1 << 20).collect();
        symbols.resize(shape.parameters(), 0);
        let mut network = QuantizedNetwork { shape, steps: vec![LayerSteps::default(); 2], symbols };
        for sign in [1, -1] {
            network.symbols.iter_mut().for_each(|symbol| *symbol = symbol.abs() * sign);
            for index in 0..8 {
                network.steps[0].weights = index;
                let exact = f64::from(step(index) * sign as f32);
                let mut parameters = network.parameters().zip(1..=1 << 20);
                assert!(parameters.all(|(p, symbol)| p == (f64::from(symbol) * exact) as f32), "{index}");
            }
        }
    }

    #[test]
    fn absurd_integers_are_refused() {
        let shape = Shape { inputs: 1, outputs: 1, layers: 1, width: 1 };
        let good = QuantizedNetwork { shape, steps: vec![LayerSteps::default(); 2], symbols: vec![0; 4] };
        let broken = [
            QuantizedNetwork { steps: vec![LayerSteps::default()], ..good.clone() },
            QuantizedNetwork { symbols: vec![0; 3], ..good.clone() },
            QuantizedNetwork { steps: vec![LayerSteps::new(0, 512), LayerSteps::default()], ..good.clone() },
            QuantizedNetwork {
                symbols: vec![(1 << 20) + 1, 0, 0, 0],
                steps: vec![LayerSteps::new(-400, 0); 2],
                ..good.clone()
            },
            QuantizedNetwork {
                symbols: vec![1 << 17, 0, 0, 0],
                steps: vec![LayerSteps::new(400, 0); 2],
                ..good.clone()
            },
            QuantizedNetwork {
                steps: vec![LayerSteps::new(511, 0); 2],
                symbols: vec![2, 0, 0, 0],
                ..good.clone()
            },
        ];
        let endless = Shape { layers: usize::MAX, width: 0, ..shape };
        let endless = QuantizedNetwork { shape: endless, steps: vec![], symbols: vec![0] };
        assert!(good.check().is_ok() && endless.check().is_err());
        assert!(broken.iter().all(|n| n.check().is_err()));
    }

    #[cfg(feature = "encoder")]
    #[test]
    fn sorting_neurons_keeps_the_function() {
        let shape = Shape { inputs: 2, outputs: 3, layers: 3, width: 7 };
        let symbols = (0..shape.parameters() as i32).map(|i| (i * 7919 + 13) % 61 - 30).collect();
        let mut network = QuantizedNetwork { shape, steps: vec![LayerSteps::new(-40, -40); 4], symbols };
        let before = network.dequantize().evaluate(&[0.3, -0.7]);
        assert!(!network.is_sorted());
        network.sort_neurons();
        assert!(network.is_sorted());
        let after = network.dequantize().evaluate(&[0.3, -0.7]);
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-5), "{before:?} {after:?}");
    }

    #[test]
    fn steps_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("step") {
            assert_eq!(format!("{:08x}", step(input[0].parse().unwrap()).to_bits()), result, "{input:?}");
        }
    }
}
