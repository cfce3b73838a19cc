//! Single parts of the container for the fuzz targets; present under `cfg(fuzzing)` only.

use super::coded;
use super::fields::Fields;
use super::magnitude::{Coder, Context, Reader, Writer};
use super::{QuantizedNetwork, QuantizedSpline, frame, missing, spline};
use crate::error::Result;
use crate::limits::{Limits, Memory};
use crate::network::Shape;
use crate::signal::{Description, Missing};

/// Reads quantized parameters of networks of the same depth: the end of a NETWORK section, after the widths.
///
/// # Errors
/// The errors of reading a file.
pub fn read_coded(bytes: &[u8], shapes: &[Shape]) -> Result<Vec<QuantizedNetwork>> {
    coded::decode(bytes, shapes)
}

/// Writes the bytes that [`read_coded`] reads, with the shape of tables and the order of biases in their
/// first byte, `head`.
///
/// # Errors
/// `Format` if a step index is out of range.
pub fn write_coded(networks: &[QuantizedNetwork], head: u8) -> Result<Vec<u8>> {
    coded::encode_as(networks, head & coded::SORTED != 0, head & !coded::SORTED)
}

/// Reads a field of splines of a signal: the end of a NETWORK section, after the coding.
///
/// # Errors
/// The errors of reading a file.
pub fn read_spline(bytes: &[u8], signal: &Description, limits: &Limits) -> Result<QuantizedSpline> {
    spline::read(Fields::new(bytes, "NETWORK section"), signal, limits, &mut Memory::new(limits), None)
}

/// Writes the bytes that [`read_spline`] reads.
///
/// # Errors
/// `Parameter` for a field that no file can store.
pub fn write_spline(field: &QuantizedSpline, signal: &Description) -> Result<Vec<u8>> {
    spline::write(field, signal)
}

/// Reads a mask of missing samples: the payload of its section.
///
/// # Errors
/// The errors of reading a file.
pub fn read_missing(bytes: &[u8], signal: &Description, limits: &Limits) -> Result<Missing> {
    missing::read(bytes, signal, limits, &mut Memory::new(limits))
}

/// Writes the bytes that [`read_missing`] reads.
///
/// # Errors
/// `Parameter` for a mask of another signal.
pub fn write_missing(mask: &Missing, signal: &Description) -> Result<Vec<u8>> {
    missing::write(mask, signal)
}

/// Reads signed values, each in the context that `contexts` names; all contexts start with a mean of 16.
///
/// # Errors
/// The errors of reading a file.
pub fn read_values(bytes: &[u8], shape: u8, contexts: &[u8]) -> Result<Vec<i32>> {
    let mut reader = Reader::new(bytes, shape)?;
    let values = values(&mut reader, contexts.iter().map(|&context| (context, 0)))?;
    reader.finish()?;
    Ok(values)
}

/// Writes the bytes that [`read_values`] reads, from pairs of a context and a value of a magnitude up to 2²⁰.
///
/// # Errors
/// None.
pub fn write_values(pairs: &[(u8, i32)], shape: u8) -> Result<Vec<u8>> {
    let mut writer = Writer::new(shape);
    values(&mut writer, pairs.iter().copied())?;
    Ok(writer.finish())
}

fn values<C: Coder>(coder: &mut C, pairs: impl Iterator<Item = (u8, i32)>) -> Result<Vec<i32>> {
    let mut contexts = [Context::new(16); 256];
    pairs.map(|(context, value)| coder.signed(&mut contexts[usize::from(context)], value)).collect()
}

/// Opens a Zstandard frame with `size` bytes of content.
///
/// # Errors
/// The errors of reading a file.
pub fn open_frame(bytes: &[u8], size: u64, limits: &Limits) -> Result<Vec<u8>> {
    frame::decompress(bytes, size, "frame", &Memory::new(limits))
}
