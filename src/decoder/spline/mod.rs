//! From a stored spline field to one that can be evaluated.

use crate::backend::simd::Level;
use crate::backend::simd::spline::Coefficients;
use crate::container::QuantizedSpline;
use crate::error::Result;
use crate::field::Spline;
use crate::field::spline::{Grid, Order, taps};
use crate::limits::{try_collect, try_filled};
use crate::signal::Region;

/// Coefficients beside those around a region: three that the filter reaches beyond those that splines see, and a
/// position of half a sample more.
const MARGIN: usize = 8;

/// The coefficients of all feature grids and the layers of the network. If values are wanted in `region` alone,
/// coefficients on which they do not depend are 0.
///
/// # Errors
/// `Io` if the system has no memory for them.
pub(super) fn decode(stored: &QuantizedSpline, region: Option<&Region>) -> Result<Spline> {
    let [from, to] = region.and_then(|region| region.sides().next_back()).unwrap_or([0.0, f64::INFINITY]);
    let (shape, tensors) = (stored.shape.clone(), stored.parameters());
    let grids = shape.grids();
    // The order of features is the reverse of that of grids.
    let features = grids.iter().zip(&stored.latents).filter(|(grid, _)| grid.is_feature()).rev();
    let mut coefficients = vec![];
    for ((grid, latents), stored_taps) in features.zip(tensors[Order::TAPS].chunks_exact(4)) {
        // A band across the last axis, of which the first and the last lines are wrong.
        let last = grid.lengths.len() - 1;
        let (count, spacing) = (grid.lengths[last] as usize, f64::from(1 << grid.level(last)));
        let band = (from / spacing) as usize..(to / spacing) as usize;
        let band = band.start.saturating_sub(MARGIN)..band.end.saturating_add(MARGIN).min(count);
        let line = latents.len() / count;
        let mut lengths = grid.lengths.clone();
        lengths[last] = band.len() as u32;
        let part = Grid { lengths, ..*grid };
        let band = band.start * line..band.end * line;
        let mut values = try_collect(latents[band.clone()].iter().map(|&latent| f32::from(latent)))?;
        let mut scratch = try_filled(values.len().max(part.lengths[0] as usize + 6) as u64, 0.0)?;
        let taps = taps(stored_taps);
        Level::best().run(Coefficients { grid: &part, taps, values: &mut values, scratch: &mut scratch });
        if band.len() < latents.len() {
            let mut all = try_filled(latents.len() as u64, 0.0)?;
            all[band].copy_from_slice(&values);
            values = all;
        }
        coefficients.push(values);
    }
    let layers = shape.network(&tensors);
    Ok(Spline { shape, coefficients, layers })
}

#[cfg(all(test, feature = "encoder"))]
mod tests;
