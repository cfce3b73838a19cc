//! What a rendering takes, known before it starts.

use super::Rendering;
use super::plan::AxisPlan;
use crate::backend::simd::BLOCK;
use crate::limits::Amount;
use crate::network::{Jet, Shape};
use crate::signal::Axis;
use std::num::Saturating;
use std::ops::Range;

/// A sine and what goes with it, in multiply-adds.
const SINE: Amount = Saturating(16);
/// What a position of a tile takes besides its network, and what each number there, in multiply-adds that a fast vector unit does
/// meanwhile, 5·10¹⁰ a second: 40 and 4 ns.
const POSITION: Amount = Saturating(2000);
const NUMBER: Amount = Saturating(200);
/// What a tile takes each time that positions of it are evaluated, in the same unit: 1.4 µs. It is less of a few
/// tiles, and twice that of a million.
const VISIT: Amount = Saturating(70_000);

/// Work in multiply-adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Of the networks, with their sines.
    pub networks: Amount,
    /// Of everything else.
    pub rest: Amount,
}

impl Work {
    /// `visits` of a tile, which see `positions` in all. Networks are evaluated in whole blocks.
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
            // The tile's place along each axis; the last one is left over.
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

    /// How often a tile is visited that sees `span` of the last axis: once for each slab that it has a part in.
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
