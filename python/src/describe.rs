//! What a file holds, as plain Python values.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use sirenc::Decoder;
use sirenc::field::Field;
use sirenc::signal::{Coordinates, Description, Kind, Measure, Positions, SampleFormat, axis_letters};

/// An axis: letter, length, measure, rate as a fraction, name, unit, uniform coordinates (of the first sample, and the
/// distance to the next), listed ones.
type Axis =
    (String, u32, &'static str, Option<(u32, u32)>, String, String, Option<(f64, f64)>, Option<Vec<f64>>);

/// The axes, the slowest first.
pub fn axes(decoder: &Decoder) -> Vec<Axis> {
    let description = decoder.description();
    let letters = axis_letters(description.axes.iter().map(|axis| axis.measure));
    let known = Coordinates::of(decoder.metadata(), description).unwrap_or_default().axes;
    let axis = |(a, letter): (usize, String)| {
        let axis = &description.axes[a];
        let (measure, rate) = match axis.measure {
            Measure::Space => ("space", None),
            Measure::Time(rate) => ("time", rate.map(|rate| (rate.numerator(), rate.denominator()))),
            _ => ("other", None),
        };
        let known = known.get(a).cloned().unwrap_or_default();
        let (uniform, listed) = match known.positions {
            Positions::None => (None, None),
            Positions::Uniform { origin, spacing } => (Some((origin, spacing)), None),
            Positions::Listed(numbers) => (None, Some(numbers)),
        };
        (letter, axis.length, measure, rate, known.label.name, known.label.unit, uniform, listed)
    };
    letters.into_iter().enumerate().map(axis).rev().collect()
}

/// What `Field.info` says.
pub fn info<'py>(py: Python<'py>, decoder: &Decoder, bytes: usize) -> PyResult<Bound<'py, PyDict>> {
    let description = decoder.description();
    let info = PyDict::new(py);
    info.set_item("kind", kind(description))?;
    info.set_item("bytes", bytes)?;
    info.set_item("shape", description.lengths().into_iter().rev().collect::<Vec<_>>())?;
    info.set_item("channels", description.channels)?;
    info.set_item("alpha", description.has_alpha())?;
    info.set_item("format", format_name(description.format))?;
    let bits = 8.0 * bytes as f64;
    info.set_item("bits_per_position", bits / description.positions() as f64)?;
    info.set_item("seconds", description.seconds())?;
    let (field, tiles, parameters) = match decoder.field() {
        Field::Siren(siren) => {
            let parameters = siren.networks.iter().map(|network| network.parameters().len() as u64).sum();
            ("siren", siren.networks.len(), parameters)
        }
        Field::Spline(field) => ("spline", 1, field.shape.parameters() as u64 + field.shape.latents()),
        _ => ("other", 1, 0),
    };
    info.set_item("field", field)?;
    info.set_item("tiles", tiles)?;
    info.set_item("parameters", parameters)?;
    info.set_item("has_missing", decoder.missing().is_some())?;
    let kinds: Vec<_> = decoder.metadata().iter().map(|block| block.kind.to_string()).collect();
    info.set_item("metadata", kinds)?;
    let labels = Coordinates::of(decoder.metadata(), description).unwrap_or_default().channels;
    let labels: Vec<_> = labels.into_iter().map(|label| (label.name, label.unit)).collect();
    info.set_item("channel_names", labels)?;
    Ok(info)
}

/// The name of the kind of a signal.
pub fn kind(description: &Description) -> &'static str {
    match description.kind() {
        Kind::Picture => "picture",
        Kind::Sound => "sound",
        Kind::Video => "video",
        Kind::Volume => "volume",
        _ => "field",
    }
}

/// The name of a sample format; that of NumPy where it has one.
pub fn format_name(format: SampleFormat) -> &'static str {
    match format {
        SampleFormat::U8 => "uint8",
        SampleFormat::U16 => "uint16",
        SampleFormat::I8 => "int8",
        SampleFormat::I16 => "int16",
        SampleFormat::I24 => "int24",
        SampleFormat::I32 => "int32",
        _ => "float32",
    }
}
