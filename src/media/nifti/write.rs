//! Writes NIfTI files: the header of the source, if it was one, for the samples that are written.

use super::header::Header;
use super::{NIFTI, SPACE, TIME};
use crate::error::{Error, Result};
use crate::media::raw;
use crate::signal::{Coordinates, Description, Kind, Measure, Positions, SampleFormat, Samples, Signal};
use std::io::Write;

/// The longest axis of version 1.
const LONGEST: u32 = i16::MAX as u32;

/// Checks whether a file can hold a signal of `description`.
pub(in crate::media) fn accepts(description: &Description) -> Result<()> {
    let refuse = |what: String, instead: &str| {
        Err(Error::unsupported(NIFTI, format!("it cannot hold {what}; {instead} can")))
    };
    if description.kind() == Kind::Sound {
        return refuse("sound".into(), "WAV and NPY");
    }
    if places(description).is_none() {
        return refuse("a signal of these axes".into(), "NRRD and NPY");
    }
    if let Some(length) = description.lengths().into_iter().find(|&length| length > LONGEST) {
        return refuse(format!("an axis of {length} samples, more than {LONGEST}"), "NRRD and NPY");
    }
    Ok(())
}

/// The place of each axis among `x, y, z, t`: up to three of space, then up to one of another measure.
fn places(description: &Description) -> Option<Vec<usize>> {
    let space = description.axes.iter().take_while(|axis| axis.measure == Measure::Space).count();
    let rest = description.axes.len() - space;
    (space <= 3 && rest <= 1).then(|| (0..space).chain((rest == 1).then_some(3)).collect())
}

/// Writes a signal.
pub(in crate::media) fn write<W: Write>(signal: &Signal, mut writer: W) -> Result<()> {
    let description = &signal.description;
    let channels = u64::from(description.channels);
    let colours = matches!((&signal.samples, channels), (Samples::U8(_), 3 | 4));
    let header = header(signal, colours)?;
    writer.write_all(&header.bytes)?;
    let planes = if colours { 1 } else { channels as usize };
    raw::write(&signal.samples, planes, header.big, writer)
}

/// The header of the source, or a new one, for the samples of `signal`.
fn header(signal: &Signal, colours: bool) -> Result<Header> {
    let description = &signal.description;
    accepts(description)?;
    let places = places(description).unwrap_or_default();
    let known = Coordinates::of(&signal.metadata, description).unwrap_or_default();
    let source = Header::of(&signal.metadata);
    let mut header = source.clone().unwrap_or_else(Header::empty);
    let own = header.lengths().unwrap_or_default();

    let (mut starts, mut steps, mut units) = ([0.0; 4], [1.0; 4], (0, 0));
    for (n, &place) in places.iter().enumerate() {
        let length = f64::from(description.axes[n].length);
        let axis = known.axes.get(n);
        let uniform = axis.and_then(|axis| match axis.positions {
            Positions::Uniform { origin, spacing } => Some((origin, spacing)),
            _ => None,
        });
        let step = header.step(place + 1);
        match (uniform, own.get(place)) {
            (Some((origin, spacing)), Some(_)) if step > 0.0 && spacing > 0.0 => {
                (starts[place], steps[place]) = (origin / step, spacing / step);
            }
            // The same extent with other samples.
            (_, Some(&own)) => {
                steps[place] = own as f64 / length;
                starts[place] = 0.5 * steps[place] - 0.5;
            }
            (uniform, None) => header.set_step(place + 1, uniform.map_or(1.0, |(_, spacing)| spacing.abs())),
        }
        let unit = axis.map_or("", |axis| &axis.label.unit);
        let code =
            |names: &[(i64, &str)]| names.iter().find(|&&(_, own)| own == unit).map_or(0, |&(code, _)| code);
        match place {
            3 => units.1 = code(&TIME),
            _ => units.0 = code(&SPACE),
        }
    }
    header.resample(starts, steps);
    if source.is_none() {
        if let (Some(Measure::Time(Some(rate))), 0) =
            (description.axes.last().map(|axis| axis.measure), units.1)
        {
            header.set_step(4, 1.0 / rate.hertz());
            units.1 = 8;
        }
        header.set_units(units);
        if description.channels > 1 && !colours {
            header.set_vector();
        }
    }
    let (code, bits) = datatype(description, colours);
    header.set_samples(&lengths(description, &places, colours), code, bits);
    Ok(header)
}

/// The code and the bits of the data type of a signal.
fn datatype(description: &Description, colours: bool) -> (i64, i64) {
    match description.format {
        SampleFormat::U8 if colours && description.channels == 3 => (128, 24),
        SampleFormat::U8 if colours => (2304, 32),
        SampleFormat::U8 => (2, 8),
        SampleFormat::I8 => (256, 8),
        SampleFormat::U16 => (512, 16),
        SampleFormat::I16 => (4, 16),
        SampleFormat::I24 | SampleFormat::I32 => (8, 32),
        SampleFormat::F32 => (16, 32),
    }
}

/// The lengths of the axes of the file.
fn lengths(description: &Description, places: &[usize], colours: bool) -> Vec<u64> {
    let mut lengths = vec![1; places.last().map_or(1, |last| last + 1)];
    for (&place, axis) in places.iter().zip(&description.axes) {
        lengths[place] = axis.length.into();
    }
    if description.channels > 1 && !colours {
        lengths.resize(4, 1);
        lengths.push(description.channels.into());
    }
    lengths
}
