//! Slopes against differences of the loss in binary64.

use super::plain::Field;
use super::*;
use crate::fit::spline::networks;

const LAMBDA: f64 = 0.01;

/// A training with random latents and tensors.
fn disturbed(level: Level, shape: &Shape, samples: &Samples<'_>) -> Training {
    let mut training = Training::start(level, shape, samples, 2);
    training.every = 1;
    let mut rng = fastrand::Rng::with_seed(9);
    let mut next = move || 2.0 * rng.f32() - 1.0;
    training.tensors.iter_mut().flatten().for_each(|w| *w += 0.08 * next());
    for grid in &mut training.grids {
        let (layout, mut planes) = (grid.layout, grid.rounded.chunks_exact_mut(grid.layout.len()));
        planes.by_ref().for_each(|plane| {
            for y in 0..layout.rows {
                plane[layout.row(y)..][..layout.columns].iter_mut().for_each(|q| *q = 3.0 * next());
            }
        });
    }
    training
}

/// The numbers of a grid without what is around them.
fn numbers(layout: Padded, grid: &[f32]) -> Vec<f32> {
    let rows = |plane: &'_ [f32]| -> Vec<f32> {
        (0..layout.rows).flat_map(|y| plane[layout.row(y)..][..layout.columns].to_vec()).collect()
    };
    grid.chunks_exact(layout.len()).flat_map(rows).collect()
}

fn field<'a>(shape: &'a Shape, training: &Training) -> Field<'a> {
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let latents = training.grids.iter().map(|grid| wide(numbers(grid.layout, &grid.rounded)));
    let tensors = networks::to_file(shape, &training.tensors).into_iter().map(wide);
    Field { shape, latents: latents.collect(), tensors: tensors.collect() }
}

/// The central difference of `loss` by number `i` of vector `n` that `part` names.
fn difference<'a>(
    field: &mut Field<'a>,
    part: for<'b> fn(&'b mut Field<'a>) -> &'b mut Vec<Vec<f64>>,
    (n, i): (usize, usize),
    loss: &dyn Fn(&Field<'_>) -> f64,
) -> f64 {
    // So small that no activation changes its sign in between.
    const H: f64 = 1e-7;
    let at = part(field)[n][i];
    part(field)[n][i] = at + H;
    let above = loss(field);
    part(field)[n][i] = at - H;
    let below = loss(field);
    part(field)[n][i] = at;
    (above - below) / (2.0 * H)
}

/// Asserts that two gradients are equal but for rounding in binary32.
fn assert_close(got: &[f64], expected: &[f64], what: &str) {
    let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= 2e-5 * norm + 1e-7,
            "{what} {i}: {got}, expected {expected} of {norm}"
        );
    }
}

fn check(shape: &Shape) {
    let (values, weights) = samples(shape);
    let samples = Samples { values: &values, weights: Some(&weights) };
    let loss = |field: &Field<'_>| {
        field.squared_error(&values, &weights) + LAMBDA * field.bits().iter().sum::<f64>()
    };
    let mut field = field(shape, &disturbed(Level::best(), shape, &samples));
    let all = |vectors: &[Vec<f64>]| -> Vec<(usize, usize)> {
        vectors.iter().enumerate().flat_map(|(n, of)| (0..of.len()).map(move |i| (n, i))).collect()
    };
    let by_latents: Vec<f64> = all(&field.latents)
        .into_iter()
        .map(|at| difference(&mut field, |field| &mut field.latents, at, &loss))
        .collect();
    let by_tensors: Vec<f64> = all(&field.tensors)
        .into_iter()
        .map(|at| difference(&mut field, |field| &mut field.tensors, at, &loss))
        .collect();
    for level in Level::available() {
        let mut training = disturbed(level, shape, &samples);
        let (got, slopes) = training.slopes(LAMBDA as f32);
        let (error, bits) = (field.squared_error(&values, &weights), field.bits());
        assert!((got.squared_error / error - 1.0).abs() < 1e-4, "{level:?} {} {error}", got.squared_error);
        for (got, expected) in got.bits.iter().zip(&bits) {
            assert!((got / expected - 1.0).abs() < 1e-4, "{level:?} {got} {expected}");
        }
        // The trainer's units are an affine map of the file's, so differences of any size are slopes.
        let unit = training.tensors.iter().map(Vec::len).enumerate();
        let unit: Vec<_> = unit.flat_map(|(n, length)| (0..length).map(move |i| (n, i))).collect();
        let file = networks::to_file(shape, &training.tensors);
        let expected = unit.iter().map(|&(n, i)| {
            let mut moved = training.tensors.clone();
            moved[n][i] += 1.0;
            let moved = networks::to_file(shape, &moved);
            let steps = moved.iter().flatten().zip(file.iter().flatten()).map(|(a, b)| f64::from(a - b));
            steps.zip(&by_tensors).map(|(step, slope)| step * slope).sum::<f64>()
        });
        let expected: Vec<f64> = expected.collect();
        let mut from = 0;
        for (n, slopes) in slopes.iter().enumerate() {
            let got: Vec<f64> = slopes.iter().map(|&x| x.into()).collect();
            assert_close(&got, &expected[from..][..got.len()], &format!("{level:?} {shape:?} tensor {n}"));
            from += got.len();
        }
        let mut from = 0;
        for (n, (grid, gradient)) in training.grids.iter().zip(&training.gradients).enumerate() {
            let got: Vec<f64> = numbers(grid.layout, gradient).into_iter().map(f64::from).collect();
            assert_close(&got, &by_latents[from..][..got.len()], &format!("{level:?} {shape:?} grid {n}"));
            from += got.len();
        }
    }
}

