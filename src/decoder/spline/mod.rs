//! From a stored spline field to one that can be evaluated.

use crate::backend::simd::Level;
use crate::backend::simd::spline::Coefficients;
use crate::container::QuantizedSpline;
use crate::error::Result;
use crate::field::Spline;
use crate::field::spline::{Order, taps};
use crate::limits::{try_collect, try_filled};

/// The coefficients of all feature grids and the layers of the network.
///
/// # Errors
/// `Io` if the system has no memory for them.
pub(super) fn decode(stored: &QuantizedSpline) -> Result<Spline> {
    let (shape, tensors) = (stored.shape.clone(), stored.parameters());
    let grids = shape.grids();
    // The order of grids is that of descending levels.
    let features = grids.iter().zip(&stored.latents).filter(|(grid, _)| grid.is_feature()).rev();
    let mut coefficients = vec![];
    for ((grid, latents), stored_taps) in features.zip(tensors[Order::TAPS].chunks_exact(4)) {
        let mut values = try_collect(latents.iter().map(|&latent| f32::from(latent)))?;
        let line = grid.lengths[0] as usize + 6;
        let mut scratch = try_filled(values.len().max(line) as u64, 0.0)?;
        let taps = taps(stored_taps);
        Level::best().run(Coefficients { grid, taps, values: &mut values, scratch: &mut scratch });
        coefficients.push(values);
    }
    let layers = shape.network(&tensors);
    Ok(Spline { shape, coefficients, layers })
}

#[cfg(all(test, feature = "encoder"))]
mod tests;
