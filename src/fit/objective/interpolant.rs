//! The quintic spline through samples: what is known on a grid, between its points.

use crate::error::{Error, Result};
use crate::network::Jet;
use crate::signal::Signal;

/// A four times differentiable function through the samples of a signal, whose second derivatives are smooth too: uniform
/// B-splines of degree 5, mirrored at the first and last sample of each axis (Unser 1999).
#[derive(Clone, Debug)]
pub struct Interpolant {
    lengths: Vec<usize>,
    channels: usize,
    /// B-spline coefficients in the order of the samples.
    coefficients: Vec<f32>,
}

impl Interpolant {
    /// Through `samples` in unit values, first axis fastest, channels interleaved.
    ///
    /// # Errors
    /// `Parameter` if the samples are not as many as `lengths` and `channels` say, or not finite.
    pub fn new(lengths: &[u32], channels: usize, samples: Vec<f32>) -> Result<Self> {
        let expected = lengths.iter().try_fold(channels, |all, &length| all.checked_mul(length as usize));
        if expected != Some(samples.len()) || samples.is_empty() || lengths.len() > 4 {
            let detail = format!("{} for axes of {lengths:?} and {channels} channels", samples.len());
            return Err(Error::parameter("samples", detail));
        }
        if let Some(sample) = samples.iter().find(|sample| !sample.is_finite()) {
            return Err(Error::parameter("samples", format!("{sample} among them, expected finite numbers")));
        }
        let lengths: Vec<usize> = lengths.iter().map(|&length| length as usize).collect();
        let mut interpolant = Interpolant { lengths, channels, coefficients: samples };
        (0..interpolant.lengths.len()).for_each(|axis| interpolant.filter(axis));
        Ok(interpolant)
    }

    /// Through the samples of a signal.
    ///
    /// # Errors
    /// `Parameter` if a sample is not finite.
    pub fn of(signal: &Signal) -> Result<Self> {
        let samples = (0..signal.samples.len()).map(|i| signal.samples.get(i)).collect();
        Self::new(&signal.description.lengths(), signal.description.channels.into(), samples)
    }

    /// Whether it is on the first of axes of these lengths: along the others it is constant.
    pub(crate) fn is_on(&self, lengths: &[u32]) -> bool {
        self.lengths.len() <= lengths.len()
            && self.lengths.iter().zip(lengths).all(|(&a, &b)| a == b as usize)
    }

    /// How many numbers [`Interpolant::numbers`] gives.
    pub(super) fn count(&self, of: Jet) -> usize {
        self.channels * self.orders(of).len()
    }

    /// The values of all channels at a position (native samples), or for each channel its slopes by the axes, its Laplacian or
    /// its second derivatives (∂ᵢⱼ, i ≤ j), by native samples.
    pub fn numbers(&self, of: Jet, position: &[f64], mut put: impl FnMut(f32)) {
        let (orders, mut stride) = (self.orders(of), self.channels);
        let mut taps = [Taps::default(); 4];
        for ((taps, &length), &x) in taps.iter_mut().zip(&self.lengths).zip(position) {
            *taps = Taps::new(x, length, stride);
            stride *= length;
        }
        let taps = &taps[..self.lengths.len()];
        for channel in 0..self.channels {
            for sum in &orders {
                put(sum.iter().map(|orders| self.derivative(taps, orders, channel)).sum::<f64>() as f32);
            }
        }
    }

    /// For each number of a channel the derivatives of which it is the sum, each as its order along each axis.
    fn orders(&self, of: Jet) -> Vec<Vec<[usize; 4]>> {
        let axes = self.lengths.len();
        let by = |i: usize, j: usize| {
            let mut orders = [0; 4];
            orders[i] += 1;
            orders[j] += 1;
            orders
        };
        let first = |i: usize| {
            let mut orders = [0; 4];
            orders[i] = 1;
            orders
        };
        match of {
            Jet::Value => vec![vec![[0; 4]]],
            Jet::Gradient => (0..axes).map(|i| vec![first(i)]).collect(),
            Jet::Laplacian => vec![(0..axes).map(|i| by(i, i)).collect()],
            Jet::Hessian => (0..axes).flat_map(|i| (i..axes).map(move |j| vec![by(i, j)])).collect(),
        }
    }

    /// The sum of the coefficients from `first` on that the taps of the axes see; the last axis, the slowest, first.
    fn derivative(&self, taps: &[Taps], orders: &[usize; 4], first: usize) -> f64 {
        let Some((slowest, faster)) = taps.split_last() else {
            return self.coefficients[first].into();
        };
        let weights = &slowest.weights[orders[faster.len()]];
        let of_row = |(&row, weight): (&usize, &f64)| match faster {
            [] => weight * f64::from(self.coefficients[first + row]),
            _ => weight * self.derivative(faster, orders, first + row),
        };
        slowest.rows.iter().zip(weights).map(of_row).sum()
    }

    /// Turns samples into coefficients along one axis.
    fn filter(&mut self, axis: usize) {
        let length = self.lengths[axis];
        let stride = self.lengths[..axis].iter().product::<usize>() * self.channels;
        if length == 1 {
            return;
        }
        let mut line = vec![0.0f64; length];
        for plane in self.coefficients.chunks_exact_mut(stride * length) {
            for first in 0..stride {
                line.iter_mut().enumerate().for_each(|(n, x)| *x = plane[first + n * stride].into());
                filter(&mut line);
                line.iter().enumerate().for_each(|(n, &x)| plane[first + n * stride] = x as f32);
            }
        }
    }
}

/// The degree of the splines, and the coefficients that a position sees along an axis.
const DEGREE: usize = 5;
const TAPS: usize = DEGREE + 1;