fn context(levels: u16, informed: u16, neighbours: usize, combinations: usize) -> ContextShape {
    ContextShape { levels, informed, neighbours, earlier: 0, combinations }
}

#[test]
fn of_a_colour_picture() {
    let context = context(0b110, 0b11, 12, 2);
    check(&Shape { lengths: vec![19, 13], levels: 0b111, width: 5, context, ..shape() });
}

#[test]
fn of_a_grey_picture_with_few_inputs_and_a_gap_between_levels() {
    let context = context(0b1000, 0b11, 3, 1);
    let lengths = vec![11, 17];
    check(&Shape { lengths, outputs: 1, levels: 0b10011, layers: 1, width: 7, context, ..shape() });
}

#[test]
fn of_four_channels_and_four_layers() {
    let context = context(0, 0, 5, 0);
    check(&Shape { lengths: vec![67, 3], outputs: 4, levels: 0b11, layers: 4, width: 3, context, ..shape() });
}

#[test]
fn of_a_sound() {
    let context = context(0b100, 0b101, 12, 3);
    check(&Shape { lengths: vec![83], outputs: 2, levels: 0b1101, width: 4, context, ..shape() });
}

#[test]
fn of_a_video() {
    let context = ContextShape { levels: 0b100, informed: 0b11, neighbours: 5, earlier: 7, combinations: 2 };
    let slow = vec![Slow { levels: 0b110, further: [2, 0] }, Slow { levels: 0b1, further: [1, 0] }];
    let further = Further { delays: [1, 0], slow };
    check(&Shape {
        lengths: vec![9, 7, 5],
        outputs: 2,
        levels: 0b111,
        further,
        width: 4,
        context,
        ..shape()
    });
}

#[test]
fn of_a_volume_in_time() {
    let context = ContextShape { levels: 0, informed: 0b1, neighbours: 3, earlier: 8, combinations: 1 };
    let further = Further { delays: [0, 15], slow: vec![Slow { levels: 0b10, further: [0, 2] }] };
    check(&Shape {
        lengths: vec![6, 5, 3, 4],
        outputs: 1,
        levels: 0b11,
        further,
        width: 3,
        context,
        ..shape()
    });
}

#[test]
fn of_soft_rounding() {
    let shape = Shape { lengths: vec![40, 9], levels: 0b11, context: context(0, 0, 12, 0), ..shape() };
    let (values, _) = samples(&shape);
    for level in Level::available() {
        let mut training = Training::start(level, &shape, &Samples { values: &values, weights: None }, 2);
        let mut rounded = |offset: f32| {
            for grid in &mut training.grids {
                grid.latents
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, y)| *y = 0.037 * i as f32 % 5.0 - 2.3 + offset);
            }
            training.round(0.2, 0.1, 160);
            let at = |of: fn(&crate::fit::spline::pyramid::Grid) -> &[f32]| -> Vec<f32> {
                training
                    .grids
                    .iter()
                    .flat_map(|grid| &of(grid)[grid.layout.row(0)..][..grid.layout.columns])
                    .copied()
                    .collect()
            };
            [at(|grid| &grid.rounded), at(|grid| &grid.slopes)]
        };
        const H: f32 = 1e-3;
        let ([below, _], [_, slopes], [above, _]) = (rounded(-H), rounded(0.0), rounded(H));
        for (i, slope) in slopes.iter().enumerate() {
            let difference = (above[i] - below[i]) / (2.0 * H);
            assert!(
                (slope - difference).abs() < 5e-3 * slope.max(1.0),
                "{level:?}: {slope}, expected {difference}"
            );
        }
        assert!(slopes.iter().any(|&slope| slope > 1.5) && slopes.iter().any(|&slope| slope < 0.5));
    }
}
