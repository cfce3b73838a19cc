//! The axes of an NRRD file: which of them is that of channels, what the others measure, and where along them
//! samples lie.

use super::NRRD;
use super::header::{Header, counted};
use crate::error::{Error, Result};
use crate::media::slices::{Slice, Taken, taken};
use crate::media::steps;
use crate::media::stored::{InSignal, StoredAxis};
use crate::signal::{AxisCoordinates, Coordinates, Description, Label, Measure, Positions, axis_letters};

/// The most axes of a file.
const MOST_AXES: usize = 16;

/// The axes of a file.
pub(super) struct Axes {
    /// The length and measure of each axis but that of channels.
    pub samples: Vec<(u64, Measure)>,
    /// The coordinates of each of them.
    coordinates: Vec<AxisCoordinates>,
    pub channels: u64,
    /// The kind of the axis of channels, in lower case.
    pub channel_kind: Option<String>,
    /// The number of axes that are faster than that of channels.
    before: usize,
    /// The unit of the samples.
    unit: String,
}

/// What an axis is.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Channels,
    Space,
    Time,
    Other,
}

impl Axes {
    /// The axes of a header; adds notes on what of them is not kept.
    pub fn of(header: &Header, notes: &mut Vec<String>) -> Result<Self> {
        let dimension = header.require("dimension")?;
        let count =
            dimension.parse().ok().filter(|count| (1..=MOST_AXES).contains(count)).ok_or_else(|| {
                let detail = format!("dimension is {dimension:?}, but 1 to {MOST_AXES} was expected");
                Error::format(NRRD, detail)
            })?;
        let lengths = lengths(header, count)?;
        let directions = header.vectors("spacedirections")?.map(|v| counted("spacedirections", v, count));
        let directions = directions.transpose()?;
        let kinds = header.words("kinds", count)?;
        let kind = |n: usize| kinds.as_ref().map_or("???".into(), |kinds| kinds[n].to_ascii_lowercase());

        let mut roles = vec![];
        for (n, &length) in lengths.iter().enumerate() {
            let directed = directions.as_ref().map(|directions| directions[n].is_some());
            let role = role(&kind(n), n == 0 && length <= Description::MOST_CHANNELS.into(), directed)?;
            let taken = role == Role::Channels && roles.contains(&Role::Channels);
            roles.push(if taken { Role::Other } else { role });
        }
        let positions = positions(header, count, directions, notes)?;
        let channel = roles.iter().position(|&role| role == Role::Channels);
        let mut axes = Axes {
            samples: vec![],
            coordinates: vec![],
            channels: channel.map_or(1, |n| lengths[n]),
            channel_kind: channel.map(kind),
            before: channel.unwrap_or(0),
            unit: header.texts("sampleunits")?.and_then(|texts| texts.into_iter().next()).unwrap_or_default(),
        };
        for ((n, role), mut own) in roles.into_iter().enumerate().zip(positions) {
            let spacing = match own.positions {
                Positions::Uniform { spacing, .. } => Some(spacing),
                _ => None,
            };
            let measure = match role {
                Role::Channels => continue,
                Role::Space => Measure::Space,
                Role::Time => steps::time(spacing, &own.label.unit),
                Role::Other => Measure::Other,
            };
            if is_rate(&own, measure) {
                (own.positions, own.label.unit) = (Positions::None, String::new());
            }
            axes.samples.push((lengths[n], measure));
            axes.coordinates.push(own);
        }
        Ok(axes)
    }

    /// Keeps the part of the axes that `slices` take. Returns the axes of the file, the fastest first.
    pub fn cut(&mut self, slices: &[Slice]) -> Result<Vec<StoredAxis>> {
        let letters = axis_letters(self.samples.iter().map(|&(_, measure)| measure));
        let names = |(axis, letter): (&AxisCoordinates, String)| match axis.label.name.as_str() {
            "" => vec![letter],
            name => vec![name.into(), letter],
        };
        let names = self.coordinates.iter().zip(letters).map(names);
        let axes: Vec<_> = names.zip(self.samples.iter().map(|&(length, _)| length)).collect();
        let parts = taken(slices, &axes)?;
        let mut kept = 0..;
        let mut stored: Vec<_> = axes
            .iter()
            .zip(&parts)
            .map(|(&(_, length), part)| {
                let axis = if part.kept { kept.next() } else { None };
                StoredAxis {
                    length,
                    part: part.range.clone(),
                    becomes: axis.map_or(InSignal::Nothing, InSignal::Axis),
                }
            })
            .collect();
        let channels =
            StoredAxis { length: self.channels, part: 0..self.channels, becomes: InSignal::Channels };
        stored.insert(self.before, channels);
        let known = self.samples.iter().zip(&self.coordinates).zip(&parts);
        let cut = |((&(_, measure), axis), part): ((&(u64, Measure), &AxisCoordinates), &Taken)| {
            let positions = axis.positions.part(&part.range);
            let sample = (part.count(), measure);
            part.kept.then(|| (sample, AxisCoordinates { label: axis.label.clone(), positions }))
        };
        (self.samples, self.coordinates) = known.filter_map(cut).unzip();
        Ok(stored)
    }

    /// The coordinates of a signal of `description`, whose axes these are.
    pub fn coordinates(&self, description: &Description) -> Coordinates {
        let channels = vec![Label::new("", &self.unit); description.channels.into()];
        Coordinates { axes: self.coordinates.clone(), channels }
    }
}

