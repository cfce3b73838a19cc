//! The adjoint of jets: the gradient, by all parameters, of a loss of values and derivatives of the network.
//!
//! With the derivatives of a layer as in [`super::jet`] and the seeds `λ`, the derivatives of the loss by the layer's
//! outputs, those by its phases are
//!
//! `τ = s'·λ + Σᵢ s''·∂ᵢt·λᵢ + Σᵢⱼ (s'''·∂ᵢt·∂ⱼt + s''·∂ᵢⱼt)·λᵢⱼ`,
//! `τᵢ = s'·λᵢ + Σⱼ s''·∂ⱼt·(λᵢⱼ + λⱼᵢ)`, `τᵢⱼ = s'·λᵢⱼ`;
//!
//! for the Laplacian `λᵢᵢ` is that of the sum. Each of them is an ordinary backward product with W, and has an ordinary
//! weight gradient with the same component of the layer's inputs: components are columns of the same products.

#![allow(unsafe_code)]

use super::BLOCK;
use super::gemm::{Bias, Identity, Matrix, outer, product};
use super::jet::{COLUMNS, activate};
use super::kernels::Kernel;
use super::lanes::{CURVATURE, Lanes};
use super::pass::{JET_POINTS as POINTS, Workspace, aligned, length, weights};
use crate::network::{Jet, LayerShape, Network, Shape};

/// A loss of jets at points: given the number of the first of 32 points and their jets, for each output and each
/// component a row of 32 numbers, it replaces each number by the derivative of the loss by it, and returns
/// the loss.
pub type Seeds<'a> = dyn FnMut(usize, &mut [f32]) -> f64 + 'a;

/// The arguments of the adjoint.
pub(super) struct Adjoint<'a, 's> {
    pub network: &'a Network,
    /// Whole blocks, `inputs × BLOCK` numbers each.
    pub coordinates: &'a [f32],
    pub jet: Jet,
    pub seeds: &'a mut Seeds<'s>,
    pub gradient: &'a mut [f32],
    pub workspace: &'a mut Workspace,
}

impl Kernel for Adjoint<'_, '_> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> f64 {
        let Adjoint { network, coordinates, jet, seeds, gradient, workspace } = self;
        let (shape, parameters) = (network.shape(), network.parameters());
        let inputs = shape.inputs;
        assert!((1..=4).contains(&inputs), "an adjoint in {inputs} inputs, expected 1 to 4");
        let block = inputs * BLOCK;
        assert!(coordinates.len().is_multiple_of(block) && parameters.len() == shape.parameters());
        assert_eq!(gradient.len(), shape.parameters());
        let columns = jet.components(inputs) * POINTS;
        let rows = length(&[shape.width.max(shape.outputs).max(inputs), columns]);
        let tape = length(&[shape.layers + 1, rows]);
        let Workspace { activations, slopes: phases, deltas: [delta, next] } = workspace;
        let tape = Tape { activations: aligned(activations, tape), phases: aligned(phases, tape), rows };
        let (delta, next) = (aligned(delta, rows), aligned(next, rows));
        let mut loss = 0.0;
        for first in (0..coordinates.len() / inputs).step_by(POINTS) {
            // SAFETY: the coordinates are whole blocks; the buffers hold a layer each, or all of them; the layers'
            // slices are checked by `weights`.
            unsafe {
                let from = coordinates.as_ptr().add(first / BLOCK * block + first % BLOCK);
                enter((inputs, jet), from, tape.activations);
                for (l, layer) in shape.layers().enumerate() {
                    tape.forward::<V>(l, &layer, parameters, (inputs, jet));
                }
                let numbers = shape.outputs * columns;
                let outputs = std::slice::from_raw_parts(tape.phases_of(shape.layers), numbers);
                let jets = std::slice::from_raw_parts_mut(delta, numbers);
                jets.copy_from_slice(outputs);
                loss += seeds(first, jets);
                tape.backward::<V, C>(shape, parameters, jet, gradient, [delta, next]);
            }
        }
        loss
    }
}

/// What the forward pass of some points leaves for the backward pass.
#[derive(Clone, Copy)]
struct Tape {
    /// The jets of the inputs of each layer, `rows` numbers each: those of the coordinates, then of each hidden layer.
    activations: *mut f32,
    /// Those of the phases of each layer, with the slope of the sine in place of the phase; the outputs at the end.
    phases: *mut f32,
    rows: usize,
}

impl Tape {
    unsafe fn phases_of(self, layer: usize) -> *mut f32 {
        // SAFETY: the caller names one of the layers.
        unsafe { self.phases.add(layer * self.rows) }
    }

