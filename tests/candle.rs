//! The fused kernels against candle's tensors and automatic differentiation in binary64, level by level.
#![cfg(feature = "candle")]

use sirenc::Error;
use sirenc::backend::candle::{CandleBackend, Precision};
use sirenc::backend::simd::{BLOCK, Batch, Level, Residuals, Workspace};
use sirenc::network::{Network, Shape};
use std::f32::consts::TAU;

/// Largest error of a value, relative to the range of the network's values.
const VALUE: f64 = 2e-5;
/// Largest relative error of the gradient, as an L2 norm over all parameters.
const GRADIENT: f64 = 1e-5;
/// Largest relative error of the loss.
const LOSS: f64 = 1e-6;

const SHAPES: [Shape; 10] = [
    shape(1, 1, 1, 3),
    shape(2, 4, 1, 3),
    shape(1, 2, 2, 22),
    shape(2, 3, 4, 22),
    shape(2, 3, 9, 22),
    shape(1, 1, 9, 28),
    shape(2, 3, 9, 28),
    shape(2, 4, 5, 28),
    shape(2, 1, 3, 64),
    shape(2, 3, 9, 64),
];

const fn shape(inputs: usize, outputs: usize, layers: usize, width: usize) -> Shape {
    Shape { inputs, outputs, layers, width }
}

/// Deterministic numbers in −1..1.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// A network at SIREN's initialisation: phases of about a turn in every layer, and values of about 1.
fn network(shape: Shape) -> Network {
    let mut next = numbers(shape.parameters() as u64);
    let mut network = Network::zeros(shape);
    let parameters = network.parameters_mut();
    for (l, layer) in shape.layers().enumerate() {
        let bound = (6.0 / layer.inputs as f32).sqrt();
        let bound = if l == 0 || layer.last { 1.0 } else { bound / TAU };
        parameters[layer.weights()].iter_mut().for_each(|w| *w = bound * next());
        parameters[layer.biases()].iter_mut().for_each(|b| *b = 0.5 * next());
    }
    network
}

struct Points {
    coordinates: Vec<f32>,
    targets: Vec<f32>,
    weights: Vec<f32>,
}

impl Points {
    /// Three blocks, the last one padded with points of weight 0.
    fn new(shape: Shape) -> Self {
        let (mut next, points) = (numbers(17), 3 * BLOCK);
        Points {
            coordinates: (0..points * shape.inputs).map(|_| next()).collect(),
            targets: (0..points * shape.outputs).map(|_| next()).collect(),
            weights: (0..points).map(|p| if p < 300 { 0.25 * (p % 5) as f32 } else { 0.0 }).collect(),
        }
    }
    fn batch(&self, first_layer: usize) -> Batch<'_> {
        let Points { coordinates, targets, weights } = self;
        Batch { coordinates, targets, weights, first_layer, residuals: Residuals::Values }
    }
}

/// The relative error `‖a − b‖ / ‖b‖`.
fn relative(a: &[f32], b: &[f64]) -> f64 {
    let error: f64 = a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
    let norm: f64 = b.iter().map(|b| b * b).sum();
    (error / norm).sqrt()
}

#[test]
fn values_of_every_level_match_candle() {
    let candle = CandleBackend::new(Precision::Binary64);
    for shape in SHAPES {
        let (network, points) = (network(shape), Points::new(shape));
        let expected = candle.forward(&network, &points.coordinates).unwrap();
        let (low, high) =
            expected.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        for level in Level::available() {
            let mut got = vec![0.0; expected.len()];
            level.forward(&network, &points.coordinates, &mut got, &mut Workspace::default());
            let errors = got.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).abs());
            let worst = errors.fold(0.0, f64::max) / (high - low);
            println!("{shape:?} {level:?}: {worst:.1e}");
            assert!(worst <= VALUE, "{shape:?} {level:?}: {worst:e} of the range {low} to {high}");
        }
    }
}

#[test]
fn loss_and_gradient_of_every_level_match_candle() {
    let candle = CandleBackend::new(Precision::Binary64);
    for shape in SHAPES {
        let (network, points) = (network(shape), Points::new(shape));
        for batch in [Residuals::Values, Residuals::SumsAndDifferences]
            .map(|residuals| Batch { residuals, ..points.batch(0) })
        {
            let (expected_loss, expected) = candle.step(&network, batch, 0.125).unwrap();
            for level in Level::available() {
                let mut got = vec![0.0; shape.parameters()];
                let loss = level.step(&network, batch, 0.125, &mut got, &mut Workspace::default());
                let (loss, gradient) = ((loss / expected_loss - 1.0).abs(), relative(&got, &expected));
                let case = format!("{shape:?} {level:?} {:?}", batch.residuals);
                println!("{case}: loss {loss:.1e}, gradient {gradient:.1e}");
                assert!(loss <= LOSS, "{case}: loss {loss:e}");
                assert!(gradient <= GRADIENT, "{case}: gradient {gradient:e}");
            }
        }
    }
}

