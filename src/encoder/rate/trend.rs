//! How PSNR goes with parameters, as far as it was seen.

use crate::encoder::tuning::USUAL_SLOPE;

/// PSNR over parameters as a line in their logarithm, through what was seen last, between what was too little and too much.
pub(super) struct Trend {
    /// dB per doubling.
    slope: f64,
    seen: Option<(f64, f64)>,
    /// The most parameters that gave too little, and the fewest that gave enough.
    too_few: f64,
    enough: f64,
}

impl Trend {
    pub fn new() -> Self {
        Trend { slope: USUAL_SLOPE, seen: None, too_few: 0.0, enough: f64::INFINITY }
    }

    /// Its slope alone: what short fits reach does not lie on the line of longer ones.
    pub fn of_longer_fits(&self) -> Self {
        Trend { slope: self.slope, ..Trend::new() }
    }

    /// Parameters that give `wanted` dB, now that so many were seen to give `reached`.
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
        // Exact fits stand beside ones that have learnt nothing: no line goes through both.
        let between = self.too_few * 1.05..self.enough * 0.95;
        if self.too_few == 0.0 || self.enough.is_infinite() || between.contains(&next) {
            next
        } else {
            (self.too_few * self.enough).sqrt()
        }
    }
}
