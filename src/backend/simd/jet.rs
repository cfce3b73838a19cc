//! Jets: value, gradient and second derivatives are computed together, layer by layer.
//!
//! With `t = W·h + b` and `h' = s(t) = sin(2πt)`, all by forward accumulation:
//!
//! `∂ᵢt = W·∂ᵢh`, `∂ᵢh' = s'·∂ᵢt`; `∂ᵢⱼt = W·∂ᵢⱼh`, `∂ᵢⱼh' = s'·∂ᵢⱼt + s''·∂ᵢt·∂ⱼt`; the Laplacian likewise,
//! with `Σᵢ (∂ᵢt)²`.
//!
//! The components are additional columns of one product with W. Every lane runs the same operations on every
//! level.

#![allow(unsafe_code)]

use super::BLOCK;
use super::gemm::{Bias, Identity, product};
use super::lanes::{CURVATURE, Lanes, sine_and_slope};
use super::pass::{JET_POINTS as POINTS, Pass, grow, jet_activations, length, weights};
use crate::network::{Jet, LayerShape};

/// Vectors of columns per block of a product: `COLUMNS · N` divides [`POINTS`] for every N.
pub(super) const COLUMNS: usize = 2;

/// The jet of the network: writes `components × outputs × BLOCK` numbers per block into `out`.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(crate) unsafe fn jet<V: Lanes>(pass: Pass<'_>, jet: Jet, out: &mut [f32]) {
    assert_ne!(jet, Jet::Value, "the value alone has a kernel of its own");
    // SAFETY: the caller's contract.
    unsafe {
        match pass.shape.inputs {
            1 => jet_in::<V, 1>(pass, jet, out),
            2 => jet_in::<V, 2>(pass, jet, out),
            3 => jet_in::<V, 3>(pass, jet, out),
            4 => jet_in::<V, 4>(pass, jet, out),
            inputs => panic!("a jet in {inputs} inputs, expected 1 to 4"),
        }
    }
}

/// Computes a jet in `I` coordinates.
#[inline(always)]
unsafe fn jet_in<V: Lanes, const I: usize>(pass: Pass<'_>, jet: Jet, out: &mut [f32]) {
    let shape = pass.shape;
    let components = jet.components(I);
    let (columns, outputs) = (components * POINTS, shape.outputs);
    assert_eq!(pass.parameters.len(), shape.parameters());
    let size = length(&[components, outputs, BLOCK]);
    assert_eq!(out.len(), length(&[pass.blocks(), size]));
    let activations = jet_activations(shape, jet);
    grow(&mut pass.workspace.activations, activations);
    let scratch = pass.workspace.activations.as_mut_ptr();
    for (block, out) in out.chunks_exact_mut(size).enumerate() {
        for from in (0..BLOCK).step_by(POINTS) {
            // SAFETY: there are as many blocks of coordinates as of `out`, asserted above; the layers' slices
            // are checked by `weights`; scratch holds two layers.
            unsafe {
                let (mut input, mut output) = (scratch, scratch.add(activations / 2));
                for (l, layer) in shape.layers().enumerate() {
                    if l == 0 {
                        let coordinates = pass.coordinates.as_ptr().add(block * I * BLOCK + from);
                        enter::<V, I>(&layer, pass.parameters, jet, coordinates, output);
                    } else {
                        let (matrix, biases) = weights(&layer, pass.parameters);
                        let biases = Bias { columns: POINTS, ..biases };
                        product::<V, COLUMNS>(
                            (layer.outputs, layer.inputs, columns),
                            matrix,
                            input,
                            biases,
                            Identity,
                            output,
                        );
                    }
                    if !layer.last {
                        for row in 0..layer.outputs {
                            let row = output.add(row * columns);
                            activate::<V, I, false>(jet, row, row);
                        }
                    }
                    std::mem::swap(&mut input, &mut output);
                }
                let out = out.as_mut_ptr().add(from);
                for c in 0..outputs {
                    for component in 0..components {
                        let row = input.add(c * columns + component * POINTS);
                        row.copy_to_nonoverlapping(out.add((component * outputs + c) * BLOCK), POINTS);
                    }
                }
            }
        }
    }
}

