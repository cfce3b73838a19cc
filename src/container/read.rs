//! From bytes to [`File`]: limit, decode, validate; every byte must be accounted for.

use super::fields::Fields;
use super::section::{self, Section};
use super::stored::Scalar;
use super::{
    File, LayerSteps, MAX_DEPTH, MAX_WIDTH, Networks, QuantizedNetwork, SPLINE, Stored, coded, header,
    metadata, missing, spline, stored,
};
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::limits::{Amount, Limits, Memory, bytes_of, try_vec};
use crate::network::{Network, Shape};
use crate::signal::{Description, Missing, Region, Tiles};
use std::io::Read;
use std::num::Saturating;
use std::ops::Add;

const NETWORK: &str = "NETWORK section";

/// Bytes needed to read any file: the list of sections, the tables of the entropy decoder, a message.
const SCRATCH: Amount = Saturating(64 << 10);
/// A vector that grows to `n` bytes has held less than `GROWTH · n`, old and new buffer together.
const GROWTH: u64 = 3;

/// Reads a file to its end.
///
/// # Errors
/// `Io` if `reader` fails, `Limit` if the file would cost more than `limits`, `Format` if it breaks the
/// specification, `Unsupported` for a version, a critical section or a kind of signal this crate does not
/// know.
///
/// # Examples
/// ```
/// use sirenc::{Limits, container};
///
/// # fn main() -> sirenc::Result<()> {
/// let bytes = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
/// let file = container::read(&bytes[..], &Limits::default())?;
/// if let Some((tiles, networks)) = file.field.siren() {
///     for (shape, number) in networks.shapes().iter().zip(0..) {
///         println!("tile {number} at {:?}: {} parameters", tiles.tile(number), shape.parameters());
///     }
///     assert_eq!(tiles.len(), 4);
/// }
/// # Ok(())
/// # }
/// ```
pub fn read<R: Read>(reader: R, limits: &Limits) -> Result<File> {
    let mut bytes = vec![];
    let most = limits.file_bytes.min(limits.memory_bytes / GROWTH);
    // One byte more than allowed, so that a file that is too long is detected.
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Limits::check(
        "bytes of memory",
        (Saturating(bytes.len() as u64) * Saturating(GROWTH)).0,
        limits.memory_bytes,
    )?;
    parse(&bytes, limits)
}

/// Reads a file from memory.
///
/// # Errors
/// The errors of [`read`], except `Io`.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<File> {
    parse_part(bytes, limits, |_| Ok(None)).map(|(file, _)| file)
}

/// Reads what values in a region depend on, which `region` chooses; returns the region if that is not the whole
/// file: the latents of a spline field are then 0 elsewhere.
///
/// # Errors
/// The errors of [`parse`] and of `region`.
pub(crate) fn parse_part(
    bytes: &[u8],
    limits: &Limits,
    region: impl FnOnce(&Description) -> Result<Option<Region>>,
) -> Result<(File, Option<Region>)> {
    Limits::check("file bytes", bytes.len() as u64, limits.file_bytes)?;
    let mut memory = Memory::new(limits);
    memory.hold(Saturating(bytes.len() as u64) + SCRATCH)?;
    let sections = section::split(bytes)?;
    if let Some(unknown) = sections.iter().find(|s| !is_known(s.number) && !section::is_ancillary(s.number)) {
        return Err(Error::unsupported(".siren", format!("critical section {:#04x}", unknown.number)));
    }
    let description = super::signal::read_signal(required(&sections, section::SIGNAL, "no SIGNAL section")?)?;
    let tiles = find(&sections, section::TILES)
        .map(|payload| header::read_tiles(payload, &description, limits))
        .transpose()?;
    let metadata = match find(&sections, section::METADATA) {
        Some(payload) => metadata::read(payload, limits, &mut memory)?,
        None => vec![],
    };
    let units = find(&sections, section::UNITS)
        .map(|payload| header::read_units(payload, &description))
        .transpose()?;
    let missing = find(&sections, section::MISSING)
        .map(|payload| missing::read(payload, &description, limits, &mut memory))
        .transpose()?;
    let network = required(&sections, section::NETWORK, "no NETWORK section")?;
    // The check of parameters computes products in floating point.
    let region = region(&description)?;
    let field = ieee(|| read_field(network, &description, tiles, limits, memory, region.as_ref()))?;
    let in_blocks = matches!(&field, Stored::Spline(field) if field.blocks > 0);
    Ok((File { description, units, missing, field, metadata }, region.filter(|_| in_blocks)))
}

fn is_known(number: u8) -> bool {
    use section::{METADATA, MISSING, NETWORK, SIGNAL, TILES, UNITS};
    [SIGNAL, TILES, UNITS, MISSING, NETWORK, METADATA].contains(&number)
}

fn find<'a>(sections: &[Section<'a>], number: u8) -> Option<&'a [u8]> {
    sections.iter().find(|s| s.number == number).map(|s| s.payload)
}

fn required<'a>(sections: &[Section<'a>], number: u8, otherwise: &str) -> Result<&'a [u8]> {
    find(sections, number).ok_or_else(|| Error::format(".siren", otherwise))
}

