//! Samples as means over their footprints.

use super::Rendering;
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::limits::{collected, filled};
use std::ops::Range;

impl Rendering<'_> {
    /// The means over the footprints of all samples in `window`, whose positions are those of whole samples: a sum in
    /// binary64 from 0, the first axis fastest, one addition a position, then one division.
    pub(super) fn means(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let samples: Vec<Range<usize>> =
            window.iter().zip(&self.axes).map(|(w, plan)| plan.samples(w)).collect();
        let places = samples.iter().map(Range::len).fold(1, usize::saturating_mul);
        let mut sums = filled(places.saturating_mul(self.values_per_position()), 0f64)?;
        let last = window.last().cloned().unwrap_or_default();
        for start in last.clone().step_by(self.slab_length() as usize) {
            let mut slab = window.to_vec();
            if let Some(part) = slab.last_mut() {
                *part = start..start.saturating_add(self.slab_length()).min(last.end);
            }
            self.add_values(&slab, &self.values(&slab, workspace)?, &samples, &mut sums)?;
        }
        let count: f64 = self.axes.iter().map(|plan| f64::from(plan.axis.footprint)).product();
        collected(sums.iter().map(|sum| (sum / count) as f32))
    }

    /// Adds `values` at the positions of `window` to the `sums` of their samples, which are those of `samples`.
    fn add_values(
        &self,
        window: &[Range<u32>],
        values: &[f32],
        samples: &[Range<usize>],
        sums: &mut [f64],
    ) -> Result<()> {
        let width = self.values_per_position();
        // Along each axis the samples to which the positions of the window belong, as places in `sums`.
        let mut stride = width;
        let axes = window.iter().zip(samples).zip(&self.axes).map(|((window, samples), plan)| {
            let place =
                |p: u32| stride.saturating_mul(plan.sample(p).0.abs_diff(samples.start as u32) as usize);
            let places = collected(window.clone().map(place));
            stride = stride.saturating_mul(samples.len());
            places
        });
        let axes: Vec<Vec<usize>> = axes.collect::<Result<_>>()?;
        let Some((first, others)) = axes.split_first() else { return Ok(()) };
        let mut cursor = vec![0usize; others.len()];
        for line in values.chunks_exact(first.len().saturating_mul(width).max(1)) {
            let start: usize = cursor.iter().zip(others).filter_map(|(&c, places)| places.get(c)).sum();
            for (place, position) in first.iter().zip(line.chunks_exact(width)) {
                let sample = sums.get_mut(place.saturating_add(start)..).unwrap_or_default();
                for (sum, &value) in sample.iter_mut().zip(position) {
                    *sum += f64::from(value);
                }
            }
            for (c, places) in cursor.iter_mut().zip(others) {
                *c = c.saturating_add(1);
                if *c < places.len() {
                    break;
                }
                *c = 0;
            }
        }
        Ok(())
    }
}
