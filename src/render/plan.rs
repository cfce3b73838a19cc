//! One axis of a grid laid over the tiles: which indices each tile sees.

use crate::signal::{Axis, Tiles};
use std::ops::Range;

/// An axis of a grid, seen by all tiles along it.
#[derive(Clone, Debug)]
pub(crate) struct AxisPlan {
    /// The axis.
    pub axis: Axis,
    /// For each tile along it, the indices at which the tile's weight is above 0.
    pub spans: Vec<Range<u32>>,
}

impl AxisPlan {
    pub fn new(tiles: &Tiles, number: usize, axis: &Axis) -> Self {
        // Positions ascend, and so do the tiles that touch them.
        let first_index = |passed: &dyn Fn((u32, u32)) -> bool| {
            let (mut low, mut high) = (0, axis.count);
            while low < high {
                let middle = low + (high - low) / 2;
                if passed(tiles.touching(number, axis.position(middle))) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            low
        };
        let spans = (0..tiles.counts()[number])
            .map(|k| first_index(&|(_, last)| last >= k)..first_index(&|(first, _)| first > k))
            .collect();
        AxisPlan { axis: *axis, spans }
    }
}
