//! Writes NetCDF of version 2: a dimension for each axis, with a variable of its coordinates, and a variable for each
//! channel.

use super::{DEFAULT_FILL, NETCDF};
use crate::error::{Error, Result};
use crate::signal::{
    Coordinates, Description, Measure, Metadata, MetadataKind, Positions, SampleFormat, Samples, Signal,
    axis_letters,
};
use std::io::Write;

/// The largest variable, bytes, and its padding.
const LARGEST: u64 = u32::MAX as u64 - 3;
/// The numbers of the types of characters and of binary64.
const CHAR: u32 = 2;
const DOUBLE: u32 = 6;

/// Checks whether a file can hold a signal of `description`.
pub(in crate::media) fn accepts(description: &Description) -> Result<()> {
    let width = u64::from(description.format.bits()).div_ceil(8).next_power_of_two();
    let bytes = description.positions().saturating_mul(width);
    if bytes > LARGEST {
        let detail =
            format!("it cannot hold variables of {bytes} bytes, more than {LARGEST}; NRRD and NPY can");
        return Err(Error::unsupported(NETCDF, detail));
    }
    Ok(())
}

/// Writes a signal. Missing samples become the number that its source had in place of them.
pub(in crate::media) fn write<W: Write>(signal: &Signal, mut writer: W) -> Result<()> {
    let description = &signal.description;
    accepts(description)?;
    let fill = fill(&signal.samples, &signal.metadata);
    let coordinates = Coordinates::of(&signal.metadata, description).unwrap_or_default();
    let (dimensions, mut variables, numbers) = axes(description, &coordinates);
    let axes = variables.len();
    variables.extend(channels(description, &coordinates, &dimensions, fill));

    let mut begin = header(description, &dimensions, &variables).len() as u64;
    for variable in &mut variables {
        variable.begin = begin;
        begin += padded(variable.bytes);
    }
    writer.write_all(&header(description, &dimensions, &variables))?;
    for numbers in &numbers {
        for number in numbers {
            writer.write_all(&number.to_be_bytes())?;
        }
    }
    let channels = variables.len() - axes;
    for (channel, variable) in variables[axes..].iter().enumerate() {
        plane(&signal.samples, channel, channels, fill, &mut writer)?;
        writer.write_all(&[0; 3][..(padded(variable.bytes) - variable.bytes) as usize])?;
    }
    Ok(())
}

/// A variable of the file.
struct Variable {
    name: String,
    /// The numbers of its dimensions, the slowest first.
    dimensions: Vec<u32>,
    attributes: Vec<(&'static str, Attribute)>,
    kind: u32,
    bytes: u64,
    begin: u64,
}

enum Attribute {
    Text(String),
    Single(f32),
}

/// The number in place of missing samples, if there are any: one that no sample has.
fn fill(samples: &Samples, metadata: &[Metadata]) -> Option<f32> {
    let Samples::F32(values) = samples else { return None };
    values.iter().any(|value| value.is_nan()).then(|| {
        let block = metadata.iter().find(|block| block.kind == MetadataKind::Fill);
        let own = block.and_then(|block| block.bytes[..].try_into().ok()).map(f32::from_le_bytes);
        let free = |number: &f32| !values.contains(number);
        own.into_iter().chain([DEFAULT_FILL]).find(free).unwrap_or(f32::NAN)
    })
}

/// The names of the dimensions, the fastest first, and the variables of their coordinates with their numbers.
fn axes(description: &Description, known: &Coordinates) -> (Vec<String>, Vec<Variable>, Vec<Vec<f64>>) {
    let (mut names, mut variables, mut all) = (vec![], vec![], vec![]);
    let count = description.axes.len() as u32;
    let letters = axis_letters(description.axes.iter().map(|axis| axis.measure));
    for ((n, axis), letter) in (0..).zip(&description.axes).zip(letters) {
        let own = known.axes.get(n as usize).cloned().unwrap_or_default();
        names.push(free(&own.label.name, &letter, &names));
        let mut unit = own.label.unit;
        let numbers: Vec<f64> = match (own.positions, axis.measure) {
            (Positions::Uniform { origin, spacing }, _) => {
                (0..axis.length).map(|k| origin + spacing * f64::from(k)).collect()
            }
            (Positions::Listed(numbers), _) => numbers,
            (Positions::None, Measure::Time(Some(rate))) => {
                unit = "s".into();
                (0..axis.length).map(|k| f64::from(k) / rate.hertz()).collect()
            }
            (Positions::None, _) => continue,
        };
        let mut attributes = text("units", &unit);
        if axis.measure != Measure::Other && letter.len() == 1 {
            attributes.extend(text("axis", &letter.to_uppercase()));
        }
        variables.push(Variable {
            name: names[n as usize].clone(),
            dimensions: vec![count - 1 - n],
            attributes,
            kind: DOUBLE,
            bytes: 8 * u64::from(axis.length),
            begin: 0,
        });
        all.push(numbers);
    }
    (names, variables, all)
}

/// The variables of the channels.
fn channels(
    description: &Description,
    known: &Coordinates,
    dimensions: &[String],
    fill: Option<f32>,
) -> Vec<Variable> {
    let (kind, width, unsigned) = match description.format {
        SampleFormat::U8 => (1, 1, true),
        SampleFormat::I8 => (1, 1, false),
        SampleFormat::U16 => (3, 2, true),
        SampleFormat::I16 => (3, 2, false),
        SampleFormat::I24 | SampleFormat::I32 => (4, 4, false),
        SampleFormat::F32 => (5, 4, false),
    };
    let (mut taken, mut variables) = (dimensions.to_vec(), vec![]);
    for channel in 0..usize::from(description.channels) {
        let label = known.channels.get(channel).cloned().unwrap_or_default();
        let usual = if description.channels == 1 { "value".into() } else { format!("c{channel}") };
        let name = free(&label.name, &usual, &taken);
        taken.push(name.clone());
        let mut attributes = text("units", &label.unit);
        attributes.extend(unsigned.then(|| ("_Unsigned", Attribute::Text("true".into()))));
        attributes.extend(fill.map(|fill| ("_FillValue", Attribute::Single(fill))));
        let dimensions = (0..dimensions.len() as u32).collect();
        let bytes = width * description.positions();
        variables.push(Variable { name, dimensions, attributes, kind, bytes, begin: 0 });
    }
    variables
}

/// An attribute of a text, unless it is empty.
fn text(name: &'static str, text: &str) -> Vec<(&'static str, Attribute)> {
    if text.is_empty() { vec![] } else { vec![(name, Attribute::Text(text.into()))] }
}

/// A name of letters, digits and underscores that is not `taken`: `name`, or `usual` if it is empty.
fn free(name: &str, usual: &str, taken: &[String]) -> String {
    let name = if name.is_empty() { usual } else { name };
    let mut own: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    while taken.contains(&own) {
        own.push('_');
    }
    own
}

/// The next multiple of 4.
fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(4)
}

