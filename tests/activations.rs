//! The jets of the benchmark of activations (`benches/activations`) against differences of their own values, in binary64.
#![cfg(feature = "candle")]

#[path = "../benches/activations/activation.rs"]
mod activation;
#[path = "../benches/activations/features.rs"]
mod features;
#[path = "../benches/activations/jet.rs"]
mod jet;
#[path = "../benches/activations/network.rs"]
mod network;
#[path = "../benches/activations/spline.rs"]
mod spline;

use activation::Activation;
use candle_core::{DType, Device, Result, Tensor};
use jet::{Jet, Order};
use network::{Kind, Network, kinds};

/// Random numbers in −1..1.
fn numbers(rows: usize, columns: usize, seed: u64) -> Tensor {
    let mut rng = fastrand::Rng::with_seed(seed);
    let numbers: Vec<f64> = (0..rows * columns).map(|_| 2.0 * rng.f64() - 1.0).collect();
    Tensor::from_vec(numbers, (rows, columns), &Device::Cpu).unwrap()
}

/// The largest difference of two tensors, relative to the largest number of the second.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    let largest = |t: Tensor| t.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
    largest((found - expected).unwrap()) / largest(expected.clone()).max(1e-3)
}

/// The central difference of fourth order of `f` at 0.
fn slope(f: impl Fn(f64) -> Tensor) -> Tensor {
    let step = 2e-5;
    let pair = |n: f64| (f(n * step) - f(-n * step)).unwrap();
    ((pair(1.0) * 8.0).unwrap() - pair(2.0)).unwrap().affine(1.0 / (12.0 * step), 0.0).unwrap()
}

fn network(kind: Kind) -> Network {
    Network::new(kind, 12, 3, DType::F64, 1).unwrap()
}

#[test]
fn derivatives_of_activations_are_differences_of_their_values() {
    let all =
        [Activation::Sine(30.0), Activation::Relu, Activation::Tanh, Activation::Softplus, Activation::Elu];
    for activation in all.into_iter().chain([Activation::Decay, Activation::Square]) {
        let t = (numbers(50, 1, 2) * 3.0).unwrap();
        let value = |t: &Tensor| activation.value(t).unwrap();
        let first = |t: &Tensor| activation.slope(t, &value(t)).unwrap();
        let second = activation.curvature(&t, &value(&t), &first(&t)).unwrap();
        let of_value = difference(&first(&t), &slope(|h| value(&(&t + h).unwrap())));
        let of_slope = difference(&second, &slope(|h| first(&(&t + h).unwrap())));
        println!("{activation:?}: {of_value:.1e} {of_slope:.1e}");
        assert!(of_value < 1e-7 && of_slope < 1e-7, "{activation:?}: {of_value:e} {of_slope:e}");
    }
}

#[test]
fn jets_of_networks_are_differences_of_their_values() {
    let points = numbers(40, 2, 3);
    let along = |axis: usize, h: f64| {
        let offset = if axis == 0 { [h, 0.0] } else { [0.0, h] };
        points.broadcast_add(&Tensor::new(&offset, &Device::Cpu).unwrap()).unwrap()
    };
    for kind in kinds(16) {
        let network = network(kind);
        let jet = network.jet(&points, Order::Laplacian).unwrap();
        let slopes_at =
            |points: &Tensor, axis: usize| network.jet(points, Order::Gradient).unwrap().slopes[axis].clone();
        let mut laplacian = jet.value.zeros_like().unwrap();
        for axis in 0..2 {
            let value = |h| network.jet(&along(axis, h), Order::Value).unwrap().part(Order::Value).unwrap();
            let error = difference(&jet.slopes[axis], &slope(value));
            println!("{} {axis}: {error:.1e}", kind.name);
            assert!(error < 1e-7, "{} {axis}: {error:e}", kind.name);
            laplacian = (laplacian + slope(|h| slopes_at(&along(axis, h), axis))).unwrap();
        }
        let error = difference(&jet.part(Order::Laplacian).unwrap(), &laplacian);
        println!("{} Laplacian: {error:.1e}", kind.name);
        assert!(error < 1e-7, "{}: {error:e}", kind.name);
    }
}

/// A loss of the gradient and the Laplacian.
fn loss(network: &Network, points: &Tensor) -> Result<Tensor> {
    let jet: Jet = network.jet(points, Order::Laplacian)?;
    jet.part(Order::Gradient)?.sqr()?.sum_all()? + jet.part(Order::Laplacian)?.sum_all()?
}

#[test]
fn backward_is_the_gradient_of_a_loss_of_derivatives() {
    let points = numbers(40, 2, 4);
    for kind in kinds(16) {
        let network = network(kind);
        let gradients = loss(&network, &points).unwrap().backward().unwrap();
        for (n, variable) in network.variables().into_iter().enumerate() {
            let start = variable.as_tensor().copy().unwrap();
            let (rows, columns) = start.dims2().unwrap();
            let direction = numbers(rows, columns, n as u64);
            let moved = |h: f64| {
                variable.set(&(&start + (&direction * h).unwrap()).unwrap()).unwrap();
                loss(&network, &points).unwrap()
            };
            let expected = slope(moved);
            variable.set(&start).unwrap();
            // A parameter that changes no derivative, such as the last bias, has none.
            let found = gradients.get(&variable).map_or(start.zeros_like(), |g| g * &direction);
            let error = difference(&found.unwrap().sum_all().unwrap(), &expected);
            println!("{} {n}: {error:.1e}", kind.name);
            assert!(error < 1e-6, "{} {n}: {error:e}", kind.name);
        }
    }
}

#[test]
fn splines_have_the_derivatives_of_smooth_samples_and_those_of_lines() {
    let line: Vec<f64> = (0..5).map(|k| 3.0 - 0.5 * f64::from(k)).collect();
    assert_eq!(spline::derivatives(&line), [[-0.5, 0.0]; 5]);
    assert_eq!(spline::derivatives(&line[..2]), [[-0.5, 0.0]; 2]);
    // A sine has no curvature at the ends either.
    let frequency = std::f64::consts::PI / 20.0;
    let sine: Vec<f64> = (0..=20).map(|k| (frequency * f64::from(k)).sin()).collect();
    for (k, [slope, curvature]) in spline::derivatives(&sine).into_iter().enumerate() {
        let phase = frequency * k as f64;
        assert!(
            (slope - frequency * phase.cos()).abs() < 1e-5
                && (curvature + frequency.powi(2) * phase.sin()).abs() < 1e-3
        );
    }
}