/// Whether the coordinates of an axis say what its rate says: seconds from 0 on.
fn is_rate(axis: &AxisCoordinates, measure: Measure) -> bool {
    let Measure::Time(Some(rate)) = measure else { return false };
    let seconds = Positions::Uniform { origin: 0.0, spacing: 1.0 / rate.hertz() };
    axis.label.unit == "s" && axis.positions == seconds
}

fn lengths(header: &Header, count: usize) -> Result<Vec<u64>> {
    let sizes = header.require("sizes")?.split_whitespace().collect();
    let parsed = counted("sizes", sizes, count)?.into_iter().map(|size| {
        size.parse().map_err(|_| {
            Error::format(NRRD, format!("sizes holds {size:?}, but a length of at least 1 was expected"))
        })
    });
    parsed.collect()
}

/// What an axis of `kind` is. `first` is whether it is the first and short enough for channels; `directed` is
/// whether it has a direction in space, if the file gives directions.
fn role(kind: &str, first: bool, directed: Option<bool>) -> Result<Role> {
    Ok(match kind {
        "space" | "domain" => Role::Space,
        "time" => Role::Time,
        "list" if first => Role::Channels,
        "list" => Role::Other,
        "???" | "none" => match directed {
            Some(false) if first => Role::Channels,
            Some(false) => Role::Other,
            _ => Role::Space,
        },
        "stub"
        | "scalar"
        | "complex"
        | "point"
        | "vector"
        | "covariant-vector"
        | "normal"
        | "2-vector"
        | "3-color"
        | "rgb-color"
        | "hsv-color"
        | "xyz-color"
        | "4-color"
        | "rgba-color"
        | "3-vector"
        | "3-gradient"
        | "3-normal"
        | "4-vector"
        | "quaternion"
        | "2d-symmetric-matrix"
        | "2d-masked-symmetric-matrix"
        | "2d-matrix"
        | "2d-masked-matrix"
        | "3d-symmetric-matrix"
        | "3d-masked-symmetric-matrix"
        | "3d-matrix"
        | "3d-masked-matrix" => Role::Channels,
        _ => {
            let detail = format!(
                "an axis of kind {kind:?}, but space, domain, time, list, vector or a kind of colours or tensors was expected"
            );
            return Err(Error::unsupported(NRRD, detail));
        }
    })
}

/// The coordinates of all `count` axes.
fn positions(
    header: &Header,
    count: usize,
    directions: Option<Vec<Option<Vec<f64>>>>,
    notes: &mut Vec<String>,
) -> Result<Vec<AxisCoordinates>> {
    let labels = header.texts_of_axes("labels", count)?;
    let units = header.texts_of_axes("units", count)?;
    let spacings = header.numbers("spacings", count)?;
    let mins = header.numbers("axismins", count)?;
    let centers = header.words("centers", count)?.or(header.words("centerings", count)?);
    let text = |texts: &Option<Vec<String>>, n: usize| texts.as_ref().map_or(String::new(), |t| t[n].clone());
    let mut axes: Vec<_> = (0..count)
        .map(|n| {
            let spacing = spacings.as_ref().map_or(f64::NAN, |spacings| spacings[n]);
            let min = mins.as_ref().map_or(0.0, |mins| mins[n]);
            let cell = mins.is_some() && centers.as_ref().is_some_and(|centers| centers[n] == "cell");
            let origin = if min.is_nan() { 0.0 } else { min + if cell { spacing / 2.0 } else { 0.0 } };
            let label = Label::new(&text(&labels, n), &text(&units, n));
            AxisCoordinates { label, positions: uniform(origin, spacing) }
        })
        .collect();
    if let Some(directions) = directions {
        direct(header, &directions, &mut axes, notes)?;
    }
    Ok(axes)
}

/// Sets spacings, origins and units from the directions of axes in space.
fn direct(
    header: &Header,
    directions: &[Option<Vec<f64>>],
    axes: &mut [AxisCoordinates],
    notes: &mut Vec<String>,
) -> Result<()> {
    let origin = header.vectors("spaceorigin")?.and_then(|vectors| vectors.into_iter().next().flatten());
    let units = header.texts("spaceunits")?.unwrap_or_default();
    let along: Vec<_> = directions.iter().flatten().map(|direction| only(direction)).collect();
    let distinct = along.iter().enumerate().all(|(n, axis)| axis.is_some() && !along[..n].contains(axis));
    let mut in_space = 0;
    for (axis, direction) in axes.iter_mut().zip(directions) {
        let Some(direction) = direction else { continue };
        let component = if distinct { only(direction) } else { None };
        let start = component.zip(origin.as_ref()).and_then(|(k, origin)| origin.get(k).copied());
        let length = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        axis.positions = uniform(start.unwrap_or(0.0), component.map_or(length, |k| direction[k]));
        if let Some(unit) = units.get(component.unwrap_or(in_space)) {
            axis.label = Label::new(&axis.label.name, unit);
        }
        in_space += 1;
    }
    if !distinct {
        notes.push("its axes are not along the axes of space: only the distances of samples are kept".into());
    }
    Ok(())
}

/// The index of the only component of `direction` that is not 0.
fn only(direction: &[f64]) -> Option<usize> {
    let mut others = direction.iter().enumerate().filter(|&(_, &v)| v != 0.0).map(|(k, _)| k);
    others.next().filter(|_| others.next().is_none())
}

fn uniform(origin: f64, spacing: f64) -> Positions {
    match origin.is_finite() && spacing.is_finite() && spacing != 0.0 {
        true => Positions::Uniform { origin, spacing },
        false => Positions::None,
    }
}
