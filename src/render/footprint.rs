//! Samples as means over their footprints.

use super::Rendering;
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::limits::{collected, filled, room};
use std::ops::Range;

impl Rendering<'_> {
    /// The means over the footprints of all samples in `window`, whose positions are those of whole samples: sums in
    /// binary64 from 0, the first axis fastest, one addition a position, then one division. Colours count by their alpha.
    pub(super) fn means(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let samples: Vec<Range<usize>> =
            window.iter().zip(&self.axes).map(|(w, plan)| plan.samples(w)).collect();
        let places = samples.iter().map(Range::len).fold(1, usize::saturating_mul);
        let mut sums = filled(places.saturating_mul(self.sums_per_sample()), 0f64)?;
        let last = window.last().cloned().unwrap_or_default();
        for start in last.clone().step_by(self.slab_length() as usize) {
            let mut slab = window.to_vec();
            if let Some(part) = slab.last_mut() {
                *part = start..start.saturating_add(self.slab_length()).min(last.end);
            }
            self.add_values(&slab, &self.values(&slab, workspace)?, &samples, &mut sums)?;
        }
        let count: f64 = self.axes.iter().map(|plan| f64::from(plan.axis.footprint)).product();
        let mut means = room(places.saturating_mul(self.values_per_position()))?;
        for sums in sums.chunks_exact(self.sums_per_sample()) {
            let (plain, visible) = sums.split_at_checked(self.values_per_position()).unwrap_or_default();
            let start = means.len();
            means.extend(plain.iter().map(|sum| (sum / count) as f32));
            let Some((&weight, colours)) = visible.split_last().filter(|(weight, _)| **weight > 0.0) else {
                continue;
            };
            let values = means.iter_mut().skip(start).step_by(self.values_per_channel());
            values.zip(colours).for_each(|(value, sum)| *value = (sum / weight) as f32);
        }
        Ok(means)
    }

    /// Sums that a sample is made from: of each number at its positions and, with alpha, behind them of each colour times its
    /// weight, and of the weights.
    pub(super) fn sums_per_sample(&self) -> usize {
        self.values_per_position().saturating_add(if self.alpha { self.channels } else { 0 })
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
        let mut stride = self.sums_per_sample();
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
                if self.alpha {
                    self.add_visible(position, sample.get_mut(width..).unwrap_or_default());
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

    /// Adds the colours at a position, each times the alpha there within 0 to 1, and that weight behind them.
    fn add_visible(&self, position: &[f32], sums: &mut [f64]) {
        let colours = self.channels.saturating_sub(1);
        let values = || position.iter().step_by(self.values_per_channel()).map(|&value| f64::from(value));
        let weight = values().nth(colours).filter(|&alpha| alpha > 0.0).unwrap_or(0.0).min(1.0);
        for (sum, value) in sums.iter_mut().zip(values().take(colours).chain([1.0])) {
            // Exact: two significands of 24 bits.
            *sum += weight * value;
        }
    }
}
