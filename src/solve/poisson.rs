//! Poisson's equation on grids of pictures and volumes: fields from their gradients and Laplacians.

use super::{Condition, GradientIs, LaplacianIs, Points, SlopeIs, ValueIs};
use crate::signal::{Description, Signal};

static SLOPES: [SlopeIs; 4] =
    [SlopeIs { axis: 0 }, SlopeIs { axis: 1 }, SlopeIs { axis: 2 }, SlopeIs { axis: 3 }];

/// The field has a given gradient at each native sample of `description`: `samples × channels × axes` slopes per native
/// sample.
pub fn gradient(description: &Description, gradient: Vec<f32>) -> Condition<'static> {
    let points = Points::Given { positions: positions(description), data: gradient };
    Condition { name: "gradient".into(), points, residual: &GradientIs, weight: 1.0 }
}

/// The field has a given Laplacian at each native sample of `description`: `samples × channels` numbers, per native
/// sample and native sample.
pub fn laplacian(description: &Description, laplacian: Vec<f32>) -> Condition<'static> {
    let points = Points::Given { positions: positions(description), data: laplacian };
    Condition { name: "laplacian".into(), points, residual: &LaplacianIs, weight: 1.0 }
}

/// The gradient of the field is that of `signal`: half way between neighbours it is their difference. One condition for
/// each axis of more than one sample.
pub fn gradient_of(signal: &Signal) -> Vec<Condition<'static>> {
    gradient_where(signal, |_| true)
}

/// The gradient of the field is that of `signal` between all neighbours of which `keep` takes at least one: given the
/// number of a sample.
pub fn gradient_where(signal: &Signal, keep: impl Fn(usize) -> bool) -> Vec<Condition<'static>> {
    let description = &signal.description;
    let (axes, channels) = (description.lengths().len(), channels(description));
    let of_axis = |axis: usize| {
        let (mut found, mut data) = (vec![], vec![]);
        each(description, |position, value, stride| {
            let next = value + stride(axis);
            if position[axis] + 1 < description.axes[axis].length
                && (keep(value / channels) || keep(next / channels))
            {
                found.extend(
                    position
                        .iter()
                        .enumerate()
                        .map(|(a, &x)| f64::from(x) + if a == axis { 0.5 } else { 0.0 }),
                );
                let of = |at: usize| signal.samples.get(at);
                data.extend((0..channels).map(|c| of(next + c) - of(value + c)));
            }
        });
        let points = Points::Given { positions: found, data };
        Condition { name: format!("slopes along axis {axis}"), points, residual: &SLOPES[axis], weight: 1.0 }
    };
    let conditions = (0..axes).filter(|&axis| description.axes[axis].length > 1).map(of_axis);
    conditions.filter(|condition| !condition.points.is_empty()).collect()
}

/// The field has the values of `signal` at the samples that `keep` takes: given the number of a sample.
pub fn values_where(signal: &Signal, keep: impl Fn(usize) -> bool) -> Condition<'static> {
    let (description, channels) = (&signal.description, channels(&signal.description));
    let (mut found, mut data) = (vec![], vec![]);
    each(description, |position, value, _| {
        if keep(value / channels) {
            found.extend(position.iter().map(|&x| f64::from(x)));
            data.extend((0..channels).map(|c| signal.samples.get(value + c)));
        }
    });
    let points = Points::Given { positions: found, data };
    Condition { name: "values".into(), points, residual: &ValueIs, weight: 1.0 }
}

/// The Laplacian of the field is that of `signal` at all samples that have neighbours on all sides: the sum of second
/// differences.
pub fn laplacian_of(signal: &Signal) -> Condition<'static> {
    let description = &signal.description;
    let (mut found, mut data) = (vec![], vec![]);
    each(description, |position, value, stride| {
        let inner = |(&x, axis): (&u32, &crate::signal::Axis)| x > 0 && x + 1 < axis.length;
        if position.iter().zip(&description.axes).all(inner) {
            found.extend(position.iter().map(|&x| f64::from(x)));
            let of = |at: usize| signal.samples.get(at);
            data.extend((0..channels(description)).map(|c| {
                let second = |axis: usize| {
                    let by = stride(axis);
                    of(value + c + by) - 2.0 * of(value + c) + of(value + c - by)
                };
                (0..position.len()).map(second).sum::<f32>()
            }));
        }
    });
    let points = Points::Given { positions: found, data };
    Condition { name: "laplacian".into(), points, residual: &LaplacianIs, weight: 1.0 }
}

/// The field has the values of `signal` at its border samples, which have no neighbour on some side.
pub fn border_of(signal: &Signal) -> Condition<'static> {
    let lengths = signal.description.lengths();
    let border = |sample: usize| {
        let mut rest = sample as u64;
        lengths.iter().any(|&length| {
            let x = rest % u64::from(length);
            rest /= u64::from(length);
            x == 0 || x + 1 == u64::from(length)
        })
    };
    Condition { name: "border".into(), ..values_where(signal, border) }
}

/// About the mean of each channel and the largest standard deviation of a channel, over the samples that `keep` takes:
/// offsets and scale of a problem whose field is like `signal`.
pub fn units_of(signal: &Signal, keep: impl Fn(usize) -> bool) -> (Vec<f64>, f64) {
    let channels = channels(&signal.description);
    let kept: Vec<usize> = (0..signal.samples.len() / channels).filter(|&sample| keep(sample)).collect();
    let mean = |of: &dyn Fn(f64) -> f64, c: usize| {
        let values = kept.iter().map(|&sample| of(signal.samples.get(sample * channels + c).into()));
        values.sum::<f64>() / kept.len().max(1) as f64
    };
    let offsets: Vec<f64> = (0..channels).map(|c| mean(&|x| x, c)).collect();
    let variances = (0..channels).map(|c| mean(&|x| (x - offsets[c]).powi(2), c));
    let scale = variances.fold(0.0, f64::max).sqrt();
    // A constant has any scale.
    (offsets, if scale > 0.0 { scale } else { 1.0 })
}

fn channels(description: &Description) -> usize {
    description.channels.into()
}

fn positions(description: &Description) -> Vec<f64> {
    let mut positions = vec![];
    each(description, |position, _, _| positions.extend(position.iter().map(|&x| f64::from(x))));
    positions
}

/// Calls `visit` for each native sample in order: its position, the number of its first channel, and the distance in
/// numbers between neighbours along an axis.
fn each(description: &Description, mut visit: impl FnMut(&[u32], usize, &dyn Fn(usize) -> usize)) {
    let (lengths, channels) = (description.lengths(), channels(description));
    let stride = |axis: usize| lengths[..axis].iter().map(|&n| n as usize).product::<usize>() * channels;
    let mut position = vec![0; lengths.len()];
    for sample in 0..description.positions() as usize {
        visit(&position, sample * channels, &stride);
        for (x, &length) in position.iter_mut().zip(&lengths) {
            *x += 1;
            if *x < length {
                break;
            }
            *x = 0;
        }
    }
}
