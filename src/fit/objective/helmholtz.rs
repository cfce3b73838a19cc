//! The Helmholtz equation on a plane with perfectly matched layers: waves of one frequency from point sources.

use super::{Point, Residual};
use crate::network::Jet;
use rustfft::num_complex::Complex64;
use std::f64::consts::TAU;

/// Absorption at the outer end of a layer (Sitzmann et al. 2020, supplement 5).
const ABSORPTION: f64 = 5.0;
/// A velocity so low is not sought.
const LEAST_VELOCITY: f64 = 0.2;

/// `Δu + (k/c)²·u = −f` for fields `u` of time dependence `exp(−iωt)` on a plane whose outermost samples absorb: the
/// coordinates are stretched there by `s = 1 + i·a·(l/L)²`, so that waves leave and do not come back.
///
/// Channels are the real and the imaginary part of the field of each source, in signal units. The velocity `c` is one more
/// channel where it is sought, else the first data number of a point, if it has one, else 1. `f` is a Gaussian of the
/// strength with which the field is that of a point, `i/4·H₀⁽¹⁾(kr)`, outside it; a sought velocity is taken to be 1 there.
#[derive(Clone, Debug)]
pub struct Helmholtz {
    /// `k` where the velocity is 1, radians per native sample.
    pub wavenumber: f64,
    /// Length of the two axes, native samples.
    pub lengths: [u32; 2],
    /// Width `L` of the absorbing layer on each side, native samples.
    pub layer: f64,
    /// The sources.
    pub sources: Vec<PointSource>,
    /// Whether the velocity is sought: the channel after those of the sources.
    pub seeks_velocity: bool,
}

/// A source of waves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointSource {
    /// Its place, native samples.
    pub position: [f64; 2],
    /// Standard deviation of the Gaussian, native samples.
    pub radius: f64,
}

impl PointSource {
    /// The density at a position, for waves of a wavenumber at the source.
    fn density(&self, position: &[f64], wavenumber: f64) -> f64 {
        let square = self.radius * self.radius;
        let distance: f64 = self.position.iter().zip(position).map(|(a, b)| (a - b).powi(2)).sum();
        // A Gaussian sends exp(−k²σ²/2) of what its integral would send from a point.
        (0.5 * (wavenumber * wavenumber * square - distance / square)).exp() / (TAU * square)
    }
}

impl Helmholtz {
    /// The stretch of an axis at a position, and its derivative.
    fn stretch(&self, axis: usize, position: f64) -> [Complex64; 2] {
        let (low, high) = (position + 0.5, f64::from(self.lengths[axis]) - 0.5 - position);
        let (depth, sign) = if low < high { (self.layer - low, -1.0) } else { (self.layer - high, 1.0) };
        let depth = depth.max(0.0) / self.layer.max(f64::MIN_POSITIVE);
        [
            Complex64::new(1.0, ABSORPTION * depth * depth),
            Complex64::new(0.0, sign * 2.0 * ABSORPTION * depth / self.layer.max(f64::MIN_POSITIVE)),
        ]
    }

    /// The factors of a field's value, its slopes and its pure second derivatives, the value's for a velocity of 1.
    fn factors(&self, position: &[f64]) -> [Complex64; 6] {
        let [[s, ds], [t, dt]] = [0, 1].map(|axis| self.stretch(axis, position[axis]));
        let none = Complex64::ZERO;
        let (along, across) = (t / s, s / t);
        [s * t * self.wavenumber * self.wavenumber, -along * ds / s, -across * dt / t, along, none, across]
    }
}

impl Residual for Helmholtz {
    fn jet(&self) -> Jet {
        Jet::Hessian
    }

    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        const NUMBERS: usize = 6;
        let factors = self.factors(point.position);
        let (fields, sought) = jet.split_at_mut(2 * NUMBERS * self.sources.len());
        let known = point.data.first().map_or(1.0, |&velocity| f64::from(velocity).powi(-2));
        let [slowness, by_velocity] = if self.seeks_velocity { slowness(sought[0]) } else { [known, 0.0] };
        let (mut loss, mut by_slowness) = (0.0, 0.0);
        for (field, source) in fields.chunks_exact_mut(2 * NUMBERS).zip(&self.sources) {
            let (real, imaginary) = field.split_at_mut(NUMBERS);
            let number = |i: usize| Complex64::new(real[i], imaginary[i]);
            let derivatives: Complex64 = (1..NUMBERS).map(|i| factors[i] * number(i)).sum();
            let value = factors[0] * number(0);
            let density = source.density(point.position, self.wavenumber * known.sqrt());
            let error = derivatives + slowness * value + density;
            loss += error.norm_sqr();
            by_slowness += 2.0 * (error.conj() * value).re;
            for i in 0..NUMBERS {
                let factor = if i == 0 { slowness * factors[0] } else { factors[i] };
                let slope = 2.0 * error.conj() * factor;
                (real[i], imaginary[i]) = (slope.re, -slope.im);
            }
        }
        sought.fill(0.0);
        if let Some(velocity) = sought.first_mut() {
            *velocity = by_slowness * by_velocity;
        }
        loss
    }
}

/// The squared slowness `1/c²` of a velocity and its derivative; below [`LEAST_VELOCITY`] it goes on as a line.
fn slowness(velocity: f64) -> [f64; 2] {
    let safe = velocity.max(LEAST_VELOCITY);
    let slope = -2.0 * safe.powi(-3);
    [safe.powi(-2) + slope * (velocity - safe), slope]
}
