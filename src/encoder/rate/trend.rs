//! How PSNR grows with the number of parameters.

use crate::encoder::tuning::USUAL_SLOPE;

/// PSNR as a line in the logarithm of the parameters, through the last measurement, bounded by the largest
/// size that was too small and the smallest that was enough.
pub(super) struct Trend {
    /// Slope in dB per doubling of the parameters.
    slope: f64,
    seen: Option<(f64, f64)>,
    /// The most parameters that missed the target, and (`enough`) the fewest that reached it.
    too_few: f64,
    enough: f64,
}

impl Trend {
    pub fn new() -> Self {
        Trend { slope: USUAL_SLOPE, seen: None, too_few: 0.0, enough: f64::INFINITY }
    }

    /// The slope alone, for longer fits: the PSNR of short fits is not on their line.
    pub fn of_longer_fits(&self) -> Self {
        Trend { slope: self.slope, ..Trend::new() }
    }

    /// The parameters predicted to give `wanted` dB, after `parameters` were measured to give `reached` dB.
    pub fn next(&mut self, parameters: f64, reached: f64, wanted: f64) -> f64 {
        if let Some((other, other_reached)) = self.seen.replace((parameters, reached))
            && parameters != other
        {
            self.slope = ((reached - other_reached) / (parameters / other).log2()).clamp(0.6, 3.0);
        }
        if reached < wanted {
            self.too_few = self.too_few.max(parameters);
        } else {
            self.enough = self.enough.min(parameters);
        }
        let next = parameters * 2f64.powf(((wanted - reached) / self.slope).clamp(-4.0, 3.0));
        // No line passes through both exact fits and fits that learnt nothing.
        let between = self.too_few * 1.05..self.enough * 0.95;
        if self.too_few == 0.0 || self.enough.is_infinite() || between.contains(&next) {
            next
        } else {
            (self.too_few * self.enough).sqrt()
        }
    }
}
