//! One axis of a grid laid over the tiles: which indices each tile sees, and with what weights.

use crate::signal::{Axis, Tiles};
use std::ops::Range;

/// What the tiles at one place along an axis see of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    /// The indices at which the weight is above 0.
    pub indices: Range<u32>,
    /// Weights at these indices.
    pub weights: Vec<f32>,
}

/// An axis of a grid, seen by all tiles along it.
#[derive(Clone, Debug)]
pub(crate) struct AxisPlan {
    /// Positions of all indices, native samples.
    pub positions: Vec<f64>,
    /// One span per tile along the axis.
    pub spans: Vec<Span>,
}

impl AxisPlan {
    pub fn new(tiles: &Tiles, number: usize, axis: &Axis) -> Self {
        let mut spans = vec![Span::default(); tiles.counts()[number] as usize];
        let positions: Vec<f64> = (0..axis.count).map(|i| axis.position(i)).collect();
        for (i, &position) in (0..).zip(&positions) {
            let (first, last) = tiles.touching(number, position);
            for k in first..=last {
                let span = &mut spans[k as usize];
                if span.indices.is_empty() {
                    span.indices = i..i;
                }
                span.indices.end = i + 1;
                span.weights.push(tiles.weight(number, k, position));
            }
        }
        AxisPlan { positions, spans }
    }
}