/// The header; `dimensions` are the fastest first.
fn header(description: &Description, dimensions: &[String], variables: &[Variable]) -> Vec<u8> {
    let mut bytes = b"CDF\x02\0\0\0\0".to_vec();
    let put = |bytes: &mut Vec<u8>, number: u32| bytes.extend(number.to_be_bytes());
    let list = |bytes: &mut Vec<u8>, tag: u32, count: usize| {
        put(bytes, if count > 0 { tag } else { 0 });
        put(bytes, count as u32);
    };
    let name = |bytes: &mut Vec<u8>, name: &str| {
        put(bytes, name.len() as u32);
        bytes.extend(name.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    };
    let attribute = |bytes: &mut Vec<u8>, (own, value): &(&str, Attribute)| {
        name(bytes, own);
        match value {
            Attribute::Text(text) => {
                put(bytes, CHAR);
                name(bytes, text);
            }
            Attribute::Single(number) => {
                [5, 1, number.to_bits()].into_iter().for_each(|number| put(bytes, number));
            }
        }
    };
    list(&mut bytes, 10, dimensions.len());
    for (own, axis) in dimensions.iter().zip(&description.axes).rev() {
        name(&mut bytes, own);
        put(&mut bytes, axis.length);
    }
    list(&mut bytes, 12, 1);
    attribute(&mut bytes, &("Conventions", Attribute::Text("CF-1.8".into())));
    list(&mut bytes, 11, variables.len());
    for variable in variables {
        name(&mut bytes, &variable.name);
        put(&mut bytes, variable.dimensions.len() as u32);
        variable.dimensions.iter().for_each(|&number| put(&mut bytes, number));
        list(&mut bytes, 12, variable.attributes.len());
        variable.attributes.iter().for_each(|own| attribute(&mut bytes, own));
        put(&mut bytes, variable.kind);
        put(&mut bytes, padded(variable.bytes) as u32);
        bytes.extend(variable.begin.to_be_bytes());
    }
    bytes
}

/// Writes the samples of one channel.
fn plane(
    samples: &Samples,
    channel: usize,
    channels: usize,
    fill: Option<f32>,
    writer: &mut impl Write,
) -> Result<()> {
    macro_rules! all {
        ($samples:expr, $stored:expr) => {
            for part in $samples.chunks(channels << 12) {
                let plane = part.iter().skip(channel).step_by(channels);
                let bytes: Vec<u8> = plane.flat_map(|&sample| $stored(sample).to_be_bytes()).collect();
                writer.write_all(&bytes)?;
            }
        };
    }
    match samples {
        Samples::U8(v) => all!(v, |sample: u8| sample),
        Samples::I8(v) => all!(v, |sample: i8| sample),
        Samples::U16(v) => all!(v, |sample: u16| sample),
        Samples::I16(v) => all!(v, |sample: i16| sample),
        Samples::I24(v) | Samples::I32(v) => all!(v, |sample: i32| sample),
        Samples::F32(v) => {
            all!(v, |sample: f32| if sample.is_nan() { fill.unwrap_or(sample) } else { sample });
        }
    }
    Ok(())
}
