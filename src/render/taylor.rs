//! Taylor polynomials in several variables, truncated at an order: every mixed partial derivative of a signal
//! up to that order, in binary64. They serve single points, and test the faster methods.

use super::points::touching;
use crate::field::spline::basis::{per_sample, place};
use crate::field::spline::{Grid, Layer, mirror};
use crate::field::{Field, Siren, Spline};
use crate::network::{LayerShape, Network};
use crate::signal::{Tile, Tiles};
use std::f64::consts::TAU;

/// The highest order.
pub(crate) const HIGHEST_ORDER: usize = 4;

/// The Taylor polynomial of one channel around a position, in the offset from it in native samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Taylor {
    /// The exponents of each monomial, one for each axis; the constant first.
    exponents: Vec<Vec<usize>>,
    coefficients: Vec<f64>,
}

impl Taylor {
    /// The partial derivative at the position, `orders[a]` times by axis `a`, in unit values per native
    /// sample to the power of their sum; `None` beyond the order of the polynomial or for another number of
    /// axes.
    pub fn partial(&self, orders: &[usize]) -> Option<f64> {
        let at = self.exponents.iter().position(|exponents| exponents == orders)?;
        let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
        Some(self.coefficients[at] * orders.iter().map(|&n| factorial(n)).product::<f64>())
    }

    /// The polynomial with values in other units: `offset + scale · value`.
    pub(crate) fn in_units(mut self, scale: f64, offset: f64) -> Self {
        self.coefficients.iter_mut().for_each(|coefficient| *coefficient *= scale);
        self.coefficients[0] += offset;
        self
    }

    /// A polynomial without a value, that of a channel whose sample is missing.
    pub(crate) fn erased(mut self) -> Self {
        self.coefficients.fill(f64::NAN);
        self
    }

    /// The polynomial at an `offset` from the position, native samples; `None` for another number of axes.
    pub fn value(&self, offset: &[f64]) -> Option<f64> {
        if offset.len() != self.exponents[0].len() {
            return None;
        }
        let monomial = |exponents: &[usize]| {
            let powers = exponents.iter().zip(offset).map(|(&n, x)| x.powi(n as i32));
            powers.product::<f64>()
        };
        Some(self.exponents.iter().zip(&self.coefficients).map(|(e, c)| c * monomial(e)).sum())
    }
}

/// The polynomials of all channels of `field` around `position`.
pub(crate) fn taylor(field: &Field, position: &[f64], order: usize) -> Vec<Taylor> {
    let space = Space::new(position.len(), order);
    let channels = match field {
        Field::Siren(siren) => space.blended(siren, position),
        Field::Spline(spline) => space.spline(spline, position),
    };
    let taylor = |coefficients| Taylor { exponents: space.exponents.clone(), coefficients };
    channels.into_iter().map(taylor).collect()
}

impl Space {
    /// The channels of networks, blended over the tiles that touch `position`.
    fn blended(&self, Siren { tiles, networks }: &Siren, position: &[f64]) -> Vec<Vec<f64>> {
        let space = self;
        let mut sums: Vec<Vec<f64>> = vec![];
        for number in touching(tiles, position) {
            let tile = tiles.tile(number);
            let mut weight = space.constant(1.0);
            for (a, (&p, &k)) in position.iter().zip(&tile.index).enumerate() {
                weight = space.product(&weight, &space.weight(tiles, a, k, p));
            }
            if weight.iter().any(|&w| w != 0.0) {
                let values = space.evaluate(&networks[number], &tile, position);
                sums.resize(values.len(), space.constant(0.0));
                for (sum, value) in sums.iter_mut().zip(&values) {
                    space.add(sum, 1.0, &space.product(&weight, value));
                }
            }
        }
        sums
    }

