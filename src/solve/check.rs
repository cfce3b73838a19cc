//! Checks a problem before anything is computed.

use super::{Points, Problem, SolveOptions};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::network::{Jet, Shape};

/// Rejects options out of range, and conditions that do not fit the signal.
pub(super) fn check(problem: &Problem<'_>, options: &SolveOptions) -> Result<()> {
    let within = |name, value: f64, low: f64, high: f64| {
        if (low..=high).contains(&value) {
            return Ok(());
        }
        Err(Error::parameter(name, format!("{value}, expected {low} to {high}")))
    };
    within("layers", options.layers as f64, 1.0, 16.0)?;
    within("width", options.width as f64, 1.0, 512.0)?;
    within("frequency", options.frequency, f64::MIN_POSITIVE, 1000.0)?;
    within("effort", options.effort.into(), 1.0, 9.0)?;
    if let Some(tile) = options.tile {
        within("tile", tile.into(), 8.0, f64::from(u32::MAX))?;
    }
    within("batch", options.batch as f64, 1.0, f64::from(1 << 20))?;
    within("rate", options.rate.into(), f64::from(f32::MIN_POSITIVE), 1.0)?;
    within("loss_of_rounding", options.loss_of_rounding, 1e-6, 1e6)?;
    within("scale", problem.scale, 1e-30, 1e30)?;
    let description = &problem.description;
    let (offsets, channels) = (problem.offsets.len(), usize::from(description.channels));
    if let Some(mean) = &problem.mean {
        if mean.len() != channels {
            return Err(Error::parameter("mean", format!("{mean:?}, expected {channels} numbers")));
        }
        for &mean in mean {
            within("mean", mean, f64::from(f32::MIN), f64::from(f32::MAX))?;
        }
    }
    let axes = description.axes.len();
    if let Some(axis) = problem.grows_along.filter(|&axis| axis >= axes) {
        return Err(Error::parameter("grows_along", format!("axis {axis} of {axes}, counted from 0")));
    }
    if offsets != channels || problem.offsets.iter().any(|offset| !offset.is_finite()) {
        return Err(Error::parameter(
            "offsets",
            format!("{:?}, expected {channels} numbers", problem.offsets),
        ));
    }
    let shape = Shape {
        inputs: description.axes.len(),
        outputs: description.channels.into(),
        layers: options.layers,
        width: options.width,
    };
    let tiles = options.tiles(description, problem.grows_along)?.len() as u64;
    let parameters = tiles.saturating_mul(shape.parameters() as u64);
    Limits::check("parameters", parameters, options.limits.parameters)?;
    if problem.conditions.is_empty() {
        return Err(Error::parameter("conditions", "none, expected at least one"));
    }
    let mut numbers = 0u64;
    for condition in problem.conditions.iter().chain(&problem.measures) {
        let wrong =
            |detail: String| Err(Error::parameter("conditions", format!("{}: {detail}", condition.name)));
        if !(condition.weight >= 0.0 && condition.weight.is_finite()) {
            return wrong(format!("a weight of {}, expected a number from 0 on", condition.weight));
        }
        let scales = description.scales();
        if condition.residual.jet() == Jet::Laplacian && scales.iter().any(|&scale| scale != scales[0]) {
            return wrong("a Laplacian over axes of different scales, expected a Hessian".into());
        }
        let lengths = description.lengths();
        let inside = |(x, &length): (f64, &u32)| (-0.5..=f64::from(length) - 0.5).contains(&x);
        if let Points::Interpolated { data, .. } = &condition.points
            && !data.is_on(&lengths)
        {
            return wrong(format!("data on other axes than those of the signal of {lengths:?}"));
        }
        match &condition.points {
            Points::Random(region) | Points::Interpolated { region, .. } => {
                let fits = |(range, length): (&std::ops::Range<f64>, &u32)| {
                    range.start <= range.end && inside((range.start, length)) && inside((range.end, length))
                };
                if region.len() != lengths.len() || !region.iter().zip(&lengths).all(fits) {
                    return wrong(format!(
                        "points of {region:?}, expected a box in the signal of {lengths:?}"
                    ));
                }
            }
            Points::Given { positions, data } => {
                let (axes, count) = (lengths.len(), positions.len() / lengths.len());
                if condition.points.is_empty() {
                    return wrong("no points, expected at least one".into());
                }
                if count == 0 || !positions.len().is_multiple_of(axes) || !data.len().is_multiple_of(count) {
                    let (positions, data) = (positions.len(), data.len());
                    return wrong(format!(
                        "{positions} coordinates and {data} numbers, expected {axes} for each point and as many \
                         numbers for each"
                    ));
                }
                let outside = |point: &&[f64]| !point.iter().copied().zip(&lengths).all(inside);
                if let Some(point) = positions.chunks_exact(axes).find(outside) {
                    return wrong(format!("a point at {point:?}, expected one in the signal of {lengths:?}"));
                }
                if let Some(number) = data.iter().find(|number| !number.is_finite()) {
                    return wrong(format!("{number} among its numbers, expected finite ones"));
                }
                numbers += (positions.len() * 8 + data.len() * 4 + count * 4) as u64;
            }
        }
    }
    Limits::check("bytes of memory", numbers, options.limits.memory_bytes)
}
