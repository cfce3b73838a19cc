//! Rounds a network so that its equations still hold: quantizer steps follow the curvature of the loss of the equations,
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
    network: &Network,
    normalisation: &Normalisation,
    options: &SolveOptions,
) -> QuantizedNetwork {
    let loss = equations.loss(level, network);
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut of = |range: Range<usize>| curvature(equations, level, (network, loss), range, &mut rng);
    let curvatures = network.shape().layers().map(|layer| {
        let weights = of(layer.weights());
        // A constant may be free, but not beyond all precision: the last biases are as fine as weights.
        let biases = if layer.last { weights } else { of(layer.biases()) };
        PerKind { weights, biases }
    });
    let fitted = Fitted::of_equations(network.clone(), normalisation.clone(), curvatures.collect());
    let most = loss * (1.0 + options.loss_of_rounding);
    let added = |delta: f64| {
        let rounded = fitted.rounded(delta);
        let found = equations.loss(level, &normalisation.redo(&rounded.dequantize()));
        (rounded, found)
    };
    // Per parameter, the increase that is allowed is an estimate of the precision; it is bracketed by far.
    let usual =
        (options.loss_of_rounding * loss / network.parameters().len() as f64).max(f64::MIN_POSITIVE).log2();
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

/// The mean curvature of some parameters: the loss that a squared error of 1 in one of them adds, from the losses on
/// both sides of the network in a random direction.
fn curvature(
    equations: &Equations<'_>,
    level: Level,
    (network, loss): (&Network, f64),
    range: Range<usize>,
    rng: &mut fastrand::Rng,
) -> f64 {
    let of = &network.parameters()[range.clone()];
    let square = of.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / of.len() as f64;
    let direction: Vec<f32> = of.iter().map(|_| if rng.bool() { 1.0 } else { -1.0 }).collect();
    let at = |size: f64| {
        let mut moved = network.clone();
        let parameters = &mut moved.parameters_mut()[range.clone()];
        parameters.iter_mut().zip(&direction).for_each(|(w, d)| *w += size as f32 * d);
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
    increase.max(1e-6 * loss) / (size * size * of.len() as f64)
}