    /// The channels of a spline field around `position`.
    fn spline(&self, field: &Spline, position: &[f64]) -> Vec<Vec<f64>> {
        let grids = field.shape.features().zip(&field.coefficients);
        let features: Vec<_> = grids.map(|(grid, c)| self.feature(&grid, c, position)).collect();
        let dense = |layer: &Layer, inputs: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let rows = layer.weights.chunks_exact(inputs.len()).zip(&layer.biases);
            rows.map(|(row, &bias)| {
                let mut t = self.constant(f64::from(bias));
                row.iter().zip(inputs).for_each(|(&w, x)| self.add(&mut t, f64::from(w), x));
                t
            })
            .collect()
        };
        let ramp = |mut t: Vec<f64>| {
            let sine = self.sine(&t);
            self.add(&mut t, 1.0 / TAU, &sine);
            t
        };
        let Some((last, hidden)) = field.layers.split_last() else { return vec![] };
        let h =
            hidden.iter().fold(features.clone(), |h, layer| dense(layer, &h).into_iter().map(ramp).collect());
        dense(last, &[h, features].concat())
    }

    /// The spline of one grid around `position`: a sum over the box of four coefficients along each axis.
    fn feature(&self, grid: &Grid, coefficients: &[f32], position: &[f64]) -> Vec<f64> {
        let axes: Vec<_> =
            position.iter().enumerate().map(|(a, &p)| self.basis(a, p, grid.level(a))).collect();
        let mut sum = self.constant(0.0);
        for number in 0..4usize.pow(axes.len() as u32) {
            let (mut rest, mut at, mut stride) = (number, 0, 1);
            let mut weight = self.constant(1.0);
            for ((first, weights), &length) in axes.iter().zip(&grid.lengths) {
                at += stride * mirror(first + (rest % 4) as i64, length as usize);
                weight = self.product(&weight, &weights[rest % 4]);
                (rest, stride) = (rest / 4, stride * length as usize);
            }
            self.add(&mut sum, f64::from(coefficients[at]), &weight);
        }
        sum
    }

    /// The first of the four coefficients seen along axis `a`, and the weight of each.
    fn basis(&self, a: usize, position: f64, level: u32) -> (i64, [Vec<f64>; 4]) {
        let (first, t) = place(position, level);
        let t = self.line(a, f64::from(t), f64::from(per_sample(level)));
        let mut s = self.constant(1.0);
        self.add(&mut s, -1.0, &t);
        let [tt, ss] = [&t, &s].map(|x| self.product(x, x));
        let outer = |x: &[f64], xx: &[f64]| self.product(xx, x).into_iter().map(|c| c / 6.0).collect();
        let middle = |x: &[f64], xx: &[f64]| {
            let mut weight = self.constant(2.0 / 3.0);
            self.add(&mut weight, -1.0, xx);
            self.add(&mut weight, 0.5, &self.product(xx, x));
            weight
        };
        (first, [outer(&s, &ss), middle(&t, &tt), middle(&s, &ss), outer(&t, &tt)])
    }
}

/// The polynomials of some number of variables, up to some order: coefficients of their monomials.
struct Space {
    /// The exponents of each monomial, the constant first.
    exponents: Vec<Vec<usize>>,
    /// `[i, j, k]`: monomial `i` times monomial `j` is monomial `k`.
    products: Vec<[usize; 3]>,
    order: usize,
}

impl Space {
    fn new(variables: usize, order: usize) -> Self {
        let mut exponents = vec![vec![]];
        for _ in 0..variables {
            let longer = |e: &Vec<usize>| (0..=order).map(|n| [&e[..], &[n]].concat()).collect::<Vec<_>>();
            exponents = exponents.iter().flat_map(longer).collect();
        }
        exponents.retain(|e| e.iter().sum::<usize>() <= order);
        let mut products = vec![];
        for (i, a) in exponents.iter().enumerate() {
            for (j, b) in exponents.iter().enumerate() {
                let sum: Vec<usize> = a.iter().zip(b).map(|(m, n)| m + n).collect();
                products.extend(exponents.iter().position(|e| *e == sum).map(|k| [i, j, k]));
            }
        }
        Space { exponents, products, order }
    }

    fn constant(&self, value: f64) -> Vec<f64> {
        let mut constant = vec![0.0; self.exponents.len()];
        constant[0] = value;
        constant
    }
    /// `value + slope · (variable a)`.
    fn line(&self, a: usize, value: f64, slope: f64) -> Vec<f64> {
        let mut line = self.constant(value);
        let variable = |e: &Vec<usize>| e.iter().enumerate().all(|(b, &n)| n == usize::from(a == b));
        // Polynomials of order 0 have no variables.
        if let Some(at) = self.exponents.iter().position(variable) {
            line[at] = slope;
        }
        line
    }
    /// `sum += factor · other`.
    fn add(&self, sum: &mut [f64], factor: f64, other: &[f64]) {
        sum.iter_mut().zip(other).for_each(|(s, o)| *s += factor * o);
    }
    fn product(&self, a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut product = self.constant(0.0);
        for &[i, j, k] in &self.products {
            product[k] += a[i] * b[j];
        }
        product
    }
    /// `sin(2π·phase)`: with `phase = t + d`, where `d` has no constant term, `Σ sin⁽ⁿ⁾(2πt) (2πd)ⁿ / n!`.
    fn sine(&self, phase: &[f64]) -> Vec<f64> {
        let turns = phase[0];
        let (sine, cosine) = (TAU * (turns - turns.round_ties_even())).sin_cos();
        let mut rest: Vec<f64> = phase.iter().map(|c| TAU * c).collect();
        rest[0] = 0.0;
        let (mut sum, mut power) = (self.constant(sine), self.constant(1.0));
        let derivatives = [cosine, -sine, -cosine, sine].into_iter().cycle();
        for (n, derivative) in (1..=self.order).zip(derivatives) {
            power = self.product(&power, &rest);
            power.iter_mut().for_each(|c| *c /= n as f64);
            self.add(&mut sum, derivative, &power);
        }
        sum
    }

