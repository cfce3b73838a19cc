//! Squared errors of values, gradients and Laplacians: Poisson's equation. Where points have no data, 0 is wanted.

use super::{Point, Residual};
use crate::network::Jet;

/// The field has the values of the data: one number per channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct ValueIs;

/// The field has the gradient of the data: for each channel one number per axis.
#[derive(Clone, Copy, Debug, Default)]
pub struct GradientIs;

/// The field has the slopes of the data along one axis: one number per channel.
#[derive(Clone, Copy, Debug)]
pub struct SlopeIs {
    /// The axis.
    pub axis: usize,
}

/// The field has the Laplacian of the data: one number per channel. All axes are of one scale.
#[derive(Clone, Copy, Debug, Default)]
pub struct LaplacianIs;

impl Residual for ValueIs {
    fn jet(&self) -> Jet {
        Jet::Value
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        jet.iter_mut().enumerate().map(|(c, value)| squared(value, wanted(point, c))).sum()
    }
}

impl Residual for GradientIs {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        let of_channel = |(c, jet): (usize, &mut [f64])| {
            jet[0] = 0.0;
            let slopes = jet[1..].iter_mut().enumerate();
            slopes.map(|(axis, slope)| squared(slope, wanted(point, c * axes + axis))).sum::<f64>()
        };
        jet.chunks_exact_mut(1 + axes).enumerate().map(of_channel).sum()
    }
}

impl Residual for SlopeIs {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let channels = jet.chunks_exact_mut(1 + point.position.len()).enumerate();
        channels.map(|(c, jet)| alone(jet, 1 + self.axis, wanted(point, c))).sum()
    }
}

impl Residual for LaplacianIs {
    fn jet(&self) -> Jet {
        Jet::Laplacian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        let channels = jet.chunks_exact_mut(2 + axes).enumerate();
        channels.map(|(c, jet)| alone(jet, 1 + axes, wanted(point, c))).sum()
    }
}

/// Number `n` of a point's data; 0 if it has none.
fn wanted(point: Point<'_>, n: usize) -> f32 {
    point.data.get(n).copied().unwrap_or(0.0)
}

/// The squared error of a number, which its derivative replaces.
fn squared(number: &mut f64, wanted: f32) -> f64 {
    let error = *number - f64::from(wanted);
    *number = 2.0 * error;
    error * error
}

/// The squared error of one component of a jet; the others have no part in it.
fn alone(jet: &mut [f64], component: usize, wanted: f32) -> f64 {
    let loss = squared(&mut jet[component], wanted);
    let of_component = jet[component];
    jet.fill(0.0);
    jet[component] = of_component;
    loss
}
