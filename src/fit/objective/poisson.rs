//! Squared errors of values, gradients and Laplacians: Poisson's equation.

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
        jet.iter_mut().zip(point.data).map(|(value, &wanted)| squared(value, wanted)).sum()
    }
}

impl Residual for GradientIs {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        let channels = jet.chunks_exact_mut(1 + axes).zip(point.data.chunks_exact(axes));
        channels
            .map(|(jet, wanted)| {
                jet[0] = 0.0;
                jet[1..].iter_mut().zip(wanted).map(|(slope, &wanted)| squared(slope, wanted)).sum::<f64>()
            })
            .sum()
    }
}

impl Residual for SlopeIs {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let channels = jet.chunks_exact_mut(1 + point.position.len()).zip(point.data);
        channels.map(|(jet, &wanted)| alone(jet, 1 + self.axis, wanted)).sum()
    }
}

impl Residual for LaplacianIs {
    fn jet(&self) -> Jet {
        Jet::Laplacian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        let channels = jet.chunks_exact_mut(2 + axes).zip(point.data);
        channels.map(|(jet, &wanted)| alone(jet, 1 + axes, wanted)).sum()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_the_derivatives_that_they_say() {
        let point = Point { position: &[3.0, 5.0], data: &[0.5, -1.0, 0.25, 2.0] };
        let residuals: [&dyn Residual; 4] = [&ValueIs, &GradientIs, &SlopeIs { axis: 1 }, &LaplacianIs];
        for residual in residuals {
            let count = 2 * residual.jet().components(2);
            let jet: Vec<f64> = (0..count).map(|i| (i as f64 * 0.7).sin()).collect();
            let mut slopes = jet.clone();
            residual.loss(point, &mut slopes);
            for i in 0..count {
                let at = |by: f64| {
                    let mut moved = jet.clone();
                    moved[i] += by;
                    residual.loss(point, &mut moved)
                };
                let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
                assert!(
                    (slopes[i] - expected).abs() < 1e-8,
                    "{:?} {i}: {} {expected}",
                    residual.jet(),
                    slopes[i]
                );
            }
        }
    }
}
