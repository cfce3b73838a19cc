//! The wave equation in two dimensions of space and one of time.

use super::{Point, Residual};
use crate::network::Jet;

/// `∂²u/∂t² = c²·(∂²u/∂x² + ∂²u/∂y²)` in each channel, on axes x, y, t. The first data number of a point, if it has one, is a
/// factor of the velocity.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    /// `c`, native samples of space per native sample of time.
    pub velocity: f64,
}

impl Residual for Wave {
    fn jet(&self) -> Jet {
        Jet::Hessian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        // Values, three slopes, and xx, xy, xt, yy, yt, tt.
        const NUMBERS: usize = 10;
        let factor = (self.velocity * point.data.first().map_or(1.0, |&factor| f64::from(factor))).powi(2);
        let of_channel = |jet: &mut [f64]| {
            let error = jet[9] - factor * (jet[4] + jet[7]);
            jet.fill(0.0);
            jet[9] = 2.0 * error;
            jet[4] = -2.0 * factor * error;
            jet[7] = jet[4];
            error * error
        };
        jet.chunks_exact_mut(NUMBERS).map(of_channel).sum()
    }
}

/// The border of a medium lets waves out: `∂u/∂t + c·∂u/∂n = 0` along the outward normal `n` (Engquist and Majda 1977, the
/// first order); exact for waves that meet it squarely.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// `c`, native samples of space per native sample of time.
    pub velocity: f64,
    /// The axis of space that the border ends.
    pub axis: usize,
    /// Whether it ends it at the last samples.
    pub at_end: bool,
}

impl Residual for Outgoing {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let velocity = self.velocity * point.data.first().map_or(1.0, |&factor| f64::from(factor));
        let (time, across) = (point.position.len(), 1 + self.axis);
        let factor = if self.at_end { velocity } else { -velocity };
        let of_channel = |jet: &mut [f64]| {
            let error = jet[time] + factor * jet[across];
            jet.fill(0.0);
            jet[time] = 2.0 * error;
            jet[across] = 2.0 * factor * error;
            error * error
        };
        jet.chunks_exact_mut(1 + point.position.len()).map(of_channel).sum()
    }
}

/// The value at the start is a Gaussian of height 1 at a place.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// Its place, native samples.
    pub position: [f64; 2],
    /// Its standard deviation, native samples.
    pub radius: f64,
}

impl Residual for Pulse {
    fn jet(&self) -> Jet {
        Jet::Value
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let square: f64 = self.position.iter().zip(point.position).map(|(a, b)| (a - b).powi(2)).sum();
        let error = jet[0] - (-0.5 * square / (self.radius * self.radius)).exp();
        jet[0] = 2.0 * error;
        error * error
    }
}
