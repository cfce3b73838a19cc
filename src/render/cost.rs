//! The cost of a rendering, computed before it starts.

use super::Rendering;
use super::plan::AxisPlan;
use crate::backend::simd::BLOCK;
use crate::limits::Amount;
use crate::network::{Jet, Shape};
use crate::signal::Axis;
use std::num::Saturating;
use std::ops::Range;

/// Multiply-adds equivalent to a sine and its surrounding work.
const SINE: Amount = Saturating(16);
/// Work of a tile for each position (`POSITION`) and for each number there (`NUMBER`) in addition to its
/// network, as the multiply-adds that a fast vector unit does in that time at 5·10¹⁰ per second: 40 and 4 ns.
const POSITION: Amount = Saturating(2000);
const NUMBER: Amount = Saturating(200);
/// Work of a tile for each visit, as multiply-adds at 5·10¹⁰ per second: 0.7 µs. With 16 thousand tiles a visit
/// takes 0.4 µs, with a million about twice that.
const VISIT: Amount = Saturating(35_000);

/// Work in multiply-adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Work of the networks, including their sines.
    pub networks: Amount,
    /// Work of everything else.
    pub rest: Amount,
}

impl Work {
    /// The work of `visits` to a tile that evaluate `positions` in total; networks are evaluated in whole
    /// blocks.
    pub fn of(shape: Shape, jet: Jet, positions: Amount, visits: u64) -> Self {
        let size = |n: usize| Saturating(n as u64);
        let point = size(shape.macs()) + size(shape.layers) * size(shape.width) * SINE;
        let components = size(jet.components(shape.inputs));
        let blocks = positions.0.div_ceil(visits.max(1)).div_ceil(BLOCK as u64);
        let visits = Saturating(visits);
        Work {
            networks: visits * Saturating(blocks) * size(BLOCK) * components * point,
            rest: positions * (POSITION + NUMBER * components * size(shape.outputs)) + visits * VISIT,
        }
    }
    pub fn plus(self, other: Work) -> Work {
        Work { networks: self.networks + other.networks, rest: self.rest + other.rest }
    }
    pub fn total(self) -> Amount {
        self.networks + self.rest
    }
}

impl Rendering<'_> {
    /// The work of all tiles.
    pub fn work(&self) -> Work {
        let seen = |plan: &AxisPlan| plan.spans.iter().map(|span| span.len() as u64).collect::<Vec<_>>();
        let seen: Vec<Vec<u64>> = self.axes.iter().map(seen).collect();
        let visits: Vec<u64> = self.last().spans.iter().map(|span| self.visits(span)).collect();
        self.networks.iter().enumerate().fold(Work::default(), |work, (number, network)| {
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
        let Axis { footprint, .. } = self.last().axis;
        let (band, slab) = (self.band_length() * footprint, self.slab_length());
        let slabs_before =
            |p: u32| u64::from(p / band) * u64::from(band.div_ceil(slab)) + u64::from(p % band / slab);
        slabs_before(span.end - 1) - slabs_before(span.start) + 1
    }
}