    /// The channels of `network`, the network of `tile`, around `position`.
    fn evaluate(&self, network: &Network, tile: &Tile, position: &[f64]) -> Vec<Vec<f64>> {
        let coordinate = |(a, (&p, (&start, &end))): (usize, (&f64, (&u32, &u32)))| {
            let (centre, span) = (f64::from(start) + f64::from(end), f64::from(tile.spans[a]));
            self.line(a, (2.0 * p + 1.0 - centre) / span, 2.0 / span)
        };
        let sides = tile.start.iter().zip(&tile.end);
        let coordinates = position.iter().zip(sides).enumerate().map(coordinate).collect();
        network.shape().layers().fold(coordinates, |h, layer| self.layer(&layer, network.parameters(), &h))
    }
    fn layer(&self, layer: &LayerShape, parameters: &[f32], h: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (weights, biases) = layer.split(parameters);
        let neuron = |(row, &bias): (&[f32], &f32)| {
            let mut t = self.constant(f64::from(bias));
            row.iter().zip(h).for_each(|(&w, x)| self.add(&mut t, f64::from(w), x));
            if layer.last { t } else { self.sine(&t) }
        };
        weights.chunks_exact(layer.inputs).zip(biases).map(neuron).collect()
    }

    /// The weight of tile `k` of axis `a` around `position`.
    fn weight(&self, tiles: &Tiles, a: usize, k: u32, position: f64) -> Vec<f64> {
        let mut weight =
            if k == 0 { self.constant(1.0) } else { self.ramp(a, tiles.phase(a, k, position), tiles) };
        if k + 1 < tiles.counts()[a] {
            self.add(&mut weight, -1.0, &self.ramp(a, tiles.phase(a, k + 1, position), tiles));
        }
        weight
    }
    /// `u³(10 + u(6u − 15))`.
    fn ramp(&self, a: usize, u: f64, tiles: &Tiles) -> Vec<f64> {
        if u <= 0.0 || u >= 1.0 {
            return self.constant(if u >= 1.0 { 1.0 } else { 0.0 });
        }
        let u = self.line(a, u, 0.5 / f64::from(tiles.overlap(a)));
        let mut factor = self.constant(-15.0);
        self.add(&mut factor, 6.0, &u);
        factor = self.product(&factor, &u);
        self.add(&mut factor, 1.0, &self.constant(10.0));
        (0..3).fold(factor, |product, _| self.product(&product, &u))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use crate::signal::{Description, SampleFormat};

    /// Mixed orders of `axes` axes, at most `HIGHEST_ORDER` in total.
    fn orders(axes: usize) -> Vec<Vec<usize>> {
        Space::new(axes, HIGHEST_ORDER).exponents
    }

    fn network(inputs: usize, layers: usize, width: usize) -> Network {
        let shape = Shape { inputs, outputs: 2, layers, width };
        let parameters = (0..shape.parameters()).map(|i| ((i * 7919) % 97) as f32 / 97.0 - 0.5);
        Network::from_parameters(shape, parameters.collect())
    }

    /// A tile in `axes` axes whose local coordinates are shifted positions.
    fn tile(axes: usize) -> Tile {
        Tile { index: vec![0; axes], start: vec![0; axes], end: vec![2; axes], spans: vec![2; axes] }
    }

    #[test]
    fn every_partial_is_the_difference_of_the_one_before_in_one_to_four_axes() {
        let h = 1e-3;
        for axes in 1..=4 {
            let (network, space) = (network(axes, 3, 6), Space::new(axes, HIGHEST_ORDER));
            let at = |position: &[f64]| {
                let values = space.evaluate(&network, &tile(axes), position);
                values
                    .into_iter()
                    .map(|coefficients| Taylor { exponents: space.exponents.clone(), coefficients })
            };
            let position: Vec<f64> = (0..axes).map(|a| 0.3 + 0.2 * a as f64).collect();
            let here: Vec<Taylor> = at(&position).collect();
            for order in orders(axes) {
                for a in (0..axes).filter(|&a| order[a] > 0) {
                    let mut before = order.clone();
                    before[a] -= 1;
                    let moved = |by: f64| {
                        let mut moved = position.clone();
                        moved[a] += by;
                        at(&moved).map(|taylor| taylor.partial(&before).unwrap()).collect::<Vec<_>>()
                    };
                    // The central difference of fourth order.
                    let [near, far] = [1.0, 2.0].map(|n| [moved(n * h), moved(-n * h)]);
                    for (c, here) in here.iter().enumerate() {
                        let [near, far] = [&near, &far].map(|[right, left]| right[c] - left[c]);
                        let (got, expected) =
                            (here.partial(&order).unwrap(), (8.0 * near - far) / (12.0 * h));
                        // Derivatives of these networks grow by up to about 40 per order.
                        let scale = 40f64.powi(order.iter().sum::<usize>() as i32);
                        assert!((got - expected).abs() < 1e-6 * scale, "{order:?}: {got}, {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_derivative_of_a_siren_is_a_siren() {
        // f = Σ v·sin(2π(w·x + b)) + c, so ∂f by axes of weights w₁, w₂, … is Σ v·2πw₁·2πw₂·…·sin(2π(w·x + b
        // + n/4)): a network of the same shape and first weights, each derivative a quarter turn further.
        let (f, shape) = (network(2, 1, 9), Shape { inputs: 2, outputs: 2, layers: 1, width: 9 });
        let position = [0.7, 0.9];
        let space = Space::new(2, HIGHEST_ORDER);
        let values = space.evaluate(&f, &tile(2), &position);
        let coordinates = position.map(|p| (p - 0.5) as f32);
        for order in orders(2) {
            let turns = order.iter().sum::<usize>();
            let mut derivative = f.clone();
            let parameters = derivative.parameters_mut();
            let (first, last) = (18, 27);
            let factor = |neuron: usize| -> f32 {
                order
                    .iter()
                    .enumerate()
                    .map(|(a, &n)| (TAU as f32 * f.parameters()[2 * neuron + a]).powi(n as i32))
                    .product()
            };
            (0..9).for_each(|neuron| parameters[first + neuron] += turns as f32 * 0.25);
            for output in 0..2 {
                (0..9).for_each(|neuron| parameters[last + 9 * output + neuron] *= factor(neuron));
                if turns > 0 {
                    parameters[last + 18 + output] = 0.0;
                }
            }
            assert_eq!(derivative.shape(), shape);
            for (value, got) in values.iter().zip(derivative.evaluate(&coordinates)) {
                let taylor = Taylor { exponents: space.exponents.clone(), coefficients: value.clone() };
                let expected = taylor.partial(&order).unwrap();
                assert!(
                    (f64::from(got) - expected).abs() < 2e-6 * TAU.powi(turns as i32),
                    "{order:?}: {got}, {expected}"
                );
            }
        }
    }

    #[test]
    fn a_polynomial_is_close_to_the_signal_around_it_also_in_a_seam() {
        let description = Description::picture([40, 20], 2, SampleFormat::U8);
        let tiles = Tiles::new(&description, &[2, 2], 5).unwrap();
        let networks: Vec<Network> = (0..4).map(|n| network(2, 2, 4 + n)).collect();
        let field = Field::Siren(Siren { tiles, networks });
        for position in [[18.2, 8.9], [21.0, 3.0], [3.0, 11.5]] {
            let near = [position[0] + 0.01, position[1] - 0.015];
            let [here, there] = [position, near].map(|p| taylor(&field, &p, HIGHEST_ORDER));
            for (here, there) in here.iter().zip(&there) {
                let (got, expected) = (here.value(&[0.01, -0.015]).unwrap(), there.partial(&[0, 0]).unwrap());
                assert!((got - expected).abs() < 1e-9, "{position:?}: {got}, {expected}");
                assert!((here.partial(&[0, 0]).unwrap() - expected).abs() > 1e-6, "the test sees a slope");
            }
        }
    }

    #[test]
    fn partials_beyond_the_order_and_other_axes_are_none() {
        let space = Space::new(2, 1);
        let taylor = Taylor { coefficients: space.constant(3.0), exponents: space.exponents };
        assert_eq!(
            [taylor.partial(&[0, 0]), taylor.partial(&[1, 1]), taylor.partial(&[0])],
            [Some(3.0), None, None]
        );
        assert_eq!([taylor.value(&[0.5, 2.0]), taylor.value(&[0.5])], [Some(3.0), None]);
    }
}