    unsafe fn inputs_of(self, layer: usize) -> *mut f32 {
        // SAFETY: the caller names one of the layers.
        unsafe { self.activations.add(layer * self.rows) }
    }

    /// Layer `l`.
    ///
    /// # Safety
    /// V's instructions are present, and the tape holds the layers before.
    #[inline(always)]
    unsafe fn forward<V: Lanes>(
        self,
        l: usize,
        layer: &LayerShape,
        parameters: &[f32],
        (inputs, jet): (usize, Jet),
    ) {
        let columns = jet.components(inputs) * POINTS;
        let (matrix, biases) = weights(layer, parameters);
        let biases = Bias { columns: POINTS, ..biases };
        let size = (layer.outputs, layer.inputs, columns);
        // SAFETY: the caller's contract.
        unsafe {
            let phases = self.phases_of(l);
            product::<V, COLUMNS>(size, matrix, self.inputs_of(l), biases, Identity, phases);
            if !layer.last {
                for row in 0..layer.outputs {
                    let (phases, values) =
                        (phases.add(row * columns), self.inputs_of(l + 1).add(row * columns));
                    activate_in::<V>((inputs, jet), phases, values);
                }
            }
        }
    }

    /// Adds the gradient of what `delta` seeds.
    ///
    /// # Safety
    /// V's instructions are present, the tape holds a forward pass, and `delta` and `next` a layer each.
    #[inline(always)]
    unsafe fn backward<V: Lanes, const C: usize>(
        self,
        shape: Shape,
        parameters: &[f32],
        jet: Jet,
        gradient: &mut [f32],
        [mut delta, mut next]: [*mut f32; 2],
    ) {
        let columns = jet.components(shape.inputs) * POINTS;
        for (l, layer) in shape.layers().enumerate().rev() {
            // SAFETY: the caller's contract.
            unsafe {
                let (weights_of, biases_of) = (layer.weights().start, layer.biases().start);
                let g = gradient.as_mut_ptr();
                outer::<V, C>(
                    (layer.outputs, layer.inputs),
                    (columns, POINTS),
                    delta,
                    self.inputs_of(l),
                    g.add(weights_of),
                    g.add(biases_of),
                );
                if l > 0 {
                    let (matrix, _) = weights(&layer, parameters);
                    let transposed = Matrix { row: matrix.inner, inner: matrix.row, ..matrix };
                    let size = (layer.inputs, layer.outputs, columns);
                    product::<V, COLUMNS>(size, transposed, delta, Bias::NONE, Identity, next);
                    for row in 0..layer.inputs {
                        let at = row * columns;
                        let (phases, values) = (self.phases_of(l - 1).add(at), self.inputs_of(l).add(at));
                        deactivate_in::<V>((shape.inputs, jet), next.add(at), phases, values);
                    }
                    std::mem::swap(&mut delta, &mut next);
                }
            }
        }
    }
}

/// The jets of the coordinates: themselves, 1 by themselves, and 0.
///
/// # Safety
/// `coordinates` holds rows BLOCK apart of POINTS, `jets` as many rows of all components.
unsafe fn enter((inputs, jet): (usize, Jet), coordinates: *const f32, jets: *mut f32) {
    let components = jet.components(inputs);
    // SAFETY: the caller's contract.
    unsafe {
        for i in 0..inputs {
            let row = jets.add(i * components * POINTS);
            coordinates.add(i * BLOCK).copy_to_nonoverlapping(row, POINTS);
            for component in 1..components {
                let number = if component == 1 + i { 1.0 } else { 0.0 };
                std::slice::from_raw_parts_mut(row.add(component * POINTS), POINTS).fill(number);
            }
        }
    }
}

/// [`activate`] in so many inputs, 1 to 4.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn activate_in<V: Lanes>((inputs, jet): (usize, Jet), phases: *mut f32, values: *mut f32) {
    // SAFETY: the caller's contract.
    unsafe {
        match inputs {
            1 => activate::<V, 1, true>(jet, phases, values),
            2 => activate::<V, 2, true>(jet, phases, values),
            3 => activate::<V, 3, true>(jet, phases, values),
            _ => activate::<V, 4, true>(jet, phases, values),
        }
    }
}

/// [`deactivate`] in so many inputs, 1 to 4.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn deactivate_in<V: Lanes>(
    (inputs, jet): (usize, Jet),
    seeds: *mut f32,
    phases: *const f32,
    values: *const f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        match inputs {
            1 => deactivate::<V, 1>(jet, seeds, phases, values),
            2 => deactivate::<V, 2>(jet, seeds, phases, values),
            3 => deactivate::<V, 3>(jet, seeds, phases, values),
            _ => deactivate::<V, 4>(jet, seeds, phases, values),
        }
    }
}

