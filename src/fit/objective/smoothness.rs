//! Energies of smoothness: of a field that is known at few points, they say what lies between.

use super::{Point, Residual};
use crate::network::Jet;

/// Total variation: the length of the gradient, summed over channels. It leaves edges sharp.
#[derive(Clone, Copy, Debug)]
pub struct TotalVariation {
    /// Length below which a gradient counts by its square, signal units per native sample, above 0.
    pub smoothing: f64,
}

/// The squared Frobenius norm of the second derivatives, summed over channels: the energy of a bent plate.
#[derive(Clone, Copy, Debug, Default)]
pub struct HessianEnergy;

/// Second-order total variation: the Frobenius norm of the second derivatives, summed over channels. It bends a field along few
/// lines and leaves it straight elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct HessianVariation {
    /// Norm below which second derivatives count by their square, signal units per native sample and native sample, above 0.
    pub smoothing: f64,
}

impl Residual for TotalVariation {
    fn jet(&self) -> Jet {
        Jet::Gradient
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let of_channel = |jet: &mut [f64]| {
            let square: f64 = jet[1..].iter().map(|slope| slope * slope).sum();
            let (length, by_square) = smoothed(square, self.smoothing);
            jet[0] = 0.0;
            jet[1..].iter_mut().for_each(|slope| *slope *= 2.0 * by_square);
            length
        };
        jet.chunks_exact_mut(1 + point.position.len()).map(of_channel).sum()
    }
}

impl Residual for HessianEnergy {
    fn jet(&self) -> Jet {
        Jet::Hessian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        jet.chunks_exact_mut(Jet::Hessian.components(axes)).map(|jet| bending(axes, jet)).sum()
    }
}

impl Residual for HessianVariation {
    fn jet(&self) -> Jet {
        Jet::Hessian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let axes = point.position.len();
        let of_channel = |jet: &mut [f64]| {
            let (length, by_square) = smoothed(bending(axes, jet), self.smoothing);
            jet.iter_mut().for_each(|slope| *slope *= by_square);
            length
        };
        jet.chunks_exact_mut(Jet::Hessian.components(axes)).map(of_channel).sum()
    }
}

/// The root of a square, which is smooth at 0, and its derivative by the square.
fn smoothed(square: f64, smoothing: f64) -> (f64, f64) {
    let length = (square + smoothing * smoothing).sqrt();
    (length - smoothing, 0.5 / length)
}

/// The squared Frobenius norm of the second derivatives of a channel, whose derivatives replace its jet.
fn bending(axes: usize, jet: &mut [f64]) -> f64 {
    jet[..1 + axes].fill(0.0);
    let (mut energy, mut component) = (0.0, 1 + axes);
    for i in 0..axes {
        for j in i..axes {
            // A mixed derivative is there twice.
            let times = if i == j { 1.0 } else { 2.0 };
            energy += times * jet[component].powi(2);
            jet[component] *= 2.0 * times;
            component += 1;
        }
    }
    energy
}
