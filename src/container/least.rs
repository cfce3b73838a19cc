//! Lower bounds of file sizes, for encoders that search for a size.

use super::coded::FIRST_STEP;
use super::{File, LayerSteps, Networks, QuantizedNetwork, Stored, quantized_size, step, write};
use crate::error::Result;
use crate::network::Shape;
use crate::signal::Tiles;

/// The network of `shape`, with one hidden layer, that gives `means` everywhere, to about one percent: the
/// smallest network with these values.
pub(crate) fn constant(shape: Shape, means: &[f64]) -> QuantizedNetwork {
    let peak = means.iter().fold(0f64, |peak, mean| peak.max(mean.abs()));
    let coarser = (8.0 * peak.log2()).ceil().clamp(0.0, 512.0) as i16;
    // The first step costs nothing, and neither does a step equal to its predictor.
    let bias_step = FIRST_STEP.saturating_add(coarser);
    let symbol = |mean: &f64| (mean / f64::from(step(bias_step))).round() as i32;
    // The biases of the last layer are the last parameters.
    let zeros = shape.parameters().saturating_sub(means.len());
    let symbols = std::iter::repeat_n(0, zeros).chain(means.iter().map(symbol)).collect();
    let steps = [FIRST_STEP, bias_step].map(|biases| LayerSteps::new(FIRST_STEP, biases)).to_vec();
    QuantizedNetwork { shape, steps, symbols }
}

/// Bytes of a file with the description, units and metadata of `file` and quantized networks of `tiles`,
/// without the coded parameters. The field of `file` is ignored.
///
/// # Errors
/// The errors of [`write`].
pub(crate) fn overhead(file: File, tiles: Tiles) -> Result<u64> {
    /// The most additional bytes for the lengths of larger sections.
    const LENGTHS: u64 = 3;
    let description = &file.description;
    let (inputs, outputs) = (description.axes.len(), usize::from(description.channels));
    let shape = Shape { inputs, outputs, layers: 1, width: 1 };
    let empty = QuantizedNetwork {
        shape,
        steps: vec![LayerSteps::default(); 2],
        symbols: vec![0; shape.parameters()],
    };
    let networks = vec![empty; tiles.len()];
    let coded = quantized_size(&networks);
    let mut bytes = vec![];
    let field = Stored::Siren { tiles, networks: Networks::Quantized(networks) };
    write(&File { field, ..file }, &mut bytes)?;
    Ok((bytes.len() as u64).saturating_sub(coded).saturating_add(LENGTHS))
}
