//! Initial parameters: SIREN's principled initialisation (Sitzmann et al. 2020, §3.2) with phases in turns.

use crate::fit::{Dataset, spectrum};
use crate::network::{Network, Shape};
use std::f32::consts::TAU;

/// Geometric mean over the axes of the bounds of the first layer's frequencies, for signals of two axes, radians per unit
/// of coordinate. With 5 instead, crops of Kodak pictures gain 0.3 and 0.0 dB (two seeds), with 12 they lose 0.2; with
/// 16 to 50, kodim05 loses 0.8 to 5 dB, and a page of text gains nothing.
const FREQUENCY_OF_TWO_AXES: f64 = 8.0;
/// The same for signals of three and more axes. At 400 kB and effort 2 a video of 640×272×250 has 29.84, 33.38, 33.64 and
/// 33.50 dB with 8, 3, 2 and 1; at 60 kB and effort 4 one of 176×144×120 has 33.34, 34.12, 34.32 and 34.24 dB; monthly
/// winds (144×73×132, 40 kB) have 34.09, 34.93, 35.00 and 34.83 dB, and a scan of a head (33×41×25, 8 kB) has 34.43,
/// 36.92, 36.89 and 36.77 dB.
const FREQUENCY_OF_MORE_AXES: f64 = 2.0;
/// The most that the bound along an axis differs from the geometric mean.
const MOST_ANISOTROPY: f64 = 5.0;
/// Bound of the output weights relative to `√(6 / inputs)`: the outputs of a new network have a standard
/// deviation of about as much.
const OUTPUT_BOUND: f32 = 0.3;

/// A newly initialised network for `data`.
pub(crate) fn initial_network(shape: Shape, data: &Dataset, rng: &mut fastrand::Rng) -> Network {
    let frequencies = match shape.inputs {
        1 => spectrum::frequencies(shape, data, rng),
        2 => uniform_frequencies(shape, &bounds(&data.slopes, FREQUENCY_OF_TWO_AXES), rng),
        _ => uniform_frequencies(shape, &bounds(&data.slopes, FREQUENCY_OF_MORE_AXES), rng),
    };
    with_frequencies(shape, &frequencies, rng)
}

/// A newly initialised network whose first-layer frequencies are uniform in `±bound` radians per unit of coordinate.
pub(crate) fn network_of_frequency(shape: Shape, bound: f64, rng: &mut fastrand::Rng) -> Network {
    let frequencies = uniform_frequencies(shape, &vec![bound as f32 / TAU; shape.inputs], rng);
    with_frequencies(shape, &frequencies, rng)
}

/// A network with random parameters for normalised targets. `frequencies` are those of the first layer in
/// turns per unit of coordinate, one per neuron and input (`width × inputs`).
///
/// Hidden weights are uniform in `±√(6 / inputs)` radians, phases uniform over a turn; output weights are
/// smaller. Half the variance of the hidden weights gains no more than other seeds do.
fn with_frequencies(shape: Shape, frequencies: &[f32], rng: &mut fastrand::Rng) -> Network {
    let mut network = Network::zeros(shape);
    let parameters = network.parameters_mut();
    let mut uniform = |bound: f32| (2.0 * rng.f32() - 1.0) * bound;
    for (l, layer) in shape.layers().enumerate() {
        let bound = (6.0 / layer.inputs as f32).sqrt();
        if l == 0 {
            parameters[layer.weights()].copy_from_slice(frequencies);
        } else {
            let bound = if layer.last { OUTPUT_BOUND * bound } else { bound / TAU };
            parameters[layer.weights()].iter_mut().for_each(|w| *w = uniform(bound));
        }
        if !layer.last {
            parameters[layer.biases()].iter_mut().for_each(|b| *b = uniform(0.5));
        }
    }
    network
}

