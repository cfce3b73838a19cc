//! From [`File`] to bytes: the inverse of reading, with the same checks.

use super::fields::push_varint;
use super::stored::Scalar;
use super::{
    File, MAX_DEPTH, MAX_WIDTH, Networks, QuantizedNetwork, SPLINE, Stored, coded, header, metadata, missing,
    section, spline, stored,
};
use crate::error::{Error, Result};
use crate::network::Shape;
use crate::signal::{Description, Tiles};
use std::io::Write;

/// Writes a file.
///
/// # Errors
/// `Parameter` if the parts do not match or exceed what the format can store; `Io` if `writer` fails.
/// Everything is checked before anything is written.
pub fn write<W: Write>(file: &File, mut writer: W) -> Result<()> {
    let mut bytes = section::MAGIC.to_vec();
    bytes.push(section::VERSION);
    section::push(&mut bytes, section::SIGNAL, &super::signal::write_signal(&file.description)?);
    if let Stored::Siren { tiles, .. } = &file.field
        && let Some(payload) = header::write_tiles(tiles, &file.description)?
    {
        section::push(&mut bytes, section::TILES, &payload);
    }
    if let Some(payload) = metadata::write(&file.metadata)? {
        section::push(&mut bytes, section::METADATA, &payload);
    }
    if let Some(units) = &file.units {
        section::push(&mut bytes, section::UNITS, &header::write_units(units, &file.description)?);
    }
    if let Some(missing) = &file.missing {
        section::push(&mut bytes, section::MISSING, &missing::write(missing, &file.description)?);
    }
    section::push(&mut bytes, section::NETWORK, &write_field(file)?);
    Ok(writer.write_all(&bytes)?)
}

/// The exact bytes that `networks`, all of the same depth, take in a file: the coded parameters without the
/// widths. For a search for a size; `u64::MAX` for networks that no file can store.
pub fn quantized_size(networks: &[QuantizedNetwork]) -> u64 {
    let depths = networks.chunk_by(|a, b| a.shape.layers == b.shape.layers).count();
    if depths > 1 || networks.iter().any(|network| network.check().is_err()) {
        return u64::MAX;
    }
    coded::encode(networks).map_or(u64::MAX, |bytes| bytes.len() as u64)
}

/// The payload of the NETWORK section.
fn write_field(file: &File) -> Result<Vec<u8>> {
    match &file.field {
        Stored::Siren { tiles, networks } => write_networks(&file.description, tiles, networks),
        Stored::Spline(field) => {
            let mut payload = vec![SPLINE];
            payload.append(&mut spline::write(field, &file.description)?);
            Ok(payload)
        }
    }
}

/// The networks of `tiles`.
fn write_networks(signal: &Description, tiles: &Tiles, networks: &Networks) -> Result<Vec<u8>> {
    let error = |detail: String| Error::parameter("networks", detail);
    let shapes = networks.shapes();
    if shapes.len() != tiles.len() {
        return Err(error(format!("{} networks for {} tiles", shapes.len(), tiles.len())));
    }
    let layers = shapes.first().map_or(0, |s| s.layers);
    let depth = u8::try_from(layers).ok().filter(|d| (1..=MAX_DEPTH).contains(d));
    let depth = depth.ok_or_else(|| error(format!("{layers} hidden layers, expected 1 to {MAX_DEPTH}")))?;
    let (inputs, outputs) = (signal.axes.len(), usize::from(signal.channels));
    let fits = |s: &&Shape| {
        let width = (1..=MAX_WIDTH as usize).contains(&s.width);
        width && (s.layers, s.inputs, s.outputs) == (layers, inputs, outputs)
    };
    if let Some(shape) = shapes.iter().find(|s| !fits(s)) {
        return Err(error(format!(
            "{shape:?}, expected {inputs} → width 1 to {MAX_WIDTH} × {layers} → {outputs}"
        )));
    }
    let (coding, mut coded) = match networks {
        Networks::Quantized(networks) => {
            networks.iter().try_for_each(|n| n.check().map_err(error))?;
            (0, coded::encode(networks)?)
        }
        Networks::Half(networks) => (1, stored::encode(networks, Scalar::Half)?),
        Networks::Single(networks) => (2, stored::encode(networks, Scalar::Single)?),
    };
    let mut payload = vec![coding, depth];
    shapes.iter().for_each(|s| push_varint(&mut payload, s.width as u64));
    payload.append(&mut coded);
    Ok(payload)
}
