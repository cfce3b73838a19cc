//! Parameters of a spline field → symbols and the steps of their tensors.
//!
//! A step is chosen tensor by tensor: the largest one before squared error + λ · bits rises, measured over
//! the whole signal.

use crate::container::QuantizedSpline;
use crate::field::spline::{MAX_LATENT, Order, Shape, Tensor, usual_symbol};
use crate::fit::SplineTraining;
use std::ops::RangeInclusive;

/// The exponents of tensors: of the network and the filters, and of the context model, whose weights have 10
/// fractional bits.
const NETWORK: RangeInclusive<u8> = 2..=16;
const CONTEXT: RangeInclusive<u8> = 2..=10;
/// Those that the search begins with.
const USUAL: u8 = 10;
const USUAL_CONTEXT: u8 = 6;
/// The most that the magnitudes of a row of the context model may sum to, and a bias of it: a file holds rows
/// up to 32, and rounding to quarters adds at most 2.5 to one.
const MOST_ROW: f32 = 24.0;
const MOST_BIAS: f32 = 1000.0;
/// The largest symbol of a file.
const MOST_SYMBOL: f32 = (1 << 20) as f32;
/// The largest parameter of the network, and of the filters in a signal of more than two axes.
const MOST: f32 = 1000.0;
const MOST_TAP: f32 = 7.75;

/// Positions of a signal from which on its latents are coded in blocks, and the binary logarithm of a block's
/// side, samples, for one to four axes.
const LARGE: u64 = 1 << 21;
const BLOCKS: [u8; 4] = [15, 10, 7, 7];

/// The exponents that a search for the best ones begins with.
pub(crate) fn usual_exponents(shape: &Shape) -> Vec<u8> {
    let network = shape.order().context();
    let tensors = shape.tensors().len();
    (0..tensors).map(|n| if n < network { USUAL } else { USUAL_CONTEXT }).collect()
}

/// The field with these latents and `tensors` rounded to the steps of `exponents`.
pub(crate) fn spline_of(
    shape: &Shape,
    latents: Vec<Vec<i16>>,
    tensors: &[Vec<f32>],
    exponents: Vec<u8>,
) -> QuantizedSpline {
    let tensors = limited(shape, tensors);
    let symbols = tensors.iter().zip(&exponents).flat_map(|(tensor, &exponent)| {
        let scale = 2f32.powi(exponent.into());
        tensor.iter().map(move |x| (x * scale).round_ties_even() as i32)
    });
    let symbols = symbols.collect();
    let is_large = shape.lengths.iter().map(|&n| u64::from(n)).product::<u64>() >= LARGE;
    let side = BLOCKS[shape.axes() - 1];
    let is_divided = shape.lengths.iter().any(|&n| n > 1 << side);
    let blocks = if is_large && is_divided { side } else { 0 };
    QuantizedSpline { shape: shape.clone(), table: 8, exponents, blocks, symbols, latents }
}

/// Latents as a file holds them.
pub(crate) fn stored_latents(latents: &[i32]) -> Vec<i16> {
    latents.iter().map(|&q| q.clamp(-MAX_LATENT, MAX_LATENT) as i16).collect()
}

/// The tensors of a field, in the units of files.
pub(crate) fn tensors_of(field: &QuantizedSpline) -> Vec<Vec<f32>> {
    let mut symbols = field.symbols.iter();
    let tensors = field.shape.tensors().into_iter().zip(&field.exponents);
    let tensor = |(tensor, &exponent): (Tensor, &u8)| {
        let symbols = symbols.by_ref().take(tensor.parameters());
        symbols.map(|&symbol| symbol as f32 * step(exponent)).collect()
    };
    tensors.map(tensor).collect()
}

