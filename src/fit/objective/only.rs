//! A condition on some of a field's channels.

use super::{Point, Residual};
use crate::network::Jet;
use std::ops::Range;

/// A residual of some channels, as if there were no others.
#[derive(Clone, Debug)]
pub struct Only<R> {
    /// The channels; there are as many.
    pub channels: Range<usize>,
    /// What holds for them.
    pub residual: R,
}

impl<R: Residual> Residual for Only<R> {
    fn jet(&self) -> Jet {
        self.residual.jet()
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let numbers = self.jet().components(point.position.len());
        let (start, end) = (self.channels.start * numbers, self.channels.end * numbers);
        let loss = self.residual.loss(point, &mut jet[start..end]);
        jet[..start].fill(0.0);
        jet[end..].fill(0.0);
        loss
    }
}
