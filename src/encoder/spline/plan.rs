//! The shape of a field of splines and the iterations of its training, before the fit.

use crate::encoder::tuning::{SPLINE_FULL_SIZE, SPLINE_SMALL, SPLINE_STEPS};
use crate::field::spline::{ContextShape, Shape};
use crate::signal::Description;

/// Neurons of each hidden layer of a small network, and inputs of its context model.
const SMALL_WIDTH: usize = 8;
const SMALL_NEIGHBOURS: usize = 5;
const SMALL_COMBINATIONS: usize = 3;
/// Levels of a small field: its coarsest grid has so many latents along the longer side, at least.
const COARSEST: u32 = 8;

/// The shapes of fields that are worth a training for a signal: the usual one, whose parameters a file hardly
/// spends bytes on, and for small signals one of few parameters, which suits what is unlike a photograph.
pub(super) fn shapes(description: &Description) -> Vec<Shape> {
    let usual = Shape::usual(&description.lengths, description.channels.into());
    if description.positions() >= SPLINE_SMALL {
        return vec![usual];
    }
    let longest = description.lengths.iter().copied().max().unwrap_or(1);
    let levels = usual.levels & ((2 << (longest / COARSEST).max(1).ilog2()) - 1);
    let informed = usual.context.informed & (levels >> 1);
    let combinations = if informed == 0 { 0 } else { SMALL_COMBINATIONS };
    let context = ContextShape { levels: 0, informed, neighbours: SMALL_NEIGHBOURS, combinations };
    vec![Shape { levels, width: SMALL_WIDTH, context, ..usual.clone() }, usual]
}

/// Iterations of a training at an effort, for a signal that is not large.
pub(super) fn usual_steps(effort: u8) -> f64 {
    SPLINE_STEPS[usize::from(effort.clamp(1, 9)) - 1]
}

/// Iterations of a training at an effort: fewer for large signals.
pub(super) fn steps(description: &Description, effort: u8) -> f64 {
    let usual = usual_steps(effort);
    (usual * (SPLINE_FULL_SIZE / description.positions() as f64).min(1.0)).max(usual.min(SPLINE_STEPS[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    #[test]
    fn small_pictures_have_small_fields_too() {
        let of = |width, height| shapes(&Description::picture([width, height], 3, SampleFormat::U8));
        assert_eq!(of(768, 512).len(), 1);
        let small =
            [[1, 1], [15, 1], [16, 16], [128, 128]].map(|[width, height]| of(width, height)[0].clone());
        assert_eq!(small.clone().map(|shape| shape.levels), [1, 1, 3, 31]);
        assert_eq!(small.clone().map(|shape| shape.context.informed), [0, 0, 1, 7]);
        assert!(small.iter().all(|shape| shape.parameters() < 500 && !shape.has_usual()));
    }
}
