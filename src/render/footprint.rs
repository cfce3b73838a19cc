//! Samples as means over their footprints.

use super::Rendering;
use crate::backend::simd::Workspace;
use std::ops::Range;

impl Rendering<'_> {
    /// The means over the footprints of all samples in `window`, whose positions are those of whole samples: a sum in
    /// binary64 from 0, the first axis fastest, one addition a position, then one division.
    pub(super) fn means(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Vec<f32> {
        let samples: Vec<Range<usize>> =
            window.iter().zip(&self.axes).map(|(w, plan)| plan.samples(w)).collect();
        let mut sums =
            vec![0f64; samples.iter().map(Range::len).product::<usize>() * self.values_per_position()];
        let mut slab = window.to_vec();
        let (end, last) = (window[window.len() - 1].end, window.len() - 1);
        while slab[last].start < end {
            slab[last].end = slab[last].start.saturating_add(self.slab_length()).min(end);
            self.add_values(&slab, &self.values(&slab, workspace), &samples, &mut sums);
            slab[last].start = slab[last].end;
        }
        let count: f64 = self.axes.iter().map(|plan| f64::from(plan.axis.footprint)).product();
        sums.iter().map(|sum| (sum / count) as f32).collect()
    }

    /// Adds `values` at the positions of `window` to the `sums` of their samples, which are those of `samples`.
    fn add_values(&self, window: &[Range<u32>], values: &[f32], samples: &[Range<usize>], sums: &mut [f64]) {
        let place = |a: usize, p: usize| {
            (window[a].start as usize + p) / self.axes[a].axis.footprint as usize - samples[a].start
        };
        let width = self.values_per_position();
        for (number, line) in values.chunks_exact(window[0].len() * width).enumerate() {
            let (mut rest, mut stride, mut start) = (number, samples[0].len(), 0);
            for a in 1..window.len() {
                start += stride * place(a, rest % window[a].len());
                rest /= window[a].len();
                stride *= samples[a].len();
            }
            for (p, position) in line.chunks_exact(width).enumerate() {
                let sample = (start + place(0, p)) * width;
                for (sum, &value) in sums[sample..].iter_mut().zip(position) {
                    *sum += f64::from(value);
                }
            }
        }
    }
}
