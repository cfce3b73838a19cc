//! The least that files take: for encoders that look for a size.

use super::coded::FIRST_STEP;
use super::{File, Networks, QuantizedNetwork, quantized_size, step, write};
use crate::error::Result;
use crate::network::Shape;

/// The network of `shape`, of one hidden layer, that gives `means` everywhere, to about a hundredth: the cheapest of all with
/// these values.
pub(crate) fn constant(shape: Shape, means: &[f64]) -> QuantizedNetwork {
    let peak = means.iter().fold(0f64, |peak, mean| peak.max(mean.abs()));
    let coarser = (8.0 * peak.log2()).ceil().clamp(0.0, 512.0) as i16;
    // The first step costs nothing, nor does one that is like the step before it.
    let bias_step = FIRST_STEP.saturating_add(coarser);
    let symbol = |mean: &f64| (mean / f64::from(step(bias_step))).round() as i32;
    // The biases of the last layer are the last parameters.
    let zeros = shape.parameters().saturating_sub(means.len());
    let symbols = std::iter::repeat_n(0, zeros).chain(means.iter().map(symbol)).collect();
    QuantizedNetwork { shape, steps: vec![(FIRST_STEP, FIRST_STEP), (FIRST_STEP, bias_step)], symbols }
}

/// The bytes of a file with the description, partition, units and metadata of `file`, whose networks are quantized, besides
/// coded parameters. Its own networks are of no matter.
///
/// # Errors
/// As [`write`].
pub(crate) fn overhead(file: File) -> Result<u64> {
    /// The lengths of larger sections take so many bytes more at most.
    const LENGTHS: u64 = 3;
    let description = &file.description;
    let (inputs, outputs) = (description.lengths.len(), usize::from(description.channels));
    let shape = Shape { inputs, outputs, layers: 1, width: 1 };
    let empty = QuantizedNetwork { shape, steps: vec![(0, 0); 2], symbols: vec![0; shape.parameters()] };
    let networks = vec![empty; file.tiles.len()];
    let coded = quantized_size(&networks);
    let mut bytes = vec![];
    write(&File { networks: Networks::Quantized(networks), ..file }, &mut bytes)?;
    Ok((bytes.len() as u64).saturating_sub(coded).saturating_add(LENGTHS))
}
