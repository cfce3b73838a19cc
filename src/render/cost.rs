//! The cost of a rendering, computed before it starts.

use super::tiling::Tiling;
use super::work::Work;
use super::{Rendering, Source, spline};
use crate::signal::Sampling;
use std::num::Saturating;
use std::ops::Range;

impl Rendering<'_> {
    /// The work of the whole rendering.
    pub fn work(&self) -> Work {
        match &self.source {
            Source::Siren(tiling) => self.work_of_tiles(tiling),
            Source::Spline(field) => {
                let positions = self.inner_positions() * Saturating(self.last().positions().into());
                spline::work(field, self.jet, self.axes.len(), positions)
            }
        }
    }

    fn work_of_tiles(&self, tiling: &Tiling<'_>) -> Work {
        let lengths =
            |spans: &Vec<Range<u32>>| spans.iter().map(|span| span.len() as u64).collect::<Vec<_>>();
        let seen: Vec<Vec<u64>> = tiling.spans.iter().map(lengths).collect();
        let last = &tiling.spans[tiling.spans.len() - 1];
        let visits: Vec<u64> = last.iter().map(|span| self.visits(span)).collect();
        tiling.field.networks.iter().enumerate().fold(Work::default(), |work, (number, network)| {
            // The loop ends with the index along the last axis in `k`.
            let (mut rest, mut positions, mut k) = (number, Saturating(1), 0);
            for seen in &seen {
                k = rest % seen.len();
                rest /= seen.len();
                positions *= seen[k];
            }
            match positions {
                Saturating(0) => work,
                _ => work.plus(Work::of(network.shape(), self.jet, positions, visits[k])),
            }
        })
    }

    /// The number of visits to a tile that sees `span` of the last axis: one for each slab it overlaps.
    fn visits(&self, span: &Range<u32>) -> u64 {
        if span.is_empty() {
            return 0;
        }
        let Sampling { footprint, .. } = self.last().axis;
        let (band, slab) = (self.band_length() * footprint, self.slab_length());
        let slabs_before =
            |p: u32| u64::from(p / band) * u64::from(band.div_ceil(slab)) + u64::from(p % band / slab);
        slabs_before(span.end - 1) - slabs_before(span.start) + 1
    }
}
