use super::*;
use crate::backend::simd::BLOCK;
use crate::backend::trainer::{Allowance, Schedule, Trainer, Turn};
use crate::fit::{Cpu, MOST_POINTS};
use crate::network::Shape;
use crate::signal::{Description, SampleFormat, Samples, Signal, Tiles};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const NO_REFIT: Schedule = Schedule {
    iterations: 0,
    blocks: 4,
    rate: 0.003,
    warmup: 0.1,
    end: 0.1,
    first_layer: 0,
    loss_of_mean: f64::INFINITY,
};

/// A network without error at its points, in units of its own.
fn solved(means: [f32; 2], scale: f32) -> (Fitted, Dataset) {
    let description = Description::picture([24, 24], 2, SampleFormat::F32);
    let mut rng = fastrand::Rng::with_seed(5);
    let samples = Samples::F32((0..2 * 24 * 24).map(|_| rng.f32()).collect());
    let tiles = Tiles::one(&description);
    let signal = Signal { description, samples, metadata: vec![] };
    let mut data = Dataset::of_tile((&signal, None), &tiles, 0, None, MOST_POINTS, 1).unwrap();
    let points = Arc::get_mut(&mut data.points).unwrap();
    let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 8 };
    let parameters = (0..shape.parameters()).map(|_| 0.6 * (rng.f32() - 0.5)).collect();
    let network = Network::from_parameters(shape, parameters);
    Level::best().forward(&network, &points.coordinates, &mut points.targets, &mut Default::default());
    data.normalisation = Normalisation { means: means.to_vec(), scale };
    let cpu = Cpu { level: Level::best() };
    let resident = cpu.hold(vec![data.points.clone()]).unwrap();
    let data = [data];
    let fitted = measure(cpu.level, &*resident, vec![network], &data, SAMPLED).unwrap().remove(0);
    (fitted, data.into_iter().next().unwrap())
}

/// [`quantize`] of one tile on the CPU.
fn quantized(
    (fitted, data): (&Fitted, &Dataset),
    delta: f64,
    refit: Schedule,
    sweeps: usize,
    time: Option<Allowance>,
    observe: impl FnMut(u64, f64) -> bool + Send,
) -> QuantizedNetwork {
    let cpu = Cpu { level: Level::best() };
    let resident = cpu.hold(vec![data.points.clone()]).unwrap();
    let (tile, turn) = (Rounded { fitted, data, refit }, Turn { alone: false, time });
    let observe = Mutex::new(observe);
    let observe = |_, iterations, mse| (observe.lock().unwrap())(iterations, mse);
    quantize(cpu.level, &*resident, &[tile], delta, sweeps, turn, &observe).unwrap().remove(0)
}

/// The squared error that quantization added at the points, in signal units.
fn added(fitted: &Fitted, data: &Dataset, quantized: &QuantizedNetwork) -> f64 {
    let (before, after) = (fitted.in_signal_units(), quantized.dequantize());
    let point = |n| {
        let (block, lane) = data.points.place(n);
        let coordinate = |a| data.points.coordinates[(block * data.points.inputs + a) * BLOCK + lane];
        let point: Vec<f32> = (0..data.points.inputs).map(coordinate).collect();
        let channels = before.evaluate(&point).into_iter().zip(after.evaluate(&point));
        channels.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
    };
    (0..data.count).map(point).sum()
}

#[test]
fn a_step_adds_its_share_of_the_error() {
    let (fitted, _) = solved([0.3, -2.0], 0.25);
    for delta in [1e-7, 1e-4] {
        for (steps, curvature) in fitted.steps(delta).into_iter().zip(&fitted.curvature) {
            for (index, curvature) in [(steps.weights, curvature.weights), (steps.biases, curvature.biases)] {
                // Eighths of an octave, the nearest.
                let share = curvature * f64::from(step(index)).powi(2) / 12.0;
                assert!((share / delta).log2().abs() <= 0.1251, "{index}: {share} for {delta}");
            }
        }
    }
}

#[test]
fn rounding_to_nearest_adds_the_error_of_its_delta() {
    let (fitted, data) = solved([0.3, -2.0], 0.25);
    for delta in [1e-7, 1e-5] {
        let rounded = fitted.rounded(delta);
        let ratio = added(&fitted, &data, &rounded) / (delta * rounded.symbols.len() as f64);
        assert!((0.6..1.6).contains(&ratio), "{ratio} at {delta}");
    }
}

#[test]
fn a_curvature_that_vanishes_rounds_no_layer_to_nothing() {
    let (mut fitted, data) = solved([0.3, -2.0], 0.25);
    // Curvatures like those of a fit with saturated sines; the last layer has none.
    fitted.curvature[..3]
        .iter_mut()
        .for_each(|curvature| *curvature = PerKind { weights: 1e-30, biases: 1e-30 });
    let rounded = fitted.rounded(1e-6);
    for layer in rounded.shape.layers().filter(|layer| !layer.last) {
        let largest = rounded.symbols[layer.weights()].iter().map(|symbol| symbol.abs()).max();
        assert!(largest >= Some(2), "{layer:?}");
        let noise = f64::from(step(rounded.steps[0].biases)) / 12f64.sqrt() * TAU;
        assert!(noise <= PHASE_NOISE, "{noise} radians");
    }
    // Spoilt tiles are detected and rounded again.
    let quantized = quantized((&fitted, &data), 1e-6, NO_REFIT, 0, None, |_, _| true);
    let left = added(&fitted, &data, &quantized);
    assert!(left <= fitted.error_of_mean * 1.001, "{left} of {}", fitted.error_of_mean);
}

