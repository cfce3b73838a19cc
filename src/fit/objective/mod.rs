//! What a fit of equations minimises: conditions on a field and its derivatives at points.

mod blend;
mod equations;
mod helmholtz;
mod interpolant;
mod only;
mod places;
mod poisson;
mod smoothness;
mod wave;

pub(crate) use equations::Equations;
pub use helmholtz::{Helmholtz, PointSource};
pub use interpolant::Interpolant;
pub use only::Only;
pub use poisson::{GradientIs, LaplacianIs, SlopeIs, ValueIs};
pub use smoothness::{HessianEnergy, HessianVariation, TotalVariation};
pub use wave::{Outgoing, Pulse, Wave};

use crate::network::Jet;
use std::ops::Range;

/// An equation that a field is to satisfy at a point, as a loss of the field and its derivatives there.
///
/// ```
/// use sirenc::network::Jet;
/// use sirenc::solve::{Point, Residual};
///
/// /// Δf = λ²·f + data: screened Poisson, in one channel of two axes.
/// struct Screened(f64);
///
/// impl Residual for Screened {
///     fn jet(&self) -> Jet {
///         Jet::Laplacian
///     }
///     fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
///         let &mut [value, _, _, laplacian] = jet else { unreachable!("one channel, two axes") };
///         let error = laplacian - self.0.powi(2) * value - f64::from(point.data[0]);
///         jet.copy_from_slice(&[-2.0 * error * self.0.powi(2), 0.0, 0.0, 2.0 * error]);
///         error * error
///     }
/// }
/// # let mut jet = [2.0, 0.0, 0.0, 3.0];
/// # let point = Point { position: &[0.0, 0.0], data: &[1.0] };
/// # assert_eq!(Screened(1.0).loss(point, &mut jet), 0.0);
/// ```
pub trait Residual: Sync {
    /// The derivatives on which the equation depends.
    fn jet(&self) -> Jet;

    /// The loss at a point, 0 or more, of the jet of the field there: for each channel its value and derivatives in
    /// the order of [`Jet`], in signal units per native sample. Replaces each number by the derivative of the loss by it.
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64;
}

/// A point at which a condition holds.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Its position along each axis, native samples.
    pub position: &'a [f64],
    /// What is known there: as many numbers as the points of the condition have each.
    pub data: &'a [f32],
}

/// The points of a condition.
#[derive(Clone, Debug)]
pub enum Points {
    /// Given points.
    Given {
        /// `points × axes` positions, native samples.
        positions: Vec<f64>,
        /// As many numbers for each point as there are.
        data: Vec<f32>,
    },
    /// Points drawn uniformly from a box, others in every iteration: ranges of positions along each axis, native samples; a
    /// side may be a single position.
    Random(Vec<Range<f64>>),
    /// The same, where something is known everywhere: each point has numbers of an interpolated signal.
    Interpolated {
        /// The box.
        region: Vec<Range<f64>>,
        /// The signal, on the same axes.
        data: Interpolant,
        /// Which numbers of it, as in [`Interpolant::numbers`].
        of: Jet,
    },
}

impl Points {
    /// The box of random points.
    pub(crate) fn region(&self) -> Option<&[Range<f64>]> {
        match self {
            Points::Given { .. } => None,
            Points::Random(region) | Points::Interpolated { region, .. } => Some(region),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Points::Given { positions, .. } if positions.is_empty())
    }
}

/// An equation that a field is to satisfy at some points, beside others.
pub struct Condition<'a> {
    /// The name in reports.
    pub name: String,
    /// Where it holds.
    pub points: Points,
    /// The equation.
    pub residual: &'a dyn Residual,
    /// Factor of the mean loss over the points.
    pub weight: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_the_derivatives_that_they_say() {
        let point = Point { position: &[3.0, 5.0], data: &[0.5, -1.0, 0.25, 2.0, 0.75] };
        let variation = TotalVariation { smoothing: 0.1 };
        let source = PointSource { position: [2.0, 6.0], radius: 1.5 };
        let helmholtz = Helmholtz {
            wavenumber: 0.8,
            lengths: [10, 12],
            layer: 4.0,
            sources: vec![source],
            seeks_velocity: true,
        };
        let only = Only { channels: 1..2, residual: GradientIs };
        let bends = HessianVariation { smoothing: 0.1 };
        let residuals: [&dyn Residual; 9] = [
            &ValueIs,
            &GradientIs,
            &SlopeIs { axis: 1 },
            &LaplacianIs,
            &variation,
            &HessianEnergy,
            &bends,
            &helmholtz,
            &only,
        ];
        for (number, residual) in residuals.into_iter().enumerate() {
            let count = 3 * residual.jet().components(2);
            let jet: Vec<f64> = (0..count).map(|i| (i as f64 * 0.7).sin()).collect();
            let mut slopes = jet.clone();
            assert!(residual.loss(point, &mut slopes) > 0.0);
            for i in 0..count {
                let at = |by: f64| {
                    let mut moved = jet.clone();
                    moved[i] += by;
                    residual.loss(point, &mut moved)
                };
                let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
                assert!((slopes[i] - expected).abs() < 1e-6, "{number} {i}: {} {expected}", slopes[i]);
            }
        }
    }
}