/// The best exponents for the tensors of a trained field with these latents: a search that begins with
/// `exponents`. A bit of a latent is worth the first of `lambdas`, one of a parameter the second.
pub(crate) fn best_exponents(
    training: &mut SplineTraining,
    shape: &Shape,
    (latents, tensors): (&[Vec<i32>], &[Vec<f32>]),
    [lambda, of_parameters]: [f64; 2],
    mut exponents: Vec<u8>,
) -> Vec<u8> {
    let network = shape.order().context();
    let mut tensors = limited(shape, tensors);
    training.evaluate(latents, &tensors);
    // Weights before biases, which can make up for them.
    let (sizes, usual) = (shape.tensors(), shape.usual_parameters());
    let (weights, biases): (Vec<usize>, Vec<usize>) = (0..tensors.len()).partition(|&n| sizes[n].columns > 1);
    for n in weights.into_iter().chain(biases) {
        let exact = tensors[n].clone();
        let largest = exact.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let mut total = |exponent: u8| {
            let step = step(exponent);
            if largest > MOST_SYMBOL * step {
                return f64::INFINITY;
            }
            tensors[n] = rounded(&exact, step);
            let loss = match n {
                // Other taps mean other coefficients.
                0 => training.evaluate(latents, &tensors),
                _ => training.measure(&tensors, [n < network, n >= network]),
            };
            loss.total(lambda) + of_parameters * bits(&tensors[n], &usual[n], exponent)
        };
        let range = if n < network { NETWORK } else { CONTEXT };
        exponents[n] = least(range, exponents[n], &mut total);
        total(exponents[n]);
    }
    exponents
}

/// The exponent next to `start` with the least total: coarser ones as long as it falls, else finer ones.
fn least(range: RangeInclusive<u8>, start: u8, total: &mut impl FnMut(u8) -> f64) -> u8 {
    let (mut best, mut least) = (start, total(start));
    for finer in [false, true] {
        while range.contains(&best) {
            let next = if finer { best + 1 } else { best.wrapping_sub(1) };
            let found = if range.contains(&next) { total(next) } else { f64::INFINITY };
            // A step that is too fine for a symbol is left towards coarser ones.
            if found >= least && least.is_finite() {
                break;
            }
            (best, least) = (next, found);
        }
        if best != start {
            break;
        }
    }
    best
}

fn step(exponent: u8) -> f32 {
    2f32.powi(-i32::from(exponent))
}

fn rounded(tensor: &[f32], step: f32) -> Vec<f32> {
    tensor.iter().map(|x| (x / step).round_ties_even() * step).collect()
}

/// Bits of a tensor with a Laplace code of the mean magnitude of its differences to the usual one, roughly.
fn bits(tensor: &[f32], usual: &[i16], exponent: u8) -> f64 {
    let scale = 2f32.powi(exponent.into());
    let difference = |(x, &usual): (&f32, &i16)| {
        ((x * scale).round_ties_even() as i64).abs_diff(usual_symbol(usual, exponent)) as f64
    };
    let sum: f64 = tensor.iter().zip(usual).map(difference).sum();
    let mean = (sum + 0.5) / tensor.len() as f64;
    // The entropy of a geometric magnitude and a sign where it is not 0.
    let ratio = mean / (1.0 + mean);
    let magnitude = -(ratio.log2() * mean + (1.0 - ratio).log2());
    tensor.len() as f64 * (magnitude + ratio) + 10.0
}

/// The tensors within what a file can hold; a trained field hardly ever needs it.
fn limited(shape: &Shape, tensors: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let network = shape.order().context();
    let sizes = shape.tensors();
    let count = sizes.len();
    let limit = |(n, tensor): (usize, &Vec<f32>)| -> Vec<f32> {
        if n < network {
            let most = if n == Order::TAPS && shape.axes() > 2 { MOST_TAP } else { MOST };
            return tensor.iter().map(|x| x.clamp(-most, most)).collect();
        }
        if sizes[n].columns == 1 {
            return tensor.iter().map(|x| x.clamp(-MOST_BIAS, MOST_BIAS)).collect();
        }
        // The rows of the outputs and of what leads to them directly count together.
        let most = if n + 3 >= count { MOST_ROW / 2.0 } else { MOST_ROW };
        let row = |row: &[f32]| {
            let sum: f32 = row.iter().map(|x| x.abs()).sum();
            let factor = if sum > most { most / sum } else { 1.0 };
            row.iter().map(|x| x * factor).collect::<Vec<f32>>()
        };
        tensor.chunks_exact(sizes[n].columns).flat_map(row).collect()
    };
    tensors.iter().enumerate().map(limit).collect()
}
