//! Poisson's equation on grids of pictures and volumes: fields from their gradients and Laplacians.
//!
//! What is known on a grid holds between its points too, as the quintic spline through them: equations at the points alone leave
//! a network free between them, and the integral of a Laplacian at that.

use super::{Condition, GradientIs, Interpolant, LaplacianIs, Points, Residual, SlopeIs, ValueIs, grid};
use crate::error::Result;
use crate::network::Jet;
use crate::signal::{Description, Signal};
use std::ops::Range;

static SLOPES: [SlopeIs; 4] =
    [SlopeIs { axis: 0 }, SlopeIs { axis: 1 }, SlopeIs { axis: 2 }, SlopeIs { axis: 3 }];

/// The field has a given gradient: `samples × channels × axes` slopes per native sample.
///
/// # Errors
/// `Parameter` for another number of slopes, or one that is not finite.
pub fn gradient(description: &Description, gradient: Vec<f32>) -> Result<Condition<'static>> {
    let numbers = channels(description) * description.axes.len();
    let data = Interpolant::new(&description.lengths(), numbers, gradient)?;
    Ok(everywhere("gradient", description, (data, Jet::Value), &GradientIs))
}

/// The field has a given Laplacian: `samples × channels` numbers, per native sample and native sample. It has the values of
/// `border` at its border samples, or else no slope across the border, and then the mean of the Laplacian, which asks for one, is
/// left out.
///
/// Of the error of the Laplacian, low frequencies are what values depend on, and too small to be seen beside the others: an error
/// of the values of frequency ω is ω² times smaller there. So its norm in H⁻¹ counts too, in which all frequencies of the
/// gradient count alike: the distance of the gradient from that of a field on the grid which has the Laplacian.
///
/// # Errors
/// As of [`gradient`].
pub fn laplacian(
    description: &Description,
    laplacian: &[f32],
    border: Option<&Signal>,
) -> Result<Vec<Condition<'static>>> {
    let (lengths, channels) = (description.lengths(), channels(description));
    // Refuses what is not finite, or of another number.
    Interpolant::new(&lengths, channels, laplacian.to_vec())?;
    let mut potential = grid::potential(&lengths, channels, laplacian);
    if let Some(signal) = border {
        grid::fix_border(&lengths, channels, &mut potential, |number| signal.samples.get(number).into());
    }
    let potential = potential.into_iter().map(|x| x as f32).collect();
    let potential = Interpolant::new(&lengths, channels, potential)?;
    let norm =
        everywhere("norm of low frequencies", description, (potential.clone(), Jet::Gradient), &GradientIs);
    let laplacian = everywhere("laplacian", description, (potential, Jet::Laplacian), &LaplacianIs);
    Ok([laplacian, norm].into_iter().chain(border.map(border_of)).collect())
}

/// The gradient of the field is that of the quintic spline through `signal`.
///
/// # Errors
/// `Parameter` if a sample is not finite.
pub fn gradient_of(signal: &Signal) -> Result<Condition<'static>> {
    let data = (Interpolant::of(signal)?, Jet::Gradient);
    Ok(everywhere("gradient", &signal.description, data, &GradientIs))
}

/// The Laplacian of the field is that of `signal`: at its samples the sum of second differences along the axes, mirrored at
/// the border. With `border` it has the values of the signal there.
///
/// # Errors
/// `Parameter` if a sample is not finite.
pub fn laplacian_of(signal: &Signal, border: bool) -> Result<Vec<Condition<'static>>> {
    let (description, mut differences) = (&signal.description, vec![]);
    each(description, |position, value, stride| {
        let second = |axis: usize, c: usize| {
            let (x, by, last) = (position[axis], stride(axis), description.axes[axis].length - 1);
            if last == 0 {
                return 0.0;
            }
            let before = if x > 0 { value - by } else { value + by };
            let after = if x < last { value + by } else { value - by };
            let of = |number: usize| signal.samples.get(number + c);
            of(before) - 2.0 * of(value) + of(after)
        };
        differences.extend(
            (0..channels(description)).map(|c| (0..position.len()).map(|axis| second(axis, c)).sum::<f32>()),
        );
    });
    laplacian(description, &differences, border.then_some(signal))
}

/// A condition of [`gradient_of`] or [`laplacian_of`] at the native samples alone: to measure a field.
pub fn at_samples(condition: &Condition<'static>, description: &Description) -> Condition<'static> {
    let (positions, mut data) = (positions(description), vec![]);
    if let Points::Interpolated { data: signal, of, .. } = &condition.points {
        let points = positions.chunks_exact(description.axes.len());
        points.for_each(|position| signal.numbers(*of, position, |x| data.push(x)));
    }
    let name = format!("{} at samples", condition.name);
    Condition { name, points: Points::Given { positions, data }, ..*condition }
}

/// A condition between the first and the last sample of each axis.
fn everywhere(
    name: &str,
    description: &Description,
    (data, of): (Interpolant, Jet),
    residual: &'static dyn Residual,
) -> Condition<'static> {
    let side = |length: u32| if length > 1 { 0.0..f64::from(length - 1) } else { -0.5..0.5 };
    let region: Vec<Range<f64>> = description.lengths().into_iter().map(side).collect();
    Condition { name: name.into(), points: Points::Interpolated { region, data, of }, residual, weight: 1.0 }
}

/// The gradient of the field is that of `signal` between all neighbours of which `keep` takes at least one, given the number
/// of a sample: half way between neighbours it is their difference.
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
