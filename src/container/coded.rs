//! Quantized parameters as one coded stream: the order of values and the context of each.

use super::magnitude::{Coder, Context, MAX_MAGNITUDE, Reader};
use super::quantized::{LayerSteps, QuantizedNetwork, STEP_INDICES};
use super::table::SHAPES;
use crate::error::{Error, Result};
use crate::limits::try_vec;
use crate::network::Shape;

/// Set in the first byte if the biases of sine layers are stored as differences.
pub(super) const SORTED: u8 = 0x10;
/// The most parameters that a byte can hold: the likeliest magnitude of the steepest table costs 0.045 bits.
const PARAMETERS_PER_BYTE: u64 = 256;
/// Initial mean magnitudes of new contexts: of symbols, of differences of sorted biases, of step differences.
const SYMBOL_MEAN: u32 = 16;
const BIAS_DIFFERENCE_MEAN: u32 = 4;
const STEP_DIFFERENCE_MEAN: u32 = 8;
/// Predictor of the first layer's steps in the first tile.
pub(super) const FIRST_STEP: i16 = -56;

/// Reads the networks of `shapes`, which all have the same depth, from a whole stream.
pub(super) fn decode(bytes: &[u8], shapes: &[Shape]) -> Result<Vec<QuantizedNetwork>> {
    let error = |detail: String| Error::format("coded parameters", detail);
    let Some((&head, stream)) = bytes.split_first() else { return Err(error("the shape is missing".into())) };
    let (sorted, shape) = (head & SORTED != 0, head & !SORTED);
    if shape > SHAPES {
        let detail = format!("shape {head:#04x}, expected 0 to {SHAPES}, or 16 more");
        return Err(Error::unsupported("coded parameters", detail));
    }
    // Checked before allocation: a short stream cannot represent many parameters.
    let parameters: u64 = shapes.iter().map(|s| s.parameters() as u64).sum();
    if parameters.div_ceil(PARAMETERS_PER_BYTE) > bytes.len() as u64 {
        return Err(error(format!("{} bytes for {parameters} parameters", stream.len())));
    }
    let mut networks = try_vec(shapes.len())?;
    for &shape in shapes {
        let (mut steps, mut symbols) = (try_vec(shape.layers().len())?, try_vec(shape.parameters())?);
        steps.resize(shape.layers().len(), LayerSteps::default());
        symbols.resize(shape.parameters(), 0);
        networks.push(QuantizedNetwork { shape, steps, symbols });
    }
    let mut reader = Reader::new(stream, shape)?;
    visit(&mut networks, sorted, &mut reader)?;
    reader.finish()?;
    networks.iter().try_for_each(|n| n.check().map_err(error))?;
    Ok(networks)
}

/// The stream of `networks`, which all have the same depth, with the shape of tables that takes the fewest
/// bits.
#[cfg(feature = "encoder")]
pub(super) fn encode(networks: &[QuantizedNetwork]) -> Result<Vec<u8>> {
    let sorted = networks.iter().all(QuantizedNetwork::is_sorted);
    let mut tally = super::magnitude::Tally::new();
    visit(&mut networks.to_vec(), sorted, &mut tally)?;
    encode_as(networks, sorted, tally.best_shape())
}

/// The stream of `networks` with tables of `shape`.
#[cfg(feature = "encoder")]
pub(super) fn encode_as(networks: &[QuantizedNetwork], sorted: bool, shape: u8) -> Result<Vec<u8>> {
    assert!(!sorted || networks.iter().all(QuantizedNetwork::is_sorted), "biases that are not sorted");
    let mut writer = super::magnitude::Writer::new(shape);
    visit(&mut networks.to_vec(), sorted, &mut writer)?;
    let mut bytes = vec![if sorted { shape | SORTED } else { shape }];
    bytes.append(&mut writer.finish());
    Ok(bytes)
}

