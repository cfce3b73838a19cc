//! Signals that are known at some of their samples: between them, an energy of smoothness is least.

use super::poisson::values_where;
use super::{Condition, Points, Residual};
use crate::signal::Signal;

/// The field has the values of `signal` at the samples that `known` takes, given the number of a sample, and little
/// `energy` everywhere, of this `weight`: a [`HessianVariation`](super::HessianVariation), a
/// [`HessianEnergy`](super::HessianEnergy), a [`TotalVariation`](super::TotalVariation), or another.
pub fn fill<'a>(
    signal: &Signal,
    known: impl Fn(usize) -> bool,
    energy: &'a dyn Residual,
    weight: f64,
) -> Vec<Condition<'a>> {
    let region = signal.description.lengths().iter().map(|&length| -0.5..f64::from(length) - 0.5).collect();
    let points = Points::Random(region);
    vec![values_where(signal, known), Condition { name: "energy".into(), points, residual: energy, weight }]
}