#[test]
fn frozen_layers_keep_their_gradient_and_the_others_get_the_same_one() {
    let candle = CandleBackend::new(Precision::Binary64);
    let shape = shape(2, 3, 4, 22);
    let (network, points) = (network(shape), Points::new(shape));
    let (_, whole) = candle.step(&network, points.batch(0), 1.0).unwrap();
    // Layer 4 is the output layer; with 5 or more no layer is trained.
    for first_layer in 0..=6 {
        let start = shape.layers().nth(first_layer).map_or(shape.parameters(), |layer| layer.offset);
        let (loss, expected) = candle.step(&network, points.batch(first_layer), 1.0).unwrap();
        assert!(expected[..start].iter().all(|&g| g == 0.0));
        assert_eq!(expected[start..], whole[start..], "frozen before {first_layer}");
        for level in Level::available() {
            let mut got = vec![7.0; shape.parameters()];
            got[start..].fill(0.0);
            let batch = points.batch(first_layer);
            let got_loss = level.step(&network, batch, 1.0, &mut got, &mut Workspace::default());
            assert!((got_loss / loss - 1.0).abs() <= LOSS);
            assert!(got[..start].iter().all(|&g| g == 7.0), "{level:?} wrote before layer {first_layer}");
            if start < shape.parameters() {
                let error = relative(&got[start..], &expected[start..]);
                assert!(error <= GRADIENT, "{level:?} from layer {first_layer}: {error:e}");
            }
        }
    }
}

#[test]
fn plain_gradient_descent_has_the_same_loss_curve() {
    let candle = CandleBackend::new(Precision::Binary64);
    let shape = shape(2, 3, 4, 22);
    let points = Points::new(shape);
    let curve = |step: &mut dyn FnMut(&Network) -> (f64, Vec<f64>)| {
        let mut network = network(shape);
        let mut losses = vec![];
        for _ in 0..8 {
            let (loss, gradient) = step(&network);
            losses.push(loss);
            for (w, g) in network.parameters_mut().iter_mut().zip(gradient) {
                *w -= 0.002 * g as f32;
            }
        }
        losses
    };
    let scale = 1.0 / points.weights.len() as f32;
    let expected = curve(&mut |n| candle.step(n, points.batch(0), scale.into()).unwrap());
    assert!(expected.windows(2).all(|pair| pair[1] < pair[0]), "no descent: {expected:?}");
    for level in Level::available() {
        let losses = curve(&mut |n| {
            let mut gradient = vec![0.0; shape.parameters()];
            let loss = level.step(n, points.batch(0), scale, &mut gradient, &mut Workspace::default());
            (loss, gradient.into_iter().map(f64::from).collect())
        });
        for (a, b) in losses.iter().zip(&expected) {
            assert!((a / b - 1.0).abs() <= 1e-5, "{level:?}: {losses:?}, expected {expected:?}");
        }
    }
}

#[test]
fn binary32_tensors_are_as_close_as_the_kernels() {
    let (single, double) = (CandleBackend::new(Precision::Binary32), CandleBackend::new(Precision::Binary64));
    let shape = shape(2, 3, 9, 28);
    let (network, points) = (network(shape), Points::new(shape));
    let (loss, gradient) = single.step(&network, points.batch(0), 1.0).unwrap();
    let (expected_loss, expected) = double.step(&network, points.batch(0), 1.0).unwrap();
    let gradient: Vec<f32> = gradient.iter().map(|&g| g as f32).collect();
    assert!((loss / expected_loss - 1.0).abs() < 1e-5);
    assert!(relative(&gradient, &expected) < GRADIENT, "{:e}", relative(&gradient, &expected));
}

#[test]
fn empty_batches_cost_nothing_and_ragged_ones_are_refused() {
    let candle = CandleBackend::new(Precision::Binary64);
    let shape = shape(2, 3, 2, 5);
    let (network, points) = (network(shape), Points::new(shape));
    let empty =
        Batch { coordinates: &[], targets: &[], weights: &[], first_layer: 0, residuals: Residuals::Values };
    assert_eq!(candle.forward(&network, &[]).unwrap(), [0.0; 0]);
    assert_eq!(candle.step(&network, empty, 1.0).unwrap(), (0.0, vec![0.0; shape.parameters()]));
    let ragged = candle.forward(&network, &points.coordinates[1..]);
    assert!(matches!(ragged, Err(Error::Parameter { name: "batch", .. })));
    let short = Batch { targets: &points.targets[..3 * BLOCK], ..points.batch(0) };
    assert!(matches!(candle.step(&network, short, 1.0), Err(Error::Parameter { name: "batch", .. })));
}

#[test]
#[cfg(not(feature = "candle-cuda"))]
fn a_gpu_takes_a_feature_of_its_own() {
    let error = CandleBackend::on_cuda(Precision::Binary32, 0).unwrap_err();
    assert!(matches!(error, sirenc::Error::Device { .. }), "{error}");
}
