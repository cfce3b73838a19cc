//! Rounds networks so that its equations still hold: quantizer steps follow the curvature of the loss of the equations,
//! not that of values.

use super::SolveOptions;
use crate::backend::simd::Level;
use crate::backend::trainer::PerKind;
use crate::container::QuantizedNetwork;
use crate::fit::Normalisation;
use crate::fit::objective::Equations;
use crate::network::Network;
use crate::quantize::Fitted;
use std::ops::Range;

/// Bisections of the precision.
const BISECTIONS: usize = 14;
/// The part of the loss that a probe of the curvature adds is within this range, so that it is neither lost in rounding
/// errors nor beyond the parabola.
const PROBED: Range<f64> = 0.03..0.5;
/// Changes of a probe's size until it is.
const TRIES: usize = 24;

/// The coarsest rounding that adds at most `options.loss_of_rounding` of the loss.
pub(super) fn rounded(
    equations: &Equations<'_>,
    level: Level,
    networks: &[Network],
    normalisation: &Normalisation,
    options: &SolveOptions,
) -> Vec<QuantizedNetwork> {
    let loss = equations.loss(level, networks);
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut of = |range: Range<usize>| curvature(equations, level, (networks, loss), range, &mut rng);
    let curvatures = networks[0].shape().layers().map(|layer| {
        let weights = of(layer.weights());
        // A constant may be free, but not beyond all precision: the last biases are as fine as weights.
        let biases = if layer.last { weights } else { of(layer.biases()) };
        PerKind { weights, biases }
    });
    let curvatures: Vec<PerKind<f64>> = curvatures.collect();
    let of =
        |network: &Network| Fitted::of_equations(network.clone(), normalisation.clone(), curvatures.clone());
    let fitted: Vec<Fitted> = networks.iter().map(of).collect();
    let most = loss * (1.0 + options.loss_of_rounding);
    let added = |delta: f64| {
        let rounded: Vec<QuantizedNetwork> = fitted.iter().map(|fitted| fitted.rounded(delta)).collect();
        let stored: Vec<Network> =
            rounded.iter().map(|network| normalisation.redo(&network.dequantize())).collect();
        let found = equations.loss(level, &stored);
        (rounded, found)
    };
    // Per parameter, the increase that is allowed is an estimate of the precision; it is bracketed by far.
    let parameters: usize = networks.iter().map(|network| network.parameters().len()).sum();
    let usual = (options.loss_of_rounding * loss / parameters as f64).max(f64::MIN_POSITIVE).log2();
    let (mut fine, mut coarse) = (usual - 30.0, usual + 10.0);
    let mut best = added(fine.exp2()).0;
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (fine + coarse);
        let (rounded, found) = added(middle.exp2());
        if found <= most {
            (fine, best) = (middle, rounded);
        } else {
            coarse = middle;
        }
    }
    best
}

/// The mean curvature of some parameters of all networks: the loss that a squared error of 1 in one of them adds, from the
/// losses on both sides of the networks in a random direction.
fn curvature(
    equations: &Equations<'_>,
    level: Level,
    (networks, loss): (&[Network], f64),
    range: Range<usize>,
    rng: &mut fastrand::Rng,
) -> f64 {
    let count = (networks.len() * range.len()) as f64;
    let of = |network: &Network| {
        network.parameters()[range.clone()].iter().map(|&w| f64::from(w).powi(2)).sum::<f64>()
    };
    let square = networks.iter().map(of).sum::<f64>() / count;
    let mut signs = || -> Vec<f32> { range.clone().map(|_| if rng.bool() { 1.0 } else { -1.0 }).collect() };
    let directions: Vec<Vec<f32>> = networks.iter().map(|_| signs()).collect();
    let at = |size: f64| {
        let mut moved = networks.to_vec();
        for (network, direction) in moved.iter_mut().zip(&directions) {
            let parameters = &mut network.parameters_mut()[range.clone()];
            parameters.iter_mut().zip(direction).for_each(|(w, d)| *w += size as f32 * d);
        }
        equations.loss(level, &moved)
    };
    let mut size = (1e-3 * square.sqrt()).max(1e-6);
    let mut increase = 0.0;
    for _ in 0..TRIES {
        increase = 0.5 * (at(size) + at(-size)) - loss;
        if !increase.is_finite() || increase > PROBED.end * loss {
            size *= 0.4;
        } else if increase < PROBED.start * loss {
            size *= 2.0;
        } else {
            break;
        }
    }
    increase.max(1e-6 * loss) / (size * size * count)
}
