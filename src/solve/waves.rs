//! Waves on a square: of one frequency from point sources, and in time from a pulse.
//!
//! The square spans −1 to 1 along both axes, whatever the number of samples; wavenumbers are in radians per unit.

use super::{
    Condition, Helmholtz, Interpolant, Outgoing, PointSource, Points, Problem, Pulse, SlopeIs, Wave,
};
use crate::network::Jet;
use crate::signal::{Axis, Description, SampleFormat};
use std::ops::Range;

/// Standard deviations of a source within which it is sampled densely.
const REACH: f64 = 4.0;

/// Weights of the wave equation, relative to the square of the frames, and of the values at the start.
const EQUATION: f64 = 1.0;
const PULSE: f64 = 100.0;

/// The most sources of a field.
pub const MOST_SOURCES: usize = (Description::MOST_CHANNELS as usize - 1) / 2;

/// About the deviation of the waves of a point.
const SCALE: f64 = 0.1;

/// Waves of one frequency: channels are the real and the imaginary part of those of each source. `velocity` has a sample for each
/// of the field.
///
/// # Panics
/// For more than [`MOST_SOURCES`].
pub fn frequency_domain<'a>(equation: &'a Helmholtz, velocity: Option<&Interpolant>) -> Problem<'a> {
    field_of_one_frequency(equation, waves_of_one_frequency(equation, velocity))
}

/// A field with the channels of an equation.
pub(super) fn field_of_one_frequency<'a>(
    equation: &Helmholtz,
    conditions: Vec<Condition<'a>>,
) -> Problem<'a> {
    let sources = equation.sources.len();
    assert!(sources <= MOST_SOURCES, "{sources} sources, expected at most {MOST_SOURCES}");
    let channels = 2 * sources as u8 + u8::from(equation.seeks_velocity);
    let axes = equation.lengths.map(Axis::other).to_vec();
    let description = Description { axes, channels, format: SampleFormat::F32 };
    Problem { scale: SCALE, ..Problem::new(description, conditions) }
}

/// The conditions of waves of one frequency: the equation everywhere, and densely around each source.
pub(super) fn waves_of_one_frequency<'a>(
    equation: &'a Helmholtz,
    velocity: Option<&Interpolant>,
) -> Vec<Condition<'a>> {
    let points = |region: Vec<Range<f64>>| match velocity {
        None => Points::Random(region),
        Some(velocity) => Points::Interpolated { region, data: velocity.clone(), of: Jet::Value },
    };
    let all: Vec<Range<f64>> = equation.lengths.iter().map(|&side| whole(side)).collect();
    let area: f64 = equation.lengths.iter().map(|&side| f64::from(side)).product();
    let everywhere =
        Condition { name: "equation".into(), points: points(all), residual: equation, weight: 1.0 };
    let around = |(n, source): (usize, &PointSource)| {
        let side = |(&length, &at): (&u32, &f64)| near(length, at, REACH * source.radius);
        let region: Vec<Range<f64>> = equation.lengths.iter().zip(&source.position).map(side).collect();
        let part = region.iter().map(|side| side.end - side.start).product::<f64>() / area;
        Condition { name: format!("source {n}"), points: points(region), residual: equation, weight: part }
    };
    [everywhere].into_iter().chain(equation.sources.iter().enumerate().map(around)).collect()
}

/// Waves in time from a pulse at rest.
#[derive(Clone, Copy, Debug)]
pub struct Pulsed {
    /// The equation.
    pub wave: Wave,
    /// The value at the first sample of time.
    pub pulse: Pulse,
    /// No slope along time there.
    pub rest: SlopeIs,
    /// The four borders.
    pub borders: [Outgoing; 4],
    /// Length of the axes x, y, t, native samples.
    pub lengths: [u32; 3],
}

