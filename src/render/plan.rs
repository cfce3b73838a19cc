//! One axis of a grid laid over the tiles: where its positions are, and which of them each tile sees.

use crate::error::Result;
use crate::limits::try_collect;
use crate::signal::{Axis, Tiles, first_index};
use std::ops::Range;

/// An axis of a grid, with the positions that each tile sees. A sample of the axis is the mean over
/// `footprint` positions; positions are numbered across all samples, so position `p` belongs to sample `p /
/// footprint`.
#[derive(Clone, Debug)]
pub(crate) struct AxisPlan {
    /// The axis.
    pub axis: Axis,
    /// For each tile along the axis, the positions at which its weight is above 0.
    pub spans: Vec<Range<u32>>,
    /// The last position of the signal, its outer edge.
    last: f64,
}

/// The first index from `from` on for which `passed` holds, or `count` if there is none; `passed` holds from
/// some index on and for none before `from`. Doubling steps find a near index fast: a million tiles may be
/// searched for one after the other.
fn first_from(mut from: u32, count: u32, passed: impl Fn(u32) -> bool) -> u32 {
    let mut step = 0u64;
    loop {
        let candidate = (u64::from(from) + step).min(count.into()) as u32;
        if candidate == count || passed(candidate) {
            return from + first_index(candidate - from, |i| passed(from + i));
        }
        from = candidate + 1;
        step = (step * 2).max(1);
    }
}

impl AxisPlan {
    /// Lays `axis`, which has passed [`Axis::check`], over the tiles along axis `number`.
    pub fn new(tiles: &Tiles, number: usize, axis: &Axis, length: u32) -> Result<Self> {
        let mut plan = AxisPlan { axis: *axis, spans: vec![], last: f64::from(length) - 0.5 };
        // Positions ascend, and so do the tiles that touch them.
        let touching = |p: u32| tiles.touching(number, plan.position(p));
        let (count, positions) = (tiles.counts()[number], plan.positions());
        let (mut start, mut end) = (0, 0);
        let span = |k| {
            start = first_from(start, positions, |p| *touching(p).end() >= k);
            end = first_from(end, positions, |p| *touching(p).start() > k);
            start..end
        };
        plan.spans = try_collect((0..count).map(span))?;
        Ok(plan)
    }
    /// The tiles that may see positions of `window`; their spans ascend with them.
    pub fn tiles_in(&self, window: &Range<u32>) -> Range<usize> {
        let first = self.spans.partition_point(|seen| seen.end <= window.start);
        let end = self.spans.partition_point(|seen| seen.start < window.end);
        first..end.max(first)
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
        let Axis { spacing, footprint, .. } = self.axis;
        let (sample, number) = self.sample(p);
        let centre = self.axis.position(sample);
        if footprint == 1 {
            return centre;
        }
        let offset = ((f64::from(number) + 0.5) / f64::from(footprint) - 0.5) * spacing;
        (centre + offset).clamp(-0.5, self.last)
    }
}
