mod gradients;
mod plain;

use super::{Samples, Schedule, Step, Training, initial};
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::Padded;
use crate::field::spline::{ContextShape, Further, Grid, Shape, Slow};

/// A signal with structure at all scales, and the weights of its values.
fn samples(shape: &Shape) -> (Vec<f32>, Vec<f32>) {
    let [width, _] = shape.plane();
    let value = |p: usize, c: usize| {
        let (x, y) = ((p % width) as f32, (p / width) as f32);
        let wave = (0.31 * x + 0.17 * y + c as f32).sin() + (0.9 * x - 0.6 * y).cos();
        0.5 + 0.2 * wave + if x > 0.6 * width as f32 { 0.15 } else { 0.0 }
    };
    let positions: usize = shape.lengths.iter().map(|&n| n as usize).product();
    let values = (0..positions).flat_map(|p| (0..shape.outputs).map(move |c| value(p, c))).collect();
    let weight = |i: usize| ((i / shape.outputs + i % shape.outputs) % 3) as f32 * 0.75;
    (values, (0..positions * shape.outputs).map(weight).collect())
}

fn shape() -> Shape {
    let context =
        ContextShape { levels: 0b111_0000, informed: 0b111, neighbours: 12, earlier: 0, combinations: 4 };
    let further = Further::default();
    Shape { lengths: vec![150, 77], outputs: 3, levels: 0b111_1111, further, layers: 2, width: 16, context }
}

const STEP: Step = Step { lambda: 1e-3, temperature: 0.3, noise: 0.2, rates: [0.16, 0.01] };

#[test]
fn training_lowers_the_loss() {
    let shape = shape();
    let (values, _) = samples(&shape);
    let samples = Samples { values: &values, weights: None };
    let mut training = Training::start(Level::best(), &shape, &samples, 1);
    let schedule = Schedule { steps: 300, lambda: 1e-3 };
    let mut losses = vec![];
    let trained = training.fit(&schedule, |_, loss| {
        losses.push(loss.total(schedule.lambda));
        true
    });
    assert!(losses.len() == 276 && losses.iter().all(|loss| loss.is_finite()));
    let positions = (150 * 77) as f64;
    let psnr = -10.0 * (trained.loss.squared_error / positions).log10();
    assert!(
        trained.loss.total(schedule.lambda) < 0.1 * losses[0] && psnr > 30.0,
        "{psnr} {:?}",
        trained.loss
    );
    // What is returned is what was measured.
    assert_eq!(training.evaluate(&trained.latents, &trained.tensors), trained.loss);
}

#[test]
fn training_begins_with_the_usual_parameters_and_stays_near_them() {
    let shape = shape();
    let (values, _) = samples(&shape);
    let samples = Samples { values: &values, weights: None };
    let usual = initial::usual(&shape);
    let start = || Training::start(Level::best(), &shape, &samples, 1);
    let means = shape.order().layer(shape.layers) + 1;
    for (n, (tensor, usual)) in
        start().rounded().1.iter().zip(&usual).enumerate().filter(|&(n, _)| n != means)
    {
        for (x, usual) in tensor.iter().zip(usual) {
            assert!((x - usual).abs() < 1e-5 * (1.0 + usual.abs()), "{x} {usual} in tensor {n}");
        }
    }
    // The mean magnitude of the differences, whose bits count more for a larger λ.
    let distance = |lambda: f32| {
        let mut training = start();
        (0..60).for_each(|_| drop(training.step(Step { lambda, ..STEP })));
        let parameters = training.rounded().1.concat();
        let differences = parameters.iter().zip(usual.iter().flatten());
        differences.map(|(x, usual)| (x - usual).abs()).sum::<f32>() / parameters.len() as f32
    };
    let (near, far) = (distance(1.0), distance(1e-3));
    assert!(near < 0.5 * far, "{near} {far}");
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    // Several chunks of rows and several panels.
    let shape = Shape { lengths: vec![530, 301], ..shape() };
    let (values, weights) = samples(&shape);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let samples = Samples { values: &values, weights: Some(&weights) };
            Training::start(Level::best(), &shape, &samples, 1)
                .fit(&Schedule { steps: 12, lambda: 1e-3 }, |_, _| true)
        })
    };
    let expected = run(1);
    assert_eq!(run(2), expected);
    assert_eq!(run(3), expected);
}

#[test]
fn levels_agree_closely() {
    for lengths in [vec![1000], vec![75, 38]] {
        let context = ContextShape { informed: 0b11, ..shape().context };
        let shape = Shape { lengths, levels: 0b1011, context, ..shape() };
        let (values, _) = samples(&shape);
        let run = |level: Level| {
            let samples = Samples { values: &values, weights: None };
            let mut training = Training::start(level, &shape, &samples, 1);
            // Steps have the size of the rate even where slopes are rounding errors, so long trainings part.
            (0..2).map(|_| training.step(STEP).total(1e-3)).collect::<Vec<_>>()
        };
        let expected = run(Level::Portable);
        for level in Level::available() {
            let losses = run(level);
            assert!(
                (losses[0] / expected[0] - 1.0).abs() < 1e-6,
                "{level:?}: {losses:?}, expected {expected:?}"
            );
            assert!(
                (losses[1] / expected[1] - 1.0).abs() < 1e-3,
                "{level:?}: {losses:?}, expected {expected:?}"
            );
        }
    }
}

#[test]
fn any_size_is_trained() {
    let all: [&[u32]; 7] = [&[1, 1], &[1], &[2000, 1], &[1, 2000], &[3, 65], &[64, 2], &[64]];
    for lengths in all {
        for levels in [1, 0b1000_0000_0000_0001, 0b101] {
            let context = ContextShape { levels: 2, informed: 1, ..shape().context };
            let shape = Shape { lengths: lengths.to_vec(), levels, context, ..shape() };
            let (values, _) = samples(&shape);
            let mut training =
                Training::start(Level::best(), &shape, &Samples { values: &values, weights: None }, 1);
            let trained = training.fit(&Schedule { steps: 20, lambda: 1e-4 }, |_, _| true);
            assert!(trained.loss.total(1e-4).is_finite(), "{shape:?}");
            let counts: Vec<_> = trained.latents.iter().map(|latents| latents.len() as u64).collect();
            let expected: Vec<_> = shape.grids().iter().map(Grid::latents).collect();
            assert_eq!(counts, expected);
        }
    }
}

#[test]
fn errors_of_weight_0_have_no_effect() {
    let shape = Shape { lengths: vec![70, 20], ..shape() };
    let (values, mut weights) = samples(&shape);
    let run = |values: &[f32], weights: &[f32]| {
        let samples = Samples { values, weights: Some(weights) };
        Training::start(Level::best(), &shape, &samples, 1)
            .fit(&Schedule { steps: 8, lambda: 1e-3 }, |_, _| true)
    };
    let of = |values: &[f32]| {
        let mut values = values.to_vec();
        let invisible = weights.iter().enumerate().filter(|(_, weight)| **weight == 0.0);
        invisible.for_each(|(i, _)| values[i] = 0.9);
        values
    };
    let changed = of(&values);
    assert_ne!(changed, values);
    assert_eq!(run(&changed, &weights), run(&values, &weights));
    weights[0] = 1.0;
    assert_ne!(run(&changed, &weights), run(&values, &weights));
}