/// Turns the seeds of one neuron's outputs into those of its phases.
///
/// # Safety
/// V's instructions are present; the rows hold POINTS of every component.
#[inline(always)]
unsafe fn deactivate<V: Lanes, const I: usize>(
    jet: Jet,
    seeds: *mut f32,
    phases: *const f32,
    values: *const f32,
) {
    // SAFETY: the caller's contract.
    unsafe {
        for p in (0..POINTS).step_by(V::N) {
            let seed = |component: usize| seeds.add(component * POINTS + p);
            let phase = |component: usize| V::load(phases.add(component * POINTS + p));
            let (slope, factor) = (phase(0), V::splat(CURVATURE));
            let (curvature, third) = (V::load(values.add(p)).mul(factor), slope.mul(factor));
            let mut of_phase = slope.mul(V::load(seed(0)));
            if jet == Jet::Value {
                of_phase.store(seed(0));
                continue;
            }
            let first: [V; I] = std::array::from_fn(|i| phase(1 + i));
            // s''·∂ᵢt
            let bent: [V; I] = std::array::from_fn(|i| curvature.mul(first[i]));
            let mut of_first: [V; I] = std::array::from_fn(|i| slope.mul(V::load(seed(1 + i))));
            for (i, bent) in bent.iter().enumerate() {
                of_phase = bent.fma(V::load(seed(1 + i)), of_phase);
            }
            match jet {
                Jet::Value | Jet::Gradient => (),
                Jet::Laplacian => {
                    let second = V::load(seed(1 + I));
                    let square = first[0].mul(first[0]);
                    let square = first[1..].iter().fold(square, |sum, first| first.fma(*first, sum));
                    of_phase = third.fma(square, curvature.mul(phase(1 + I))).fma(second, of_phase);
                    let twice = second.add(second);
                    for (of, bent) in of_first.iter_mut().zip(bent) {
                        *of = bent.fma(twice, *of);
                    }
                    slope.mul(second).store(seed(1 + I));
                }
                Jet::Hessian => {
                    let mut component = 1 + I;
                    for i in 0..I {
                        for j in i..I {
                            let second = V::load(seed(component));
                            let product = first[i].mul(first[j]);
                            of_phase =
                                third.fma(product, curvature.mul(phase(component))).fma(second, of_phase);
                            of_first[i] = bent[j].fma(second, of_first[i]);
                            of_first[j] = bent[i].fma(second, of_first[j]);
                            slope.mul(second).store(seed(component));
                            component += 1;
                        }
                    }
                }
            }
            of_phase.store(seed(0));
            of_first.iter().enumerate().for_each(|(i, of)| of.store(seed(1 + i)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::jet::tests::{points, siren};
    use super::super::{Level, Workspace};
    #[cfg(feature = "encoder")]
    use super::super::{
        jet::tests::{binary64_jet, components},
        tests::numbers,
    };
    use super::*;

    const JETS: [Jet; 4] = [Jet::Value, Jet::Gradient, Jet::Laplacian, Jet::Hessian];

    /// The shapes in which all orders are tested: widths 1 to 64, 1 to 9 hidden layers, 1 to 4 inputs.
    const SHAPES: [(usize, usize, usize, usize); 9] = [
        (1, 1, 1, 1),
        (1, 2, 9, 5),
        (2, 1, 1, 64),
        (2, 3, 4, 17),
        (2, 2, 9, 8),
        (3, 1, 3, 33),
        (3, 4, 2, 6),
        (4, 1, 5, 13),
        (4, 2, 2, 64),
    ];

    /// The sum of the components of all outputs at the first points of a block, each times its seed, in binary64.
    #[cfg(feature = "encoder")]
    fn plain_loss(network: &Network, coordinates: &[f32], jet: Jet, seeds: &[f32], count: usize) -> f64 {
        let Shape { inputs, outputs, .. } = network.shape();
        let of = jet.components(inputs);
        let at = |p: usize| {
            let point: Vec<f64> = (0..inputs).map(|i| coordinates[i * BLOCK + p].into()).collect();
            let jets: Vec<_> = binary64_jet(network, &point).iter().map(|t| components(jet, t)).collect();
            let row = |c: usize, component: usize| {
                jets[c][component] * f64::from(seeds[(c * of + component) * POINTS + p])
            };
            (0..outputs).flat_map(|c| (0..of).map(move |component| row(c, component))).sum::<f64>()
        };
        (0..count).map(at).sum()
    }

    // Long under an emulator, where the other test compares the level with this one's.
    #[cfg(feature = "encoder")]
    #[test]
    fn gradients_are_the_differences_of_the_loss() {
        const COUNT: usize = 3;
        const H: f32 = 1.0 / 4096.0;
        for (inputs, outputs, layers, width) in SHAPES {
            let network = siren(Shape { inputs, outputs, layers, width });
            let coordinates = points(inputs, 1);
            for jet in JETS {
                let columns = jet.components(inputs) * POINTS;
                let mut next = numbers(5);
                // Derivatives are larger than values, the second ones by the square.
                let seed = |i: usize, next: &mut dyn FnMut() -> f32| match i % columns / POINTS {
                    _ if i % POINTS >= COUNT => 0.0,
                    0 => next(),
                    component if component <= inputs => 0.05 * next(),
                    _ => 0.0025 * next(),
                };
                let seeds: Vec<f32> = (0..outputs * columns).map(|i| seed(i, &mut next)).collect();
                let mut gradient = vec![0.0; network.parameters().len()];
                let loss = Level::best().adjoint(
                    &network,
                    &coordinates,
                    jet,
                    &mut |first, jets: &mut [f32]| {
                        let of_first = if first == 0 { 1.0 } else { 0.0 };
                        let pairs = jets.iter().zip(&seeds);
                        let loss = pairs.map(|(jet, seed)| of_first * f64::from(jet * seed)).sum::<f64>();
                        jets.iter_mut().zip(&seeds).for_each(|(jet, seed)| *jet = of_first as f32 * seed);
                        loss
                    },
                    &mut gradient,
                    &mut Workspace::default(),
                );
                let plain = plain_loss(&network, &coordinates, jet, &seeds, COUNT);
                let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                assert!((loss - plain).abs() < 1e-4 * (1.0 + plain.abs()), "{jet:?}: {loss} {plain}");
                for number in 0..40 {
                    let k = number * 7919 % gradient.len();
                    let moved = |by: f32| {
                        let mut network = network.clone();
                        network.parameters_mut()[k] += by;
                        let at = f64::from(network.parameters()[k]);
                        (at, plain_loss(&network, &coordinates, jet, &seeds, COUNT))
                    };
                    // A quotient of fourth order.
                    let quotient = |h: f32| {
                        let ((a, low), (b, high)) = (moved(-h), moved(h));
                        (high - low) / (b - a)
                    };
                    let expected = (4.0 * quotient(H) - quotient(2.0 * H)) / 3.0;
                    let error = (f64::from(gradient[k]) - expected).abs();
                    let shape = network.shape();
                    assert!(
                        error < 2e-3 * norm.max(1e-3),
                        "{shape:?} {jet:?} {k}: {} {expected}",
                        gradient[k]
                    );
                }
            }
        }
    }

    #[test]
    fn levels_agree_and_blocks_add_up() {
        for (inputs, outputs, layers, width) in SHAPES {
            let network = siren(Shape { inputs, outputs, layers, width });
            let coordinates = points(inputs, 2);
            for jet in JETS {
                let run = |level: Level, coordinates: &[f32], from: usize| {
                    let mut gradient = vec![0.0; network.parameters().len()];
                    let mut workspace = Workspace::default();
                    let mut squares = |first: usize, jets: &mut [f32]| {
                        let weight = 1.0 + (first + from) as f32 / 64.0;
                        let loss = jets.iter().map(|&x| f64::from(weight * x * x)).sum();
                        jets.iter_mut().for_each(|x| *x *= 2.0 * weight);
                        loss
                    };
                    let loss = level.adjoint(
                        &network,
                        coordinates,
                        jet,
                        &mut squares,
                        &mut gradient,
                        &mut workspace,
                    );
                    (loss, gradient)
                };
                let (loss, expected) = run(Level::Portable, &coordinates, 0);
                let norm = expected.iter().map(|g| g * g).sum::<f32>().sqrt();
                for level in Level::available() {
                    let (other, gradient) = run(level, &coordinates, 0);
                    assert!((other - loss).abs() <= 1e-6 * loss, "{level:?} {jet:?}");
                    let error = gradient.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
                    assert!(error.sqrt() <= 1e-4 * norm, "{level:?} {jet:?}: {error} of {norm}");
                }
                let (half, half_blocks) = (coordinates.len() / 2, Level::best());
                let (a, first) = run(half_blocks, &coordinates[..half], 0);
                let (b, second) = run(half_blocks, &coordinates[half..], BLOCK);
                assert!((a + b - loss).abs() <= 1e-6 * loss);
                let sums = first.iter().zip(&second).zip(&expected);
                let error = sums.map(|((a, b), sum)| (a + b - sum).powi(2)).sum::<f32>().sqrt();
                assert!(error <= 1e-4 * norm, "{jet:?}: {error} of {norm}");
            }
        }
    }
}