/// Phases of the first layer and their derivatives: the first derivatives are the weights, the second
/// derivatives are 0.
#[inline(always)]
unsafe fn enter<V: Lanes, const I: usize>(
    layer: &LayerShape,
    parameters: &[f32],
    jet: Jet,
    coordinates: *const f32,
    output: *mut f32,
) {
    let (matrix, biases) = weights(layer, parameters);
    let columns = jet.components(I) * POINTS;
    // SAFETY: `coordinates` holds I rows BLOCK apart of POINTS, `output` a row of `columns` per output of the
    // layer.
    unsafe {
        for j in 0..layer.outputs {
            let weights: [V; I] = std::array::from_fn(|i| V::splat(*matrix.data.add(j * I + i)));
            let bias = V::splat(*biases.data.add(j));
            for p in (0..POINTS).step_by(V::N) {
                let row = output.add(j * columns + p);
                let mut t = bias;
                for (i, weight) in weights.iter().enumerate() {
                    t = weight.fma(V::load(coordinates.add(i * BLOCK + p)), t);
                }
                t.store(row);
                for (i, weight) in weights.iter().enumerate() {
                    weight.store(row.add((1 + i) * POINTS));
                }
                for second in 1 + I..jet.components(I) {
                    V::splat(0.0).store(row.add(second * POINTS));
                }
            }
        }
    }
}

