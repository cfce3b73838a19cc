//! What a rendering takes, known before it starts.

use super::Rendering;
use super::blend::components;
use super::plan::AxisPlan;
use crate::backend::simd::BLOCK;
use crate::network::{Jet, Shape};
use std::ops::Range;

/// A sine and what goes with it, in multiply-adds.
const SINE: u64 = 16;
/// What a position of a tile takes besides its network, and what each number there, in multiply-adds that a fast vector unit does
/// meanwhile, 5·10¹⁰ a second: 40 and 4 ns.
const POSITION: u64 = 2000;
const NUMBER: u64 = 200;
/// What a tile takes each time that positions of it are evaluated, in the same unit: 1.4 µs. It is less of a few
/// tiles, and twice that of a million.
const VISIT: u64 = 70_000;

/// Work in multiply-adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Of the networks, with their sines.
    pub networks: u64,
    /// Of everything else.
    pub rest: u64,
}

impl Work {
    /// `visits` of a tile, which see `positions` in all. Networks are evaluated in whole blocks.
    pub fn of(shape: Shape, jet: Option<Jet>, positions: u64, visits: u64) -> Self {
        let size = |n: usize| n as u64;
        let sines = size(shape.layers).saturating_mul(size(shape.width)).saturating_mul(SINE);
        let point = size(shape.macs()).saturating_add(sines);
        let components = size(components(jet, shape.inputs));
        let block = BLOCK as u64;
        let each = positions.div_ceil(visits.max(1)).checked_next_multiple_of(block).unwrap_or(u64::MAX);
        let lanes = visits.saturating_mul(each);
        let numbers = components.saturating_mul(size(shape.outputs));
        let position = POSITION.saturating_add(NUMBER.saturating_mul(numbers));
        Work {
            networks: lanes.saturating_mul(components).saturating_mul(point),
            rest: positions.saturating_mul(position).saturating_add(visits.saturating_mul(VISIT)),
        }
    }
    pub fn plus(self, other: Work) -> Work {
        let sum = u64::saturating_add;
        Work { networks: sum(self.networks, other.networks), rest: sum(self.rest, other.rest) }
    }
    pub fn total(self) -> u64 {
        self.networks.saturating_add(self.rest)
    }
}

impl Rendering<'_> {
    /// The work of all tiles.
    pub fn work(&self) -> Work {
        let seen = |plan: &AxisPlan| plan.spans.iter().map(|span| span.len() as u64).collect::<Vec<_>>();
        let seen: Vec<Vec<u64>> = self.axes.iter().map(seen).collect();
        let visits: Vec<u64> =
            self.axes.last().map_or(vec![], |last| last.spans.iter().map(|span| self.visits(span)).collect());
        self.networks.iter().enumerate().fold(Work::default(), |work, (number, network)| {
            // The tile's place along each axis; the last one is left over.
            let (mut rest, mut positions, mut k) = (number, 1u64, 0usize);
            for seen in &seen {
                k = rest.checked_rem(seen.len()).unwrap_or(0);
                rest = rest.checked_div(seen.len()).unwrap_or(0);
                positions = positions.saturating_mul(seen.get(k).copied().unwrap_or(0));
            }
            match visits.get(k) {
                Some(&visits) if positions > 0 => {
                    work.plus(Work::of(network.shape(), self.jet, positions, visits))
                }
                _ => work,
            }
        })
    }

    /// How often a tile is visited that sees `span` of the last axis: once for each slab that it has a part in.
    fn visits(&self, span: &Range<u32>) -> u64 {
        let footprint = self.axes.last().map_or(1, |plan| plan.axis.footprint);
        let (band, slab) = (self.band_length().saturating_mul(footprint).max(1), self.slab_length().max(1));
        let before = |p: u32| {
            let bands = u64::from(p.checked_div(band).unwrap_or(0));
            let slabs = p.checked_rem(band).and_then(|p| p.checked_div(slab)).unwrap_or(0);
            bands.saturating_mul(band.div_ceil(slab).into()).saturating_add(slabs.into())
        };
        match span.end.checked_sub(1) {
            Some(last) if !span.is_empty() => {
                before(last).saturating_sub(before(span.start)).saturating_add(1)
            }
            _ => 0,
        }
    }
}