/// The coefficients around a position on an axis.
#[derive(Clone, Copy, Default)]
struct Taps {
    /// How far from the first one they are.
    rows: [usize; TAPS],
    /// Their weights in the value and in the first and second derivative.
    weights: [[f64; TAPS]; 3],
}

impl Taps {
    /// On an axis of `length`, whose coefficients are `stride` apart.
    fn new(position: f64, length: usize, stride: usize) -> Self {
        let cell = position.floor();
        let before = (DEGREE / 2) as i64;
        let row = |k: usize| stride * mirror(cell as i64 - before + k as i64, length);
        Taps { rows: std::array::from_fn(row), weights: weights(position - cell) }
    }
}

/// The recursive filter of quintic splines on one line, mirrored at its ends.
fn filter(line: &mut [f64]) {
    /// Its poles, and as many powers of them as matter.
    const POLES: [f64; 2] = [-0.430_575_347_099_973_8, -0.043_096_288_203_264_65];
    const POWERS: i32 = 46;
    const GAIN: f64 = 120.0;
    let last = line.len() - 1;
    for pole in POLES {
        line[0] = (0..POWERS).map(|k| pole.powi(k) * line[mirror(i64::from(k), line.len())]).sum();
        for n in 1..=last {
            line[n] += pole * line[n - 1];
        }
        line[last] = pole / (pole * pole - 1.0) * (line[last] + pole * line[last - 1]);
        for n in (0..last).rev() {
            line[n] = pole * (line[n + 1] - line[n]);
        }
    }
    line.iter_mut().for_each(|x| *x *= GAIN);
}

/// The index at which a line of `length`, mirrored at its first and last number, has index `n`.
fn mirror(n: i64, length: usize) -> usize {
    let last = length as i64 - 1;
    if last == 0 {
        return 0;
    }
    if (0..=last).contains(&n) {
        return n as usize;
    }
    let n = n.rem_euclid(2 * last);
    (if n > last { 2 * last - n } else { n }) as usize
}

/// The weights of the coefficients at `t` of a cell, 0 to 1, in the value and in the first and second derivative: the B-splines that are
/// not 0 there by the recursion of Cox and de Boor, and differences of those of one and two degrees less.
fn weights(t: f64) -> [[f64; TAPS]; 3] {
    let (mut splines, mut of_orders) = ([0.0; TAPS], [[0.0; TAPS]; 3]);
    splines[0] = 1.0;
    for p in 1..=DEGREE {
        for j in (0..=p).rev() {
            let rising = if j > 0 { (t + (p - j) as f64) * splines[j - 1] } else { 0.0 };
            splines[j] = (rising + ((j + 1) as f64 - t) * splines[j]) / p as f64;
        }
        let order = DEGREE - p;
        if let Some(weights) = of_orders.get_mut(order) {
            *weights = (0..order).fold(splines, |of, _| {
                std::array::from_fn(|k| if k > 0 { of[k - 1] - of[k] } else { -of[k] })
            });
        }
    }
    of_orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_met_and_derivatives_are_those_of_the_curve() {
        let lengths = [7, 5, 1];
        let samples: Vec<f32> = (0..70).map(|i| ((i * 37 % 23) as f32).sin()).collect();
        let spline = Interpolant::new(&lengths, 2, samples.clone()).unwrap();
        let at = |of: Jet, position: [f64; 3]| {
            let mut numbers = vec![];
            spline.numbers(of, &position, |x| numbers.push(f64::from(x)));
            numbers
        };
        for (n, pair) in samples.chunks_exact(2).enumerate() {
            let found = at(Jet::Value, [(n % 7) as f64, (n / 7) as f64, 0.0]);
            assert!(found.iter().zip(pair).all(|(a, &b)| (a - f64::from(b)).abs() < 1e-6), "{n}");
        }
        for position in [[2.3, 1.7, 0.0], [0.0, 3.9, 0.0], [5.99, 0.1, 0.0]] {
            const H: f64 = 1e-3;
            let moved = |axis: usize, by: f64| {
                let mut position = position;
                position[axis] += by;
                position
            };
            let [gradient, hessian] = [Jet::Gradient, Jet::Hessian].map(|of| at(of, position));
            let laplacian = at(Jet::Laplacian, position);
            for c in 0..2 {
                for i in 0..2 {
                    let slope =
                        (at(Jet::Value, moved(i, H))[c] - at(Jet::Value, moved(i, -H))[c]) / (2.0 * H);
                    assert!((gradient[c * 3 + i] - slope).abs() < 1e-3, "{position:?} {c} {i}");
                    let second = (at(Jet::Gradient, moved(i, H))[c * 3]
                        - at(Jet::Gradient, moved(i, -H))[c * 3])
                        / (2.0 * H);
                    let k = c * 6 + i;
                    assert!((hessian[k] - second).abs() < 2e-2, "{position:?} {c} {i}");
                }
                let trace = hessian[c * 6] + hessian[c * 6 + 3] + hessian[c * 6 + 5];
                assert!((laplacian[c] - trace).abs() < 1e-5);
            }
        }
        // Mirrored at the first sample.
        assert!(at(Jet::Gradient, [0.0, 2.0, 0.0])[0].abs() < 1e-6);
        assert_eq!(at(Jet::Value, [-0.4, 2.0, 0.0]), at(Jet::Value, [0.4, 2.0, 0.0]));
        assert!(Interpolant::new(&[2], 1, vec![0.0, f32::NAN]).is_err());
        assert!(Interpolant::new(&[2], 1, vec![0.0; 3]).is_err());
    }
}