impl Pulsed {
    /// On `side × side` samples and `frames` of time, `duration` units of time in all, at velocity 1 where nothing else is
    /// said. `source` and `radius` of the pulse are in units of the square.
    pub fn new(side: u32, frames: u32, duration: f64, source: [f64; 2], radius: f64) -> Self {
        let per_unit = f64::from(side) / 2.0;
        let velocity = duration / f64::from(frames.max(2) - 1) * per_unit;
        let position = source.map(|x| sample_of(side, x));
        let border = |axis, at_end| Outgoing { velocity, axis, at_end };
        Pulsed {
            wave: Wave { velocity },
            pulse: Pulse { position, radius: radius * per_unit },
            rest: SlopeIs { axis: 2 },
            borders: [border(0, false), border(0, true), border(1, false), border(1, true)],
            lengths: [side, side, frames],
        }
    }

    /// A field of one channel on axes x, y and t.
    pub fn description(&self) -> Description {
        let [x, y, frames] = self.lengths;
        let axes = vec![Axis::space(x), Axis::space(y), Axis::time(frames, None)];
        Description { axes, channels: 1, format: SampleFormat::F32 }
    }

    /// The equation everywhere and more densely the nearer the pulse, the pulse and its rest at the start, and what the borders
    /// let out. `velocity` has a factor of
    /// the velocity for each sample of x and y.
    pub fn conditions(&self, velocity: Option<&Interpolant>) -> Vec<Condition<'_>> {
        let points = |region: Vec<Range<f64>>| match velocity {
            None => Points::Random(region),
            Some(velocity) => Points::Interpolated { region, data: velocity.clone(), of: Jet::Value },
        };
        let [x, y] = [self.lengths[0], self.lengths[1]].map(whole);
        let last = f64::from(self.lengths[2] - 1);
        let start = || Points::Random(vec![x.clone(), y.clone(), 0.0..0.0]);
        let reach = REACH * self.pulse.radius;
        let [near_x, near_y] = [0, 1].map(|axis| near(self.lengths[axis], self.pulse.position[axis], reach));
        let part = (near_x.end - near_x.start) * (near_y.end - near_y.start)
            / ((x.end - x.start) * (y.end - y.start));
        let condition = |name: &str, points: Points, residual, weight: f64| Condition {
            name: name.into(),
            points,
            residual,
            weight,
        };
        // An error of the equation acts as long as the waves last.
        let lasting = EQUATION * last * last;
        let mut conditions = vec![
            condition("equation", points(vec![x.clone(), y.clone(), 0.0..last]), &self.wave, lasting),
            condition("pulse", start(), &self.pulse, PULSE),
            condition(
                "around the pulse",
                Points::Random(vec![near_x, near_y, 0.0..0.0]),
                &self.pulse,
                PULSE * part,
            ),
            condition("rest", start(), &self.rest, last),
        ];
        // Where the waves are at first they are strong: boxes of twice the side and time each.
        let volume = (x.end - x.start) * (y.end - y.start) * last.max(1.0);
        let mut reach = 2.0 * reach;
        loop {
            let time = (reach / self.wave.velocity).min(last);
            let [near_x, near_y] =
                [0, 1].map(|axis| near(self.lengths[axis], self.pulse.position[axis], reach));
            let part = (near_x.end - near_x.start) * (near_y.end - near_y.start) * time / volume;
            if part > 0.3 {
                break;
            }
            let name = format!("equation within {reach:.1} samples");
            conditions.push(condition(
                &name,
                points(vec![near_x, near_y, 0.0..time]),
                &self.wave,
                lasting * part.sqrt(),
            ));
            reach *= 2.0;
        }
        for border in &self.borders {
            let mut region = vec![x.clone(), y.clone(), 0.0..last];
            let side = &mut region[border.axis];
            *side = if border.at_end { side.end..side.end } else { side.start..side.start };
            conditions.push(condition("border", points(region), border, last * 0.25));
        }
        conditions
    }
}

/// The native sample at a coordinate of the square.
pub fn sample_of(side: u32, x: f64) -> f64 {
    0.5 * (f64::from(side) * (x + 1.0) - 1.0)
}

/// All positions of an axis.
pub(super) fn whole(length: u32) -> Range<f64> {
    -0.5..f64::from(length) - 0.5
}

/// The positions of an axis within a distance of one.
fn near(length: u32, at: f64, distance: f64) -> Range<f64> {
    let Range { start, end } = whole(length);
    (at - distance).clamp(start, end)..(at + distance).clamp(start, end)
}