#[test]
fn a_tile_that_is_its_mean_is_stored_as_that() {
    let (mut fitted, data) = solved([0.3, -2.0], 0.25);
    fitted.error_of_mean = fitted.loss.total;
    let quantized = quantized((&fitted, &data), 1e-6, NO_REFIT, 0, None, |_, _| panic!("no refit"));
    let network = quantized.dequantize();
    let value = network.evaluate(&[0.3, 0.1]);
    assert!((value[0] - 0.3).abs() < 0.01 && (value[1] + 2.0).abs() < 0.01, "{value:?}");
    assert!(quantized.symbols.iter().filter(|&&symbol| symbol != 0).count() <= 2);
}

#[test]
fn steps_become_finer_only_as_far_as_symbols_can_follow() {
    let (fitted, _) = solved([1e6, 0.0], 0.25);
    let rounded = fitted.rounded(1e-12);
    let bias = rounded.symbols[rounded.symbols.len() - 2];
    // By far the largest parameter: its symbol is the largest that steps are chosen for, within a step of the
    // index.
    assert!((1 << 19) * 9 / 10 < bias && bias <= 1 << 19, "{bias}");
    let value = f64::from(bias) * f64::from(step(rounded.steps[3].biases));
    assert!((value - 1e6).abs() < 2.0, "{value}");
}

#[test]
fn errors_that_compensate_each_other_add_less_than_those_of_the_nearest_multiples() {
    let (fitted, data) = solved([0.3, -2.0], 0.25);
    for delta in [1e-7, 1e-5] {
        let nearest = added(&fitted, &data, &fitted.rounded(delta));
        let quantized = quantized((&fitted, &data), delta, NO_REFIT, 0, None, |_, _| panic!("no refit"));
        let compensated = added(&fitted, &data, &quantized);
        assert!(compensated < 0.75 * nearest, "{compensated} of {nearest} at {delta}");
        assert!(quantized.is_sorted());
    }
}

#[test]
fn refits_between_the_layers_take_their_steps_and_make_up_for_errors_before() {
    let (fitted, data) = solved([0.3, -2.0], 0.25);
    let delta = 1e-4;
    let without = quantized((&fitted, &data), delta, NO_REFIT, 0, None, |_, _| true);
    let mut iterations = 0;
    let refit = Schedule { iterations: 65, ..NO_REFIT };
    let with = quantized((&fitted, &data), delta, refit, 0, None, |more, _| {
        iterations += more;
        true
    });
    // Three layers have later ones to refit; progress is reported every 32 iterations.
    assert_eq!(iterations, 3 * 64);
    let [with, without] = [with, without].map(|quantized| added(&fitted, &data, &quantized));
    assert!(with < without, "{with} of {without}");
}

#[test]
fn sweeps_lower_the_error_and_report_it() {
    let (fitted, data) = solved([0.3, -2.0], 0.25);
    for delta in [1e-5, 1e-3] {
        let errors = [0, 1, 3].map(|sweeps| {
            let (mut calls, mut observed) = (0, f64::NAN);
            let quantized = quantized((&fitted, &data), delta, NO_REFIT, sweeps, None, |iterations, mse| {
                assert!(calls == 0 || mse <= observed, "{mse} after {observed}");
                (calls, observed) = (calls + 1, mse);
                iterations == 2
            });
            // One call for each of four layers, with a pass of two batches each.
            assert_eq!(calls, 4 * sweeps);
            let added = added(&fitted, &data, &quantized);
            let observed = observed * f64::from(data.normalisation.scale).powi(2) * (2 * data.count) as f64;
            assert!(
                sweeps == 0 || (observed / added - 1.0).abs() < 0.02,
                "{observed} observed, {added} added"
            );
            added
        });
        assert!(errors[1] < 0.9 * errors[0] && errors[2] <= errors[1], "{errors:?} at {delta}");
    }
}

#[test]
fn sweeps_end_on_request_or_without_time() {
    let (fitted, data) = solved([0.3, -2.0], 0.25);
    let calls = |sweeps, time, mut go_on: usize| {
        let mut calls = 0;
        let network = quantized((&fitted, &data), 1e-4, NO_REFIT, sweeps, time, |_, _| {
            (calls, go_on) = (calls + 1, go_on.saturating_sub(1));
            go_on > 0
        });
        (calls, network.symbols)
    };
    let none = calls(0, None, 0);
    assert_eq!(calls(2, None, 3).0, 3);
    let time = Some(Allowance { from: Instant::now(), length: Duration::ZERO });
    assert_eq!(calls(2, time, 3), none);
}