/// Reads the NETWORK section: its coding and what follows.
fn read_field(
    payload: &[u8],
    signal: &Description,
    tiles: Option<Tiles>,
    limits: &Limits,
    mut memory: Memory,
    region: Option<&Region>,
) -> Result<Stored> {
    let mut fields = Fields::new(payload, NETWORK);
    match fields.u8("coding")? {
        SPLINE if tiles.is_some() => Err(fields.error("splines in tiles, expected no TILES section")),
        SPLINE => Ok(Stored::Spline(spline::read(fields, signal, limits, &mut memory, region)?)),
        coding => {
            let tiles = tiles.unwrap_or_else(|| Tiles::one(signal));
            let networks = read_networks(coding, fields, signal, &tiles, limits, memory)?;
            Ok(Stored::Siren { tiles, networks })
        }
    }
}

/// Reads the networks of tiles: hidden layers, the width of each tile's network, parameters.
fn read_networks(
    coding: u8,
    mut fields: Fields<'_>,
    signal: &Description,
    tiles: &Tiles,
    limits: &Limits,
    mut memory: Memory,
) -> Result<Networks> {
    let layers = fields.u8("hidden layers")?;
    if layers == 0 || layers > MAX_DEPTH {
        return Err(fields.error(format!("{layers} hidden layers, expected 1 to {MAX_DEPTH}")));
    }
    let count = Saturating(tiles.len() as u64);
    memory.hold(bytes_of::<Shape>(count))?;
    let (mut shapes, mut parameters) = (try_vec(tiles.len())?, Saturating(0));
    for _ in 0..tiles.len() {
        let shape = Shape {
            inputs: signal.axes.len(),
            outputs: usize::from(signal.channels),
            layers: usize::from(layers),
            width: fields.varint_in("width", 1, MAX_WIDTH)? as usize,
        };
        parameters += shape.parameters() as u64;
        shapes.push(shape);
    }
    Limits::check("parameters", parameters.0, limits.parameters)?;
    memory.hold(networks_bytes(count, layers, parameters))?;
    let coded = fields.rest();
    match coding {
        0 => Ok(Networks::Quantized(coded::decode(coded, &shapes)?)),
        1 => Ok(Networks::Half(stored::decode(coded, &shapes, Scalar::Half, &memory)?)),
        2 => Ok(Networks::Single(stored::decode(coded, &shapes, Scalar::Single, &memory)?)),
        _ => Err(fields.unknown("coding", coding, "0 to 3")),
    }
}

impl File {
    /// Bytes of memory of an opened file, including its field in binary32.
    pub(crate) fn memory_bytes(&self) -> Amount {
        let size = |n: usize| Saturating(n as u64);
        let field = match &self.field {
            Stored::Siren { networks, .. } => {
                let shapes = || networks.each_shape();
                let parameters = shapes().map(|s| size(s.parameters())).fold(Saturating(0), Add::add);
                let layers = shapes().next().map_or(0, |s| s.layers as u8);
                networks_bytes(size(shapes().count()), layers, parameters)
            }
            Stored::Spline(field) => spline::bytes(&field.shape, field.blocks),
        };
        let metadata =
            self.metadata.iter().map(|block| size(block.bytes.len())).fold(Saturating(0), Add::add);
        let missing = Saturating(self.missing.as_ref().map_or(0, Missing::bytes));
        field + metadata + missing + SCRATCH
    }
}

/// Bytes of the networks of a file: as stored, at most with steps and symbols, and in binary32 as
/// [`Networks::decode`] returns them.
fn networks_bytes(tiles: Amount, layers: u8, parameters: Amount) -> Amount {
    let steps = bytes_of::<LayerSteps>(Saturating(u64::from(layers)) + Saturating(1));
    let tile = bytes_of::<QuantizedNetwork>(Saturating(1)) + steps + bytes_of::<Network>(Saturating(1));
    tiles * tile + bytes_of::<i32>(parameters) + bytes_of::<f32>(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    /// The part of a NETWORK section that is rejected; its parameters are missing.
    fn refused(payload: &[u8]) -> &'static str {
        let signal = Description::picture([3, 2], 1, SampleFormat::U8);
        let limits = Limits::default();
        match read_field(payload, &signal, None, &limits, Memory::new(&limits), None) {
            Err(Error::Format { what, .. } | Error::Unsupported { what, .. }) => what,
            other => panic!("{payload:x?}: {other:?}"),
        }
    }

    /// Every coding with every number of layers.
    #[test]
    fn exactly_the_possible_codings_and_depths_are_read() {
        for (coding, layers) in (0..=255u8).flat_map(|coding| (0..=255u8).map(move |layers| (coding, layers)))
        {
            let parameters = match coding {
                0 => "coded parameters",
                1 | 2 => "stored parameters",
                _ => NETWORK,
            };
            let expected = if (1..=64).contains(&layers) { parameters } else { NETWORK };
            assert_eq!(refused(&[coding, layers, 1]), expected, "{coding} {layers}");
        }
    }

    /// Every string of two bytes as a width.
    #[test]
    fn exactly_the_possible_widths_are_read() {
        for (low, high) in (0..=255u8).flat_map(|low| (0..=255u8).map(move |high| (low, high))) {
            let width = u32::from(low & 0x7f) | u32::from(high) << 7;
            let two = low >= 0x80 && (0x01..0x80).contains(&high) && width <= 4096;
            // A small width, and a byte of parameters.
            let one = (1..0x80).contains(&low);
            let expected = if one || two { "coded parameters" } else { NETWORK };
            assert_eq!(refused(&[0, 1, low, high]), expected, "{low:#x} {high:#x}");
        }
    }
}