/// Applies the sine to the jet of one neuron's phase: writes the jet of its output to `values`, which may be the same
/// row unless the slope of the sine is to be kept in place of the phase.
///
/// # Safety
/// V's instructions are present; the rows hold POINTS of every component.
#[inline(always)]
pub(super) unsafe fn activate<V: Lanes, const I: usize, const KEEP: bool>(
    jet: Jet,
    phases: *mut f32,
    values: *mut f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        for p in (0..POINTS).step_by(V::N) {
            let phase = |component: usize| phases.add(component * POINTS + p);
            let at = |component: usize| values.add(component * POINTS + p);
            let (value, slope) = sine_and_slope(V::load(phase(0)));
            if KEEP {
                slope.store(phase(0));
            }
            value.store(at(0));
            if jet == Jet::Value {
                continue;
            }
            let first: [V; I] = std::array::from_fn(|i| V::load(phase(1 + i)));
            for (i, &derivative) in first.iter().enumerate() {
                slope.mul(derivative).store(at(1 + i));
            }
            let curvature = value.mul(V::splat(CURVATURE));
            let bend = |second: usize, product: V| {
                let component = 1 + I + second;
                curvature.fma(product, slope.mul(V::load(phase(component)))).store(at(component));
            };
            match jet {
                Jet::Value | Jet::Gradient => (),
                Jet::Laplacian => {
                    let square = first[0].mul(first[0]);
                    bend(
                        0,
                        first[1..].iter().fold(square, |sum, &derivative| derivative.fma(derivative, sum)),
                    );
                }
                Jet::Hessian => {
                    let mut second = 0;
                    for i in 0..I {
                        for j in i..I {
                            bend(second, first[i].mul(first[j]));
                            second += 1;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::{network, numbers};
    use super::super::{Level, Workspace};
    use super::*;
    use crate::network::{Network, Shape};
    use std::f64::consts::TAU;

    const JETS: [Jet; 3] = [Jet::Gradient, Jet::Laplacian, Jet::Hessian];

    /// A network with phases of about a turn and outputs of about 1 in every layer, like trained ones.
    pub fn siren(shape: Shape) -> Network {
        let mut network = network(shape, shape.parameters() as u64);
        let parameters = network.parameters_mut();
        for layer in shape.layers() {
            let bound = if layer.offset == 0 || layer.last { 2.0 } else { 2.0 / (TAU as f32) };
            let bound = bound * (6.0 / layer.inputs as f32).sqrt();
            parameters[layer.weights()].iter_mut().for_each(|w| *w *= bound);
        }
        network
    }

    /// Value, gradient and the full matrix of second derivatives of one number.
    #[derive(Clone)]
    pub struct Taylor {
        value: f64,
        gradient: Vec<f64>,
        hessian: Vec<Vec<f64>>,
    }

    /// The jet in binary64 by the chain rule, neuron by neuron.
    pub fn binary64_jet(network: &Network, point: &[f64]) -> Vec<Taylor> {
        let n = point.len();
        let coordinate = |i| Taylor {
            value: point[i],
            gradient: (0..n).map(|j| f64::from(u8::from(i == j))).collect(),
            hessian: vec![vec![0.0; n]; n],
        };
        let mut h: Vec<Taylor> = (0..n).map(coordinate).collect();
        for layer in network.shape().layers() {
            let (weights, biases) = layer.split(network.parameters());
            let neuron = |(row, &bias): (&[f32], &f32)| {
                let sum = |of: &dyn Fn(&Taylor) -> f64| {
                    row.iter().zip(&h).map(|(&w, x)| f64::from(w) * of(x)).sum::<f64>()
                };
                let t = f64::from(bias) + sum(&|x| x.value);
                let dt: Vec<f64> = (0..n).map(|i| sum(&|x| x.gradient[i])).collect();
                let (value, slope, curvature) = match layer.last {
                    true => (t, 1.0, 0.0),
                    false => ((TAU * t).sin(), TAU * (TAU * t).cos(), -TAU * TAU * (TAU * t).sin()),
                };
                let second =
                    |i: usize, j: usize| slope * sum(&|x| x.hessian[i][j]) + curvature * dt[i] * dt[j];
                Taylor {
                    value,
                    gradient: dt.iter().map(|d| slope * d).collect(),
                    hessian: (0..n).map(|i| (0..n).map(|j| second(i, j)).collect()).collect(),
                }
            };
            h = weights.chunks_exact(layer.inputs).zip(biases).map(neuron).collect();
        }
        h
    }

    /// The components of `taylor` in the order of `jet`.
    pub fn components(jet: Jet, Taylor { value, gradient, hessian }: &Taylor) -> Vec<f64> {
        let n = gradient.len();
        let second = match jet {
            Jet::Value => return vec![*value],
            Jet::Gradient => vec![],
            Jet::Laplacian => vec![(0..n).map(|i| hessian[i][i]).sum()],
            Jet::Hessian => (0..n).flat_map(|i| hessian[i][i..].to_vec()).collect(),
        };
        [vec![*value], gradient.clone(), second].concat()
    }

    fn run(level: Level, network: &Network, coordinates: &[f32], jet: Jet) -> Vec<f32> {
        let Shape { inputs, outputs, .. } = network.shape();
        let mut out = vec![f32::NAN; coordinates.len() / inputs * outputs * jet.components(inputs)];
        level.jet(network, coordinates, jet, &mut out, &mut Workspace::default());
        out
    }

    pub fn points(inputs: usize, blocks: usize) -> Vec<f32> {
        let mut next = numbers(11);
        (0..blocks * inputs * BLOCK).map(|_| next()).collect()
    }

    #[test]
    fn the_binary64_jet_has_the_differences_of_its_values() {
        const H: f64 = 1e-4;
        for inputs in 1..=4 {
            let network = siren(Shape { inputs, outputs: 2, layers: 3, width: 9 });
            let point: Vec<f64> = points(inputs, 1)[..inputs].iter().map(|&x| x.into()).collect();
            let at = |i: usize, a: f64, j: usize, b: f64| {
                let mut moved = point.clone();
                moved[i] += a;
                moved[j] += b;
                binary64_jet(&network, &moved).into_iter().map(|t| t.value).collect::<Vec<_>>()
            };
            let expected = binary64_jet(&network, &point);
            for (c, expected) in expected.iter().enumerate() {
                for i in 0..inputs {
                    let first = (at(i, H, i, 0.0)[c] - at(i, -H, i, 0.0)[c]) / (2.0 * H);
                    let error = (first - expected.gradient[i]).abs();
                    assert!(
                        error < 1e-4 * (1.0 + first.abs()),
                        "{inputs} inputs, ∂{i}: {error:e} of {first}"
                    );
                    for j in 0..inputs {
                        let corner = |a: f64, b: f64| at(i, a * H, j, b * H)[c];
                        let second = (corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0)
                            + corner(-1.0, -1.0))
                            / (4.0 * H * H);
                        let error = (second - expected.hessian[i][j]).abs();
                        assert!(
                            error < 1e-4 * (1.0 + second.abs()),
                            "{inputs} inputs, ∂{i}{j}: {error:e} of {second}"
                        );
                    }
                }
            }
        }
    }

    /// Errors of the derivatives against binary64, as stated in `spec/numerics.md`: the L2 norm over all
    /// points, and the worst error relative to the largest magnitude.
    const FIRST: (f64, f64) = (5e-6, 1e-5);
    const SECOND: (f64, f64) = (2e-5, 4e-5);

    #[test]
    fn derivatives_are_as_close_to_binary64_as_stated() {
        for (inputs, outputs, layers, width) in [
            (1, 1, 1, 1),
            (1, 2, 6, 48),
            (2, 3, 9, 28),
            (2, 3, 4, 64),
            (2, 3, 8, 22),
            (3, 1, 6, 64),
            (3, 8, 2, 7),
            (4, 4, 3, 17),
        ] {
            let shape = Shape { inputs, outputs, layers, width };
            let (network, coordinates) = (siren(shape), points(inputs, 2));
            let expected: Vec<Vec<Taylor>> = (0..2 * BLOCK)
                .map(|p| {
                    let at = |i: usize| coordinates[(p / BLOCK * inputs + i) * BLOCK + p % BLOCK].into();
                    binary64_jet(&network, &(0..inputs).map(at).collect::<Vec<f64>>())
                })
                .collect();
            for jet in JETS {
                let got = run(Level::best(), &network, &coordinates, jet);
                let count = jet.components(inputs);
                let orders = [(1..1 + inputs, FIRST), (1 + inputs..count, SECOND)];
                for (order, (relative, worst)) in orders.into_iter().filter(|(order, _)| !order.is_empty()) {
                    let (mut error, mut norm, mut peak_error, mut peak) = (0f64, 0f64, 0f64, 0f64);
                    for (p, taylors) in expected.iter().enumerate() {
                        for (c, taylor) in taylors.iter().enumerate() {
                            let expected = components(jet, taylor);
                            for m in order.clone() {
                                let row = (p / BLOCK * count + m) * outputs + c;
                                let difference = f64::from(got[row * BLOCK + p % BLOCK]) - expected[m];
                                error += difference.powi(2);
                                norm += expected[m].powi(2);
                                peak_error = peak_error.max(difference.abs());
                                peak = peak.max(expected[m].abs());
                            }
                        }
                    }
                    let (l2, max) = ((error / norm).sqrt(), peak_error / peak);
                    println!("{shape:?} {jet:?} {order:?}: L2 {l2:.2e}, worst {max:.2e}");
                    assert!(l2 <= relative && max <= worst, "{shape:?} {jet:?} {order:?}: {l2:e} {max:e}");
                }
            }
        }
    }

    #[test]
    fn every_level_has_the_same_bits_and_the_values_are_those_of_forward() {
        for (inputs, outputs, layers) in [(1, 1, 1), (2, 3, 2), (3, 8, 3), (4, 1, 2)] {
            for width in (1..=20).chain([64, 100]) {
                let network = network(Shape { inputs, outputs, layers, width }, width as u64);
                let coordinates = points(inputs, 2);
                let mut values = vec![0.0; 2 * outputs * BLOCK];
                Level::Portable.forward(&network, &coordinates, &mut values, &mut Workspace::default());
                for jet in JETS {
                    let bits = |level| {
                        run(level, &network, &coordinates, jet)
                            .into_iter()
                            .map(f32::to_bits)
                            .collect::<Vec<_>>()
                    };
                    let expected = bits(Level::Portable);
                    let blocks = expected.chunks_exact(jet.components(inputs) * outputs * BLOCK);
                    for (block, values) in blocks.zip(values.chunks_exact(outputs * BLOCK)) {
                        assert!(values.iter().zip(block).all(|(value, &bits)| value.to_bits() == bits));
                    }
                    for level in Level::available() {
                        assert_eq!(bits(level), expected, "{level:?} {jet:?} {:?}", network.shape());
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_of_an_earlier_pass_is_read() {
        let network = siren(Shape { inputs: 2, outputs: 3, layers: 3, width: 11 });
        let coordinates = points(2, 1);
        for (level, jet) in Level::available().into_iter().zip(JETS.into_iter().cycle()) {
            let expected = run(level, &network, &coordinates, jet);
            let (mut out, mut workspace) = (vec![f32::NAN; expected.len()], Workspace::default());
            level.jet(&network, &coordinates, jet, &mut out, &mut workspace);
            workspace.poison();
            level.jet(&network, &coordinates, jet, &mut out, &mut workspace);
            assert_eq!(out, expected, "{level:?} {jet:?}");
        }
    }

    #[test]
    #[should_panic(expected = "5 inputs")]
    fn more_than_four_inputs_are_refused() {
        let network = Network::zeros(Shape { inputs: 5, outputs: 1, layers: 1, width: 1 });
        run(Level::Portable, &network, &[0.0; 5 * BLOCK], Jet::Gradient);
    }

    #[test]
    #[should_panic(expected = "whole blocks")]
    fn ragged_coordinates_are_refused() {
        let network = Network::zeros(Shape { inputs: 2, outputs: 1, layers: 1, width: 1 });
        let coordinates = [0.0; BLOCK];
        Level::Portable.jet(&network, &coordinates, Jet::Gradient, &mut [], &mut Workspace::default());
    }
}