/// The bounds of the frequencies along each axis, turns per unit of coordinate, with a given geometric mean in radians:
/// in proportion to the slopes along the axes, which are root mean squared frequencies. Monthly winds gain 0.8 dB by it
/// (along time and latitude they vary five times as much as along longitude), videos and a scan of a head nothing.
fn bounds(slopes: &[f64], mean: f64) -> Vec<f32> {
    let known = || slopes.iter().filter(|&&slope| slope > 0.0);
    let logarithms: f64 = known().map(|slope| slope.ln()).sum();
    let usual = (logarithms / known().count().max(1) as f64).exp();
    let relative = |&slope: &f64| if slope > 0.0 { slope / usual } else { 1.0 };
    let bound = |slope| mean * relative(slope).clamp(1.0 / MOST_ANISOTROPY, MOST_ANISOTROPY);
    slopes.iter().map(|slope| bound(slope) as f32 / TAU).collect()
}

/// First-layer frequencies uniform in `±bound` turns per unit along each axis.
fn uniform_frequencies(shape: Shape, bounds: &[f32], rng: &mut fastrand::Rng) -> Vec<f32> {
    let of_axes = bounds.iter().cycle().take(shape.width * shape.inputs);
    of_axes.map(|bound| (2.0 * rng.f32() - 1.0) * bound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_slopes_along_the_axes() {
        let turns =
            |bounds: Vec<f32>| bounds.iter().map(|&b| (b * TAU * 1e3).round() / 1e3).collect::<Vec<_>>();
        assert_eq!(turns(bounds(&[3.0, 3.0, 3.0], 2.0)), [2.0; 3]);
        assert_eq!(turns(bounds(&[1.0, 4.0], 8.0)), [4.0, 16.0]);
        // An axis of one sample has the usual bound, and so has a constant.
        assert_eq!(turns(bounds(&[0.0, 1.0, 4.0], 8.0)), [8.0, 4.0, 16.0]);
        assert_eq!(turns(bounds(&[0.0, 0.0], 8.0)), [8.0, 8.0]);
        assert_eq!(turns(bounds(&[1e-20, 1.0], 1.0)), [0.2, 5.0]);
    }

    /// Neurons of a layer.
    const WIDTH: usize = 256;
    /// Networks of each depth, and points of each network.
    const NETWORKS: u64 = 8;
    const POINTS: usize = 32;
    /// Bound of Kolmogorov–Smirnov distances. That of the `NETWORKS · WIDTH` neurons of a layer at one point exceeds it
    /// with a probability of 2 exp(−2 · 8 · 256 · 0.05²) = 7 · 10⁻⁵ (Dvoretzky, Kiefer and Wolfowitz; neurons have weights
    /// and phases of their own), and that of all points together is no larger than their mean.
    const DISTANCE: f64 = 0.05;

    /// Of one hidden layer: weighted sums of its inputs in radians, and activations.
    #[derive(Clone, Default)]
    struct Seen {
        sums: Vec<f64>,
        activations: Vec<f64>,
    }

    /// What the hidden layers of new networks compute at random points of −1..1. Weights between hidden layers are multiplied by
    /// `weight`, phases by `phase`.
    fn hidden_layers(depth: usize, weight: f64, phase: f64) -> Vec<Seen> {
        let shape = Shape { inputs: 2, outputs: 1, layers: depth, width: WIDTH };
        let mut seen = vec![Seen::default(); depth];
        for seed in 0..NETWORKS {
            let mut rng = fastrand::Rng::with_seed(seed);
            let network = network_of_frequency(shape, FREQUENCY_OF_TWO_AXES, &mut rng);
            for _ in 0..POINTS {
                let mut h: Vec<f64> = (0..2).map(|_| 2.0 * rng.f64() - 1.0).collect();
                for (l, (layer, seen)) in shape.layers().zip(&mut seen).enumerate() {
                    let (weights, biases) = layer.split(network.parameters());
                    let gain = TAU as f64 * if l == 0 { 1.0 } else { weight };
                    let sum = |row: &[f32]| row.iter().zip(&h).map(|(&w, h)| f64::from(w) * h).sum::<f64>();
                    let sums: Vec<f64> = weights.chunks(layer.inputs).map(|row| gain * sum(row)).collect();
                    let phases = biases.iter().map(|&b| TAU as f64 * phase * f64::from(b));
                    h = sums.iter().zip(phases).map(|(sum, phase)| (sum + phase).sin()).collect();
                    seen.sums.extend(sums);
                    seen.activations.extend(&h);
                }
            }
        }
        seen
    }

    /// The largest difference between the distribution of `samples` and `cdf`.
    fn distance(samples: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let step = 1.0 / sorted.len() as f64;
        let at = |(k, &x): (usize, &f64)| {
            (cdf(x) - step * k as f64).abs().max((cdf(x) - step * (k + 1) as f64).abs())
        };
        sorted.iter().enumerate().map(at).fold(0.0, f64::max)
    }

    /// The standard normal distribution within 0.0004.
    fn normal(x: f64) -> f64 {
        0.5 + 0.5 * (std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044715 * x.powi(3))).tanh()
    }

    /// The distribution of the sine of a uniform phase.
    fn arcsine(x: f64) -> f64 {
        0.5 + x.clamp(-1.0, 1.0).asin() / std::f64::consts::PI
    }

    fn deviation(samples: &[f64]) -> f64 {
        (samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64).sqrt()
    }

    /// Phases uniform over a turn make the activations' distribution the arcsine one whatever the sums are, so that their
    /// variance is ½ and that of the next sums 1 in every layer. Sitzmann et al. 2020 say the same of networks without such
    /// phases, where it holds nearly: see the last of these tests.
    #[test]
    fn sums_are_standard_normal_and_activations_arcsine_at_any_depth() {
        for depth in [2, 5, 10, 20, 50] {
            for (l, Seen { sums, activations }) in hidden_layers(depth, 1.0, 1.0).iter().enumerate() {
                let of_activations = distance(activations, arcsine);
                assert!(of_activations < DISTANCE, "layer {l} of {depth}: {of_activations}");
                // The sums of the first layer are those of frequencies and coordinates.
                if l > 0 {
                    let (of_sums, deviation) = (distance(sums, normal), deviation(sums));
                    assert!(of_sums < DISTANCE, "layer {l} of {depth}: {of_sums}");
                    assert!((deviation - 1.0).abs() < 0.08, "layer {l} of {depth}: {deviation}");
                }
            }
        }
    }

    #[test]
    fn sums_by_twice_or_half_the_weights_are_told_from_standard_normal_ones() {
        for weight in [2.0, 0.5] {
            for (l, Seen { sums, .. }) in hidden_layers(5, weight, 1.0).iter().enumerate().skip(1) {
                let (distance, deviation) = (distance(sums, normal), deviation(sums));
                assert!(distance > 2.0 * DISTANCE, "layer {l}, {weight} times: {distance}");
                assert!((deviation / weight - 1.0).abs() < 0.08, "layer {l}, {weight} times: {deviation}");
            }
        }
    }

    /// Without phases the variance `v` of the sums of a layer becomes `1 − exp(−2v)` in the next: from the first layer's
    /// wide sums it falls to 0.797, a standard deviation of 0.893, and stays there, with activations 0.066 from the arcsine
    /// distribution. With half the weights it becomes a quarter of that in each layer, and the signal dies away.
    #[test]
    fn without_phases_sums_settle_and_with_half_the_weights_they_die_away() {
        let layers = hidden_layers(20, 1.0, 0.0);
        for (l, Seen { sums, activations }) in layers.iter().enumerate().skip(6) {
            let (distance, deviation) = (distance(activations, arcsine), deviation(sums));
            assert!((deviation - 0.893).abs() < 0.04, "layer {l}: {deviation}");
            assert!(distance < 2.0 * DISTANCE, "layer {l}: {distance}");
        }
        for (l, Seen { activations, .. }) in hidden_layers(20, 0.5, 0.0).iter().enumerate().skip(1) {
            let distance = distance(activations, arcsine);
            assert!(distance > 3.0 * DISTANCE, "layer {l}: {distance}");
        }
    }
}
