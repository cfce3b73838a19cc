//! The shape of a field of splines and the iterations of its training, before the fit.

use crate::encoder::tuning::{SPLINE_FULL_SIZE, SPLINE_SMALL, SPLINE_STEPS};
use crate::field::spline::{ContextShape, Shape};
use crate::signal::Description;

/// The most levels; the coarsest grid has a spacing of 64 samples.
const MOST_LEVELS: u32 = 7;
/// Latents along the longer side of the coarsest grid, at least.
const COARSEST: u32 = 8;
/// The finest levels, which are predicted from coarser ones too.
const INFORMED: u16 = 0b111;
/// The levels of the grids for the context model alone.
const CONTEXT: u16 = 0b111_0000;

/// The shape of the field of a signal: small signals get small networks, which take a large part of their file.
pub(super) fn shape(description: &Description) -> Shape {
    let longest = description.lengths.iter().copied().max().unwrap_or(1);
    let count = ((longest / COARSEST).max(1).ilog2() + 1).min(MOST_LEVELS);
    let levels = (1u16 << count) - 1;
    let coarse = levels & !1;
    let small = description.positions() < SPLINE_SMALL;
    let context = ContextShape {
        levels: if small { 0 } else { CONTEXT & levels },
        informed: INFORMED & (levels >> 1),
        neighbours: if small { 5 } else { 12 },
        combinations: match (coarse, small) {
            (0, _) => 0,
            (_, true) => 3,
            _ => 4,
        },
    };
    Shape {
        lengths: description.lengths.clone(),
        outputs: description.channels.into(),
        levels,
        layers: 2,
        width: if small { 8 } else { 16 },
        context,
    }
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
    fn small_pictures_have_few_levels_and_parameters() {
        let of = |width, height| shape(&Description::picture([width, height], 3, SampleFormat::U8));
        assert_eq!([of(1, 1), of(15, 1), of(16, 16), of(768, 512)].map(|s| s.levels), [1, 1, 3, 127]);
        assert_eq!([of(1, 1), of(16, 16), of(768, 512)].map(|s| s.context.informed), [0, 1, 7]);
        assert!(of(128, 128).parameters() < 500 && of(768, 512).parameters() == 1362);
    }
}
