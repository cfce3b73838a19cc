//! Bytes to [`File`]: bound, decode, validate, covered exactly.

use super::fields::Fields;
use super::section::{self, Section};
use super::stored::Scalar;
use super::{File, MAX_DEPTH, MAX_WIDTH, Networks, coded, header, metadata, stored};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::network::Shape;
use crate::signal::{Description, Tiles};
use std::io::Read;

const NETWORK: &str = "NETWORK section";

/// Reads a file to its end.
///
/// # Errors
/// `Io` if `reader` fails, `Limit` if the file would cost more than `limits`, `Format` if it breaks the specification,
/// `Unsupported` for a version, a critical section or a kind of signal this crate does not know.
pub fn read<R: Read>(reader: R, limits: &Limits) -> Result<File> {
    let mut bytes = vec![];
    // One byte more than allowed, so that a file that is too long shows.
    reader.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    parse(&bytes, limits)
}

/// Reads a file from memory.
///
/// # Errors
/// As [`read`], without `Io`.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<File> {
    Limits::ask("file bytes", bytes.len() as u64, limits.file_bytes)?;
    let sections = section::split(bytes)?;
    if let Some(unknown) = sections.iter().find(|s| !is_known(s.number) && !section::is_ancillary(s.number)) {
        return Err(Error::unsupported(".siren", format!("critical section {:#04x}", unknown.number)));
    }
    let description = header::read_signal(required(&sections, section::SIGNAL, "no SIGNAL section")?)?;
    let tiles = match find(&sections, section::TILES) {
        Some(payload) => header::read_tiles(payload, &description, limits)?,
        None => Tiles::one(&description),
    };
    let metadata = match find(&sections, section::METADATA) {
        Some(payload) => metadata::read(payload, limits)?,
        None => vec![],
    };
    let network = required(&sections, section::NETWORK, "no NETWORK section")?;
    let networks = read_networks(network, &description, &tiles, limits)?;
    Ok(File { description, tiles, networks, metadata })
}

fn is_known(number: u8) -> bool {
    [section::SIGNAL, section::TILES, section::NETWORK, section::METADATA].contains(&number)
}

fn find<'a>(sections: &[Section<'a>], number: u8) -> Option<&'a [u8]> {
    sections.iter().find(|s| s.number == number).map(|s| s.payload)
}

fn required<'a>(sections: &[Section<'a>], number: u8, otherwise: &str) -> Result<&'a [u8]> {
    find(sections, number).ok_or_else(|| Error::format(".siren", otherwise))
}

/// Reads the NETWORK section: coding, hidden layers, the width of each tile's network, parameters.
fn read_networks(payload: &[u8], signal: &Description, tiles: &Tiles, limits: &Limits) -> Result<Networks> {
    let mut fields = Fields::new(payload, NETWORK);
    let coding = fields.u8("coding")?;
    let layers = fields.u8("hidden layers")?;
    if layers == 0 || layers > MAX_DEPTH {
        return Err(fields.error(format!("{layers} hidden layers, expected 1 to {MAX_DEPTH}")));
    }
    let (mut shapes, mut parameters) = (vec![], 0u64);
    for _ in 0..tiles.len() {
        let shape = Shape {
            inputs: signal.lengths.len(),
            outputs: usize::from(signal.channels),
            layers: usize::from(layers),
            width: fields.varint_in("width", 1, MAX_WIDTH)? as usize,
        };
        parameters = parameters.saturating_add(shape.parameters() as u64);
        shapes.push(shape);
    }
    Limits::ask("parameters", parameters, limits.parameters)?;
    let coded = fields.rest();
    match coding {
        0 => Ok(Networks::Quantized(coded::decode(coded, &shapes)?)),
        1 => Ok(Networks::Half(stored::decode(coded, &shapes, Scalar::Half)?)),
        2 => Ok(Networks::Single(stored::decode(coded, &shapes, Scalar::Single)?)),
        _ => Err(fields.error(format!("coding {coding}, expected 0 to 2"))),
    }
}
