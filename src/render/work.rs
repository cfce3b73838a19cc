//! Work in multiply-adds, and that of a network.

use crate::backend::simd::BLOCK;
use crate::limits::Amount;
use crate::network::{Jet, Shape};
use std::num::Saturating;

/// Multiply-adds equivalent to a sine and its surrounding work.
const SINE: Amount = Saturating(16);
/// Work of a tile for each position (`POSITION`) and for each number there (`NUMBER`) in addition to its
/// network, as the multiply-adds that a fast vector unit does in that time at 5·10¹⁰ per second: 40 and 4 ns.
const POSITION: Amount = Saturating(2000);
const NUMBER: Amount = Saturating(200);
/// Work of a tile for each visit, as multiply-adds at 5·10¹⁰ per second: 0.7 µs. With 16 thousand tiles a
/// visit takes 0.4 µs, with a million about twice that.
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
