//! Full-waveform inversion: a velocity from the waves that receivers hear.

use super::waves::{field_of_one_frequency, waves_of_one_frequency, whole};
use super::{Condition, Helmholtz, Interpolant, Only, Points, Problem, Residual, TotalVariation, ValueIs};
use crate::network::Jet;
use std::ops::Range;

/// Weights of what receivers hear, of a velocity that is known and of its total variation, beside those of relative errors of the
/// equation. The disc of 1.25 × the velocity of `benches/inversion.py` comes out after 1000 iterations as 1.08 by weights of
/// receivers and variation of 1 and 1e-4, 1.21 by 10 and 3e-5, and 1.15, 1.21 and 1.25 by 100 and 1e-4, 3e-5 and 1e-5; outside
/// it is then uneven by 0.009, 0.010, 0.004, 0.008 and 0.025 (sources of a radius of 0.04, absorbing layers of 0.25).
const RECEIVERS: f64 = 100.0;
const KNOWN: f64 = 0.01;
const VARIATION: f64 = 2e-5;
/// The slope of a velocity below which it is smooth, per unit.
const SMOOTHING: f64 = 0.3;

/// A velocity that is sought from what receivers hear of waves of one frequency, as a channel beside them.
///
/// Waves and velocity that satisfy the equation and what was heard are found together, after waves of velocity 1 as a start: far
/// from it a velocity has no meaning.
pub struct Inversion {
    /// The equation of the waves where the velocity is 1, and of those where it is sought.
    equations: [Helmholtz; 2],
    heard: Only<ValueIs>,
    velocity: Only<ValueIs>,
    variation: Only<TotalVariation>,
    /// Factor of the total variation.
    weight: f64,
}

impl Inversion {
    /// For the waves of an equation; `variation` is the weight of the velocity's total variation, 1 for exact waves and more for
    /// noisy ones.
    pub fn new(equation: Helmholtz, variation: f64) -> Self {
        let waves = 2 * equation.sources.len();
        let velocity = waves..waves + 1;
        let smoothing = SMOOTHING / per_unit(&equation);
        Inversion {
            equations: [false, true].map(|seeks_velocity| Helmholtz { seeks_velocity, ..equation.clone() }),
            heard: Only { channels: 0..waves, residual: ValueIs },
            velocity: Only { channels: velocity.clone(), residual: ValueIs },
            variation: Only { channels: velocity, residual: TotalVariation { smoothing } },
            weight: variation,
        }
    }

    /// The problem of receivers at `positions` in native samples, x and y of each, that hear the real and the imaginary part of
    /// the waves of each source. The velocity is 1 in the absorbing layers.
    ///
    /// # Panics
    /// For more than [`MOST_SOURCES`](super::waves::MOST_SOURCES).
    pub fn problem(&self, positions: Vec<f64>, heard: Vec<f32>) -> Problem<'_> {
        let [still, equation] = &self.equations;
        let (sides, per_unit) = (equation.lengths.map(whole), per_unit(equation));
        let mut conditions = waves_of_one_frequency(equation, None);
        let mut add = |name: &str, points, residual, weight| {
            conditions.push(self.condition(name, points, residual, weight));
        };
        // An error of the equation adds up along the waves of the square.
        let receivers = RECEIVERS / (equation.wavenumber * per_unit).powi(2);
        add("receivers", Points::Given { positions, data: heard }, &self.heard, receivers);
        let variation = self.weight * VARIATION * per_unit;
        add("variation", Points::Random(sides.to_vec()), &self.variation, variation);
        for (axis, side) in sides.iter().enumerate() {
            for layer in [side.start..side.start + equation.layer, side.end - equation.layer..side.end] {
                let mut region = sides.to_vec();
                region[axis] = layer;
                conditions.push(self.known(region));
            }
        }
        let mut problem = field_of_one_frequency(equation, conditions);
        *problem.offsets.last_mut().expect("a channel") = 1.0;
        problem.start = waves_of_one_frequency(still, None);
        problem.start.push(self.known(sides.to_vec()));
        problem
    }

    /// A velocity of 1 in a region.
    fn known(&self, region: Vec<Range<f64>>) -> Condition<'_> {
        let data = Interpolant::new(&[], 1, vec![1.0]).expect("a number");
        let points = Points::Interpolated { region, data, of: Jet::Value };
        self.condition("known velocity", points, &self.velocity, KNOWN)
    }

    /// A condition whose weight is relative to that of the equation, whose terms are of the order of the squared wavenumber.
    fn condition<'a>(
        &self,
        name: &str,
        points: Points,
        residual: &'a dyn Residual,
        weight: f64,
    ) -> Condition<'a> {
        let weight = weight * self.equations[0].wavenumber.powi(4);
        Condition { name: name.into(), points, residual, weight }
    }
}

/// Native samples per unit of the square.
fn per_unit(equation: &Helmholtz) -> f64 {
    0.5 * f64::from(equation.lengths[0])
}