/// Passes every value of `networks` through `coder`, in stream order. This function defines the order of the
/// format: reading, writing and measuring share it.
#[allow(
    clippy::indexing_slicing,
    reason = "the networks have the same depth, and as many steps and symbols as their shapes require"
)]
fn visit<C: Coder>(networks: &mut [QuantizedNetwork], sorted: bool, coder: &mut C) -> Result<()> {
    // In the first tile steps are predicted from the layer before, in later tiles from the tile before: the
    // sizes of the differences vary.
    let mut step_contexts = [Context::new(STEP_DIFFERENCE_MEAN); 2];
    // Per layer, carried from tile to tile.
    let mut contexts: Vec<[Context; 2]> = vec![];
    let mut previous_tile: Option<Vec<LayerSteps>> = None;
    for network in networks {
        let QuantizedNetwork { shape, steps, symbols } = network;
        let mut previous_layer = LayerSteps::new(FIRST_STEP, FIRST_STEP);
        for ((number, layer), steps) in shape.layers().enumerate().zip(steps.iter_mut()) {
            let before = match &previous_tile {
                Some(steps) => steps[number],
                None => previous_layer,
            };
            let [first, later] = &mut step_contexts;
            let context = if previous_tile.is_none() { first } else { later };
            steps.weights = step_index(coder, context, before.weights, steps.weights)?;
            steps.biases = step_index(coder, context, before.biases, steps.biases)?;
            previous_layer = *steps;

            let differs = sorted && !layer.last;
            if contexts.len() == number {
                let [weights, mut biases] = match contexts.last() {
                    Some(before) => before.map(Context::inherit),
                    None => [Context::new(SYMBOL_MEAN); 2],
                };
                // Differences and plain biases have unrelated statistics.
                if sorted && number == 0 {
                    biases = Context::new(BIAS_DIFFERENCE_MEAN);
                } else if sorted && layer.last {
                    biases = Context::new(SYMBOL_MEAN);
                }
                contexts.push([weights, biases]);
            }
            let [weight_context, bias_context] = &mut contexts[number];
            for symbol in &mut symbols[layer.weights()] {
                *symbol = coder.signed(weight_context, *symbol)?;
            }
            let biases = &mut symbols[layer.biases()];
            if differs {
                differences(coder, bias_context, biases)?;
            } else {
                for symbol in biases {
                    *symbol = coder.signed(bias_context, *symbol)?;
                }
            }
        }
        previous_tile = Some(steps.clone());
    }
    Ok(())
}

/// A step index, coded as the difference to `before`.
#[allow(clippy::arithmetic_side_effects, reason = "indices of 16 bits, and a difference of 22")]
fn step_index<C: Coder>(coder: &mut C, context: &mut Context, before: i16, index: i16) -> Result<i16> {
    let before = i32::from(before);
    let difference = coder.signed(context, i32::from(index) - before)?;
    let index = before + difference;
    match i16::try_from(index) {
        Ok(index) if STEP_INDICES.contains(&index) => Ok(index),
        _ => Err(Error::format("coded parameters", format!("step index {index}, expected −512 to 511"))),
    }
}

/// Ascending non-negative biases, each coded as the difference to the previous one.
#[allow(clippy::arithmetic_side_effects, reason = "both terms are at most 2²⁰")]
fn differences<C: Coder>(coder: &mut C, context: &mut Context, biases: &mut [i32]) -> Result<()> {
    let mut before = 0u32;
    for bias in biases {
        // A reader has no bias yet and does not use the difference.
        let difference = coder.magnitude(context, bias.unsigned_abs().wrapping_sub(before))?;
        let value = before + difference;
        if value > MAX_MAGNITUDE {
            return Err(Error::format("coded parameters", format!("bias {value} above {MAX_MAGNITUDE}")));
        }
        *bias = value.cast_signed();
        before = value;
    }
    Ok(())
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 4 };

    #[test]
    fn sorted_biases_cost_less() {
        let width = 28;
        let shape = Shape { inputs: 2, outputs: 3, layers: 2, width };
        let symbols = (0..shape.parameters() as i32).map(|i| i * 7919 % 61 - 30).collect();
        let mut network = QuantizedNetwork { shape, steps: vec![LayerSteps::new(-56, -56); 3], symbols };
        let plain = encode(std::slice::from_ref(&network)).unwrap().len();
        network.sort_neurons();
        let sorted = encode(&[network]).unwrap().len();
        // Two layers of 28 + log₂ 28! bits are 31 bytes.
        assert!(sorted + 25 < plain, "{sorted} {plain}");
    }

    #[test]
    fn impossible_streams_are_refused() {
        for (bytes, why) in [(&[][..], "no shape"), (&[0, 0], "zeros")] {
            assert!(matches!(decode(bytes, &[SHAPE]), Err(Error::Format { .. })), "{why}");
        }
        for (bytes, why) in [(&[9][..], "shape 9"), (&[0x20], "reserved bit")] {
            assert!(matches!(decode(bytes, &[SHAPE]), Err(Error::Unsupported { .. })), "{why}");
        }
        let large = Shape { inputs: 2, outputs: 1, layers: 64, width: 1000 };
        assert!(matches!(decode(&[0; 1000], &[large]), Err(Error::Format { .. })));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_is_written(
            symbols in prop::collection::vec(-40i32..40, SHAPE.parameters()),
            shape in 0..=SHAPES,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in 0usize..3,
        ) {
            let steps = vec![LayerSteps::new(-56, -60); 3];
            let network = QuantizedNetwork { shape: SHAPE, steps, symbols };
            let mut bytes = encode_as(&[network], false, shape).unwrap();
            damage.iter().for_each(|(at, with)| *at.get_mut(&mut bytes) = *with);
            bytes.truncate(bytes.len() - cut);
            if let Ok(networks) = decode(&bytes, &[SHAPE]) {
                let head = bytes[0];
                let again = encode_as(&networks, head & SORTED != 0, head & !SORTED).unwrap();
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn arbitrary_streams_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, &[SHAPE]);
        }
    }
}
