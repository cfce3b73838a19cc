//! Samples as means over their footprints.

use super::{Rendering, advance};
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::limits::{try_collect, try_filled, try_vec};
use std::ops::Range;

impl Rendering<'_> {
    /// The means over the footprints of all samples in `window`, whose positions are those of whole samples:
    /// sums in binary64 from 0, first axis fastest, one addition per position, then one division. Colours are
    /// weighted by their alpha.
    pub(super) fn means(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let samples: Vec<Range<usize>> =
            window.iter().zip(&self.axes).map(|(w, plan)| plan.samples(w)).collect();
        let places: u64 = samples.iter().map(|s| s.len() as u64).product();
        let mut sums = try_filled(places * self.sums_per_sample() as u64, 0f64)?;
        let last = window.len() - 1;
        let Range { start, end } = window[last];
        for start in (start..end).step_by(self.slab_length() as usize) {
            let mut slab = window.to_vec();
            slab[last] = start..start + self.slab_length().min(end - start);
            self.add_values(&slab, &self.values(&slab, workspace)?, &samples, &mut sums)?;
        }
        let count: f64 = self.axes.iter().map(|plan| f64::from(plan.axis.footprint)).product();
        let mut means = try_vec(places * self.values_per_position() as u64)?;
        for sums in sums.chunks_exact(self.sums_per_sample()) {
            let (plain, rest) = sums.split_at(self.values_per_position());
            let (visible, counts) = rest.split_at(if self.alpha { self.channels } else { 0 });
            let start = means.len();
            let count = |number: usize| counts.get(number / self.values_per_channel()).map_or(count, |&n| n);
            let mean = |(number, sum): (usize, &f64)| match count(number) {
                0.0 => f32::NAN,
                count => (sum / count) as f32,
            };
            means.extend(plain.iter().enumerate().map(mean));
            if let [colours @ .., weight] = visible
                && *weight > 0.0
            {
                for (c, sum) in colours.iter().enumerate() {
                    means[start + c * self.values_per_channel()] = (sum / weight) as f32;
                }
            }
        }
        Ok(means)
    }

    /// Sums kept for each sample: of each number at its positions and, with alpha, also of each colour times
    /// its weight, and of the weights; with missing samples, also the positions at which each channel has a value.
    pub(super) fn sums_per_sample(&self) -> usize {
        let of_channels = usize::from(self.alpha) + usize::from(self.missing.is_some());
        self.values_per_position() + of_channels * self.channels
    }

    /// Adds `values` at the positions of `window` to the `sums` of the samples in `samples`.
    fn add_values(
        &self,
        window: &[Range<u32>],
        values: &[f32],
        samples: &[Range<usize>],
        sums: &mut [f64],
    ) -> Result<()> {
        let width = self.values_per_position();
        // For each axis, the offset in `sums` of the sample at each position of the window.
        let mut stride = self.sums_per_sample();
        let axes = window.iter().zip(samples).zip(&self.axes).map(|((window, samples), plan)| {
            let place = |p: u32| stride * (plan.sample(p).0 as usize - samples.start);
            let places = try_collect(window.clone().map(place));
            stride *= samples.len();
            places
        });
        let axes: Vec<Vec<usize>> = axes.collect::<Result<_>>()?;
        let (first, others) = (&axes[0], &axes[1..]);
        let mut index = vec![0; others.len()];
        for line in values.chunks_exact(first.len() * width) {
            let start: usize = index.iter().zip(others).map(|(&i, places)| places[i]).sum();
            for (place, position) in first.iter().zip(line.chunks_exact(width)) {
                let (plain, rest) = sums[start + place..][..self.sums_per_sample()].split_at_mut(width);
                let (visible, counts) = rest.split_at_mut(if self.alpha { self.channels } else { 0 });
                for (sum, &value) in plain.iter_mut().zip(position) {
                    *sum += if value.is_nan() { 0.0 } else { f64::from(value) };
                }
                let firsts = position.iter().step_by(self.values_per_channel());
                counts
                    .iter_mut()
                    .zip(firsts)
                    .for_each(|(n, value)| *n += if value.is_nan() { 0.0 } else { 1.0 });
                if self.alpha && !position.iter().any(|value| value.is_nan()) {
                    self.add_visible(position, visible);
                }
            }
            advance(&mut index, others.iter().map(Vec::len));
        }
        Ok(())
    }

    /// Adds the colours at a position, each times the alpha clamped to 0..1, and after them that weight.
    fn add_visible(&self, position: &[f32], sums: &mut [f64]) {
        let colours = self.channels - 1;
        let value = |c: usize| f64::from(position[c * self.values_per_channel()]);
        let alpha = value(colours);
        let weight = if alpha > 0.0 { alpha.min(1.0) } else { 0.0 };
        for (c, sum) in sums.iter_mut().enumerate() {
            // Exact: two significands of 24 bits.
            *sum += weight * if c < colours { value(c) } else { 1.0 };
        }
    }
}
