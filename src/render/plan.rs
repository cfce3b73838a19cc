//! One axis of a grid laid over the signal: where its positions are.

use crate::signal::Sampling;
use std::ops::Range;

/// An axis of a grid. A sample of the axis is the mean over `footprint` positions; positions are numbered
/// across all samples, so position `p` belongs to sample `p / footprint`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AxisPlan {
    /// The axis.
    pub axis: Sampling,
    /// The last position of the signal, its outer edge.
    last: f64,
}

impl AxisPlan {
    /// Lays `axis`, which has passed [`Sampling::check`], over a signal of `length` samples.
    pub fn new(axis: &Sampling, length: u32) -> Self {
        AxisPlan { axis: *axis, last: f64::from(length) - 0.5 }
    }
    /// The number of positions of all samples together.
    pub fn positions(&self) -> u32 {
        self.axis.count * self.axis.footprint
    }
    /// The sample to which position `p` belongs, and the number of the position within that sample.
    pub fn sample(&self, p: u32) -> (u32, u32) {
        (p / self.axis.footprint, p % self.axis.footprint)
    }
    /// The samples to which the positions of a window belong.
    pub fn samples(&self, window: &Range<u32>) -> Range<usize> {
        let start = self.sample(window.start).0 as usize;
        start..window.end.div_ceil(self.axis.footprint) as usize
    }
    /// Position `p` in native samples. Positions of a footprint beyond the edge of the signal are moved onto
    /// the edge.
    pub fn position(&self, p: u32) -> f64 {
        let Sampling { spacing, footprint, .. } = self.axis;
        let (sample, number) = self.sample(p);
        let centre = self.axis.position(sample);
        if footprint == 1 {
            return centre;
        }
        let offset = ((f64::from(number) + 0.5) / f64::from(footprint) - 0.5) * spacing;
        (centre + offset).clamp(-0.5, self.last)
    }
}
